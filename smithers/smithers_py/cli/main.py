"""Entry point of `smithers` and `python -m smithers_py`."""

import sys

from smithers_py.cli.failure import BAD_INPUT, FAILED, INTERRUPTED, report
from smithers_py.errors import SmithersError


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code (C-4). `arguments` defaults to the process's own."""
    try:
        from smithers_py.cli.app import run_app

        run_app(arguments)
    except SmithersError as error:
        # What a command raises here happened before there was an execution: bad input (Z-22).
        report(error)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last line of defence prints it and exits 1
        report(error)
        sys.exit(FAILED)
