"""`smithers doctor ID`: verify one execution and say what to do."""

import asyncio
import sys
from pathlib import Path

from smithers_py.cli.failure import FAILED
from smithers_py.cli.inputs import database_path
from smithers_py.cli.terminal import clean, glyph, paint, say, write_json
from smithers_py.harness.diagnosis import Diagnosis, diagnose

_MOST = 20


def doctor_execution(database: Path | None, execution: str, *, as_json: bool) -> int:
    """Print what is wrong with an execution, or that nothing is; returns the exit code: 1 when anything is."""
    diagnosis = asyncio.run(diagnose(database_path(database), execution))
    if as_json:
        write_json(diagnosis)
    else:
        _print(diagnosis)
    return 0 if diagnosis.healthy else FAILED


def _print(diagnosis: Diagnosis) -> None:
    status = "succeeded" if diagnosis.healthy else "failed"
    count = len(diagnosis.findings)
    told = "sound" if diagnosis.healthy else f"{count} thing{'' if count == 1 else 's'} wrong"
    say(f"{paint(f'{glyph(status, sys.stdout)} {told}', status, sys.stdout)}  {clean(diagnosis.execution_id)}")
    state = diagnosis.run_state
    facts = {
        "state": None if state is None else f"{state.state}: {state.reason}",
        "owner": diagnosis.owner,
        "stored": ", ".join(f"{number:,} {what}" for what, number in diagnosis.counts.items()),
        "verified": "every page, hash chain, state, plan, tasks, leases, events" if diagnosis.healthy else None,
    }
    for name, value in facts.items():
        if value:
            say(f"  {name + ':':<10} {clean(value)}")
    for one in diagnosis.findings[:_MOST]:
        say(f"  {paint(one.kind, 'failed', sys.stdout)}: {clean(one.detail)}")
    if count > _MOST:
        say(f"  and {count - _MOST} more; --json shows all")
    for note in diagnosis.notes:
        say(f"  {'note:':<10} {note}")
    say(f"  {'next:':<10} {clean(diagnosis.next)}")
