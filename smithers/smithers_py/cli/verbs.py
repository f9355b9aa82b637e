"""The commands by which people steer a run and answer its questions, from any process (C-7, P-1).

Verbs are `VERB [ID] NODE`: with one word it is the node, and the execution is the latest (Z-22).
"""

from pathlib import Path
from typing import Annotated

import typer

from smithers_py.cli.options import Database, ExecutionId, Json, Node, Question


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    steering = (pause, unpause, stop, terminate, cancel, retry, rerun, reset_loop, set_)
    for command in (approvals, approve, deny, *steering):
        app.command(command.__name__.rstrip("_").replace("_", "-"))(command)


def approvals(
    execution: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Only this execution's (else those of all).")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were answered.")] = False,
    json: Json = False,
    database: Database = None,
) -> None:
    """List the questions that wait for a person."""
    from smithers_py.cli.approvals import show_approvals

    show_approvals(database, execution, everything=everything, as_json=json)


def approve(
    targets: Question,
    comment: Annotated[str | None, typer.Option(metavar="TEXT", help="A word to it.")] = None,
    output: Annotated[str | None, typer.Option(metavar="JSON", help="The fields that a typed question asks.")] = None,
    json: Json = False,
    database: Database = None,
) -> None:
    """Say yes to a question: an agent's tool call, or a Human node."""
    from smithers_py.cli.approvals import answer

    answer(database, targets, approved=True, comment=comment, output=output, as_json=json)


def deny(
    targets: Question,
    comment: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; an agent reads it too.")] = None,
    json: Json = False,
    database: Database = None,
) -> None:
    """Say no to a question."""
    from smithers_py.cli.approvals import answer

    answer(database, targets, approved=False, comment=comment, output=None, as_json=json)


def pause(execution: ExecutionId = "latest", json: Json = False, database: Database = None) -> None:
    """Start nothing new; what runs goes on."""
    _tell(database, execution, "pause", json)


def unpause(execution: ExecutionId = "latest", json: Json = False, database: Database = None) -> None:
    """Go on after a pause."""
    _tell(database, execution, "unpause", json)


def stop(execution: ExecutionId = "latest", json: Json = False, database: Database = None) -> None:
    """End a run gracefully; its state is kept, and it can be resumed.

    What runs gets its time to clean up.
    """
    _tell(database, execution, "stop", json)


def terminate(execution: ExecutionId = "latest", json: Json = False, database: Database = None) -> None:
    """End a run at once; its state is kept."""
    _tell(database, execution, "terminate", json)


def cancel(targets: Node, json: Json = False, database: Database = None) -> None:
    """Cancel one node's work; the plan goes on without it."""
    _tell_node(targets, "cancel", database, json)


def retry(targets: Node, json: Json = False, database: Database = None) -> None:
    """Try a failed or cancelled node again; where only its handler failed, only that."""
    _tell_node(targets, "retry", database, json)


def rerun(targets: Node, json: Json = False, database: Database = None) -> None:
    """Run a node anew, whatever it came to; what came after it stays as it is."""
    _tell_node(targets, "rerun", database, json)


def reset_loop(targets: Node, json: Json = False, database: Database = None) -> None:
    """Let a loop begin at its first iteration again."""
    _tell_node(targets, "reset-loop", database, json)


def set_(
    targets: Annotated[list[str], typer.Argument(metavar="[ID] KEY JSON", help="A state key, and its value as JSON.")],
    json: Json = False,
    database: Database = None,
) -> None:
    """Set a key of a run's state."""
    from smithers_py.cli.control import key_targets, tell

    execution, args = key_targets(targets)
    raise typer.Exit(tell(database, execution, "set", args=args, as_json=json))


def _tell(database: Path | None, execution: str, verb: str, as_json: bool) -> None:
    from smithers_py.cli.control import tell

    raise typer.Exit(tell(database, execution, verb, as_json=as_json))


def _tell_node(targets: list[str], verb: str, database: Path | None, as_json: bool) -> None:
    from smithers_py.cli.control import node_targets, tell

    execution, node = node_targets(targets, verb)
    raise typer.Exit(tell(database, execution, verb, node=node, as_json=as_json))
