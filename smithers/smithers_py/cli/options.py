"""The options and arguments that several commands share: one wording, one meaning (C-1)."""

from pathlib import Path
from typing import Annotated

import typer

Database = Annotated[
    Path | None,
    typer.Option("--db", help="The database (else SMITHERS_DB, else ./.smithers/db.sqlite).", metavar="PATH"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Script = Annotated[Path, typer.Argument(metavar="SCRIPT", help="The plan: a Python file with a component or plan.")]
Entry = Annotated[str | None, typer.Option(metavar="NAME", help="The component to start, if the script has several.")]
State = Annotated[
    list[str] | None, typer.Option("--state", metavar="KEY=JSON", help="Set a state key first (repeatable).")
]
Input = Annotated[str | None, typer.Option("--input", metavar="JSON|@FILE", help="The plan's input.")]
ExecutionId = Annotated[
    str, typer.Argument(metavar="[ID]", help="An execution: its id, a unique beginning of it, or 'latest'.")
]
Everything = Annotated[bool, typer.Option("--all", help="Also the engine's own keys, which begin with $.")]
FrameNumber = Annotated[int | None, typer.Option("--frame", metavar="K", min=-1, help="Only this frame.")]
MaxCost = Annotated[
    float | None, typer.Option(metavar="USD", min=0.0, help="Stop when models have cost so many US dollars.")
]
MaxTokens = Annotated[int | None, typer.Option(metavar="N", min=0, help="Stop when so many tokens were used.")]
MaxToolCalls = Annotated[int | None, typer.Option(metavar="N", min=0, help="Stop before a tool is called once more.")]
MaxAgents = Annotated[int | None, typer.Option(metavar="N", min=0, help="Stop before one more agent starts.")]
MaxSeconds = Annotated[float | None, typer.Option(metavar="SECONDS", min=0.0, help="Stop after so long.")]
IdleTimeout = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", min=0.0, help="End when nothing happened for so long (else 0.5)."),
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="When only people are waited for, exit 3; resume goes on.")]
Key = Annotated[str | None, typer.Option("--key", metavar="KEY", help="Only this state key.")]
Node = Annotated[list[str], typer.Argument(metavar="[ID] NODE", help="A node: its id, or a unique beginning of it.")]
Question = Annotated[
    list[str], typer.Argument(metavar="[ID] NODE|NUMBER", help="The question's number, or the node that asks.")
]
