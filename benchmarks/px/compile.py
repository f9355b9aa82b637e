"""How long a `.px` file takes: to compile, and to import once it is compiled. CPU milliseconds, best of five.

uv run python benchmarks/px/compile.py
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from smithers_py.px.compiler import compile_px
from smithers_py.px.loader import code_of

ELEMENTS = 2_000


def plan(elements: int, *, px: bool, word: str = "step") -> str:
    """A module whose component makes that many nodes, five in a Step."""
    head = "from smithers_py import *\n\n@component\ndef App(ctx):\n    return [\n"
    rows: list[str] = []
    for number in range(elements // 5):
        if px:
            rows.append(f'        <Step name="{word} {number}">')
            rows += [
                f'            <Claude id="a {number} {n}" prompt="do {n}" on_finished=lambda r: print(r, {n}) />'
                for n in range(4)
            ]
            rows.append("        </Step>,")
        else:
            rows.append(f'        Step(name="{word} {number}", children=[')
            rows += [
                f'            Claude(id="a {number} {n}", prompt="do {n}", on_finished=lambda r: print(r, {n})),'
                for n in range(4)
            ]
            rows.append("        ]),")
    return head + "\n".join(rows) + "\n    ]\n"


def best(fn: Callable[[], object]) -> float:
    """CPU milliseconds of the fastest of five calls."""
    found: list[float] = []
    for _ in range(5):
        begun = time.process_time()
        fn()
        found.append((time.process_time() - begun) * 1000)
    return min(found)


def main() -> None:
    """Print the table."""
    sys.dont_write_bytecode = False
    for name, word in (("ASCII", "step"), ("not ASCII", "é日")):
        text = plan(ELEMENTS, px=True, word=word)
        print(
            f"compile {ELEMENTS:,} elements, {name:<10} {best(lambda text=text: compile_px(text, 'plan.px')):7.1f} ms"
        )
    calls = plan(ELEMENTS, px=False)
    print(f"compile the same as calls              {best(lambda: compile(calls, 'plan.py', 'exec')):7.1f} ms")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.px"
        text = plan(ELEMENTS, px=True)
        file.write_text(text, encoding="utf-8")
        code_of(file.read_bytes(), str(file))
        cached = best(lambda: code_of(file.read_bytes(), str(file)))
        python = Path(folder) / "calls.py"
        python.write_text(calls, encoding="utf-8")
        sys.path.insert(0, folder)
        from importlib.machinery import SourceFileLoader

        loader = SourceFileLoader("calls", str(python))
        loader.get_code("calls")
        plain = best(lambda: loader.get_code("calls"))
    print(f"cached code of the .px file            {cached:7.1f} ms")
    print(f"cached code of the .py file            {plain:7.1f} ms")


if __name__ == "__main__":
    main()
