"""`python -m smithers_py.px MODULE [ARGUMENTS]`: run a `.px` module or file, as `python -m` does for `.py`."""

import runpy
import sys
from pathlib import Path

from smithers_py.px.loader import SUFFIX, code_of, install


def main() -> None:
    """Run what the first argument names; the others are its `sys.argv`."""
    if len(sys.argv) < 2:
        sys.stderr.write("usage: python -m smithers_py.px MODULE|FILE.px [ARGUMENTS]\n")
        raise SystemExit(2)
    install()
    del sys.argv[0]
    name = sys.argv[0]
    if not name.endswith(SUFFIX):
        sys.path.insert(0, "")
        runpy.run_module(name, run_name="__main__", alter_sys=True)
        return
    file = Path(name)
    sys.path.insert(0, str(file.resolve().parent))
    module = sys.modules["__main__"]
    module.__file__ = name
    exec(code_of(file.read_bytes(), name), module.__dict__)  # noqa: S102 - running it is the job


if __name__ == "__main__":
    main()
