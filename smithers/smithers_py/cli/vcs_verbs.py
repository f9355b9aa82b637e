"""The commands about snapshots (V-1)."""

from typing import Annotated

import typer

from smithers_py.cli.options import Database, ExecutionId, Json, Node


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command()(snapshots)
    app.command()(rollback)


def snapshots(execution: ExecutionId = "latest", json: Json = False, database: Database = None) -> None:
    """List the snapshots and commits that steps have made of the workspace."""
    from smithers_py.cli.show_snapshots import show_snapshots

    show_snapshots(database, execution, as_json=json)


def rollback(
    targets: Node,
    *,
    before: Annotated[bool, typer.Option("--before", help="To before the node's work (the default).")] = False,
    after: Annotated[bool, typer.Option("--after", help="To after it.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="To what the last rollback found.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
    database: Database = None,
) -> None:
    """Restore the workspace to the snapshot of a step.

    What is there now is kept as another snapshot first. Branch, index and what git ignores stay as they are.
    """
    from smithers_py.cli.control import node_targets
    from smithers_py.cli.show_snapshots import rollback_command
    from smithers_py.errors import UsageError

    if before + after + undo > 1:
        raise UsageError("rollback takes one of --before, --after and --undo")
    execution, node = node_targets(targets, "rollback")
    when = "after" if after else "undo" if undo else "before" if before else None
    raise typer.Exit(rollback_command(database, execution, node, when, yes=yes, as_json=json))
