"""CPU time of what a plan script imports, above that of a bare interpreter: `python benchmarks/import_cost.py`.

User and system milliseconds of fresh processes, median of several; the first start (which compiles bytecode) is not
counted. Target (A-5): at most 120 ms.
"""

import os
import resource
import statistics
import subprocess
import sys

ROUNDS = 9
STATEMENTS = {
    "pass": "bare interpreter",
    "import smithers_reactive": "the reactive package alone",
    "from pydantic import BaseModel": "Pydantic, which checks the props of nodes",
    "from smithers_py import Claude": "a node class (target 120 ms)",
    "from smithers_py import plan, Phase, Claude": "what a plan script names",
    "from smithers_py import Claude; Claude(prompt='x')": "the first node, which loads Pydantic",
    "import smithers_py.cli.main": "the command line, before a command runs",
}


def cpu_ms(statement: str) -> float:
    """CPU time of one fresh process that runs the statement, in ms."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Users have bytecode caches; a shell that forbids them would make this a benchmark of the compiler.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", statement], env=env, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def main() -> None:
    """Print one line for each statement."""
    bare = 0.0
    print(f"{'CPU ms':>8} {'above':>8}  statement")
    for statement, meaning in STATEMENTS.items():
        cpu_ms(statement)
        median = statistics.median(cpu_ms(statement) for _ in range(ROUNDS))
        bare = bare or median
        print(f"{median:8.0f} {median - bare:8.0f}  {statement}  ({meaning})")


if __name__ == "__main__":
    main()
