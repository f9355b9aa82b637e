"""`smithers check` and `smithers run --dry-run`: what is wrong with a script, and what it would do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from smithers_py.cli.failure import FAILED
from smithers_py.cli.show_graph import print_form
from smithers_py.cli.terminal import clean, note, say, write_json
from smithers_py.engine.launch import RunOptions
from smithers_py.harness.code_check import Finding
from smithers_py.harness.plan_check import Checked, check_script


def check_command(options: RunOptions, *, as_json: bool, strict: bool, purity: bool = False) -> int:
    """Print what there is to say; returns the exit code: 1 for errors, with `strict` also for warnings."""
    checked = check_script(options, purity=purity)
    if as_json:
        write_json(_data(options, checked))
    else:
        _print(options, checked, say)
    return FAILED if checked.errors or (strict and checked.findings) else 0


def dry_run(options: RunOptions, *, as_json: bool) -> int:
    """Print the plan and what `check` says of it; creates no execution and no database (O-6)."""
    checked = check_script(options)
    plan = None if checked.preview is None else checked.preview.form
    if as_json:
        write_json({"dry_run": True, **_data(options, checked), "plan": None if plan is None else plan.data()})
    elif plan is not None:
        print_form(plan)
    _print(options, checked, note)
    return FAILED if checked.errors else 0


def _data(options: RunOptions, checked: Checked) -> dict[str, Any]:
    return {
        "script": str(options.script),
        "ok": not checked.errors,
        "errors": checked.errors,
        "warnings": len(checked.findings) - checked.errors,
        "findings": [one.model_dump() for one in checked.findings],
    }


def _print(options: RunOptions, checked: Checked, write: Callable[[str], None]) -> None:
    for one in checked.findings:
        write(clean(_line(one)))
    warnings = len(checked.findings) - checked.errors
    write(f"{options.script}: {_count(checked.errors, 'error')}, {_count(warnings, 'warning')}")
    codes = list(dict.fromkeys(one.code for one in checked.findings))
    if codes:
        note(f"next: smithers explain {codes[0]}" + (f" (also {', '.join(codes[1:])})" if codes[1:] else ""))


def _line(one: Finding) -> str:
    """`file:line:column: warning W101: message (at node). Hint`, as compilers print and editors read."""
    place = ""
    if one.file is not None:
        numbers = [str(number) for number in (one.line, one.column) if number]
        place = f"{':'.join([_short(one.file), *numbers])}: "
    at = f" (at {one.node})" if one.node else ""
    hint = f" {one.hint}" if one.hint else ""
    return f"{place}{one.level} {one.code}: {one.message.rstrip('.')}{at}.{hint}"


def _short(file: str) -> str:
    path = Path(file)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
