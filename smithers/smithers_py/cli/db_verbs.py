"""The commands that read the state, its changes and the frames: `smithers db …` (C-2)."""

from typing import Annotated

import typer

from smithers_py.cli.options import Database, Everything, ExecutionId, FrameNumber, Json, Key


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    db = typer.Typer(
        help="Read the state, its changes and the frames of an execution.", no_args_is_help=True, rich_markup_mode=None
    )
    for name, command in (("state", db_state), ("transitions", db_transitions), ("frames", db_frames)):
        db.command(name)(command)
    app.add_typer(db, name="db")


def db_state(
    execution: ExecutionId = "latest",
    *,
    json: Json = False,
    everything: Everything = False,
    frame: Annotated[int | None, typer.Option("--frame", metavar="K", min=0, help="As frame K saw it.")] = None,
    key: Key = None,
    database: Database = None,
) -> None:
    """The state: every key and its value."""
    from smithers_py.cli.show_db import show_state

    show_state(database, execution, as_json=json, everything=everything, frame=frame, key=key)


def db_transitions(
    execution: ExecutionId = "latest",
    *,
    json: Json = False,
    everything: Everything = False,
    frame: FrameNumber = None,
    key: Key = None,
    database: Database = None,
) -> None:
    """Every change of the state and who wrote it."""
    from smithers_py.cli.show_db import show_transitions

    show_transitions(database, execution, as_json=json, everything=everything, frame=frame, key=key)


def db_frames(
    execution: ExecutionId = "latest",
    *,
    json: Json = False,
    everything: Everything = False,
    frame: Annotated[
        int | None, typer.Option("--frame", metavar="K", min=0, help="This frame's whole plan and the state it saw.")
    ] = None,
    database: Database = None,
) -> None:
    """The frames; with --frame one in full."""
    from smithers_py.cli.show_db import show_frames

    show_frames(database, execution, as_json=json, everything=everything, frame=frame)
