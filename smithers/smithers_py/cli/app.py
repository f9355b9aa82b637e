"""The commands and their options (C-1, C-2). Each command imports what it needs when it runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from smithers_py.cli import db_verbs, vcs_verbs, verbs
from smithers_py.cli.options import (
    Database,
    Entry,
    ExecutionId,
    IdleTimeout,
    Input,
    Json,
    MaxAgents,
    MaxCost,
    MaxSeconds,
    MaxTokens,
    MaxToolCalls,
    NoWait,
    Script,
    State,
)

_FORMS = "text, mermaid, xml or json."

app = typer.Typer(
    name="smithers",
    help="Run plans of agents, commands and functions, and see what they did.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
db_verbs.register(app)
verbs.register(app)
vcs_verbs.register(app)


def run_app(arguments: list[str] | None) -> None:
    """Parse the arguments, run the command and leave with SystemExit. Errors of Smithers pass through."""
    typer.main.get_command(app).main(args=arguments, prog_name="smithers")


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"smithers {version('smithers-py-core')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Run plans of agents, commands and functions, and see what they did."""


@app.command()
def run(
    script: Script,
    *,
    entry: Entry = None,
    state: State = None,
    input_: Input = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="M", help="Use this model for every agent; 'test' needs no key and no network."),
    ] = None,
    database: Database = None,
    json: Json = False,
    idle_timeout: IdleTimeout = None,
    max_cost: MaxCost = None,
    max_tokens: MaxTokens = None,
    max_tool_calls: MaxToolCalls = None,
    max_agents: MaxAgents = None,
    max_seconds: MaxSeconds = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="A name for this execution (else the script's).")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="TAG", help="A tag for this execution (repeatable).")] = None,
    no_wait: NoWait = False,
    dry: Annotated[bool, typer.Option("--dry-run", help="Show the plan and what check says; run nothing.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on with each version of the script that is saved.")
    ] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="With --watch: ask before a save is taken over.")] = False,
) -> None:
    """Run a plan until nothing is left to do."""
    from smithers_py.cli.inputs import configured, plan_options

    more = configured(
        idle_timeout,
        max_cost=max_cost,
        max_tokens=max_tokens,
        max_tool_calls=max_tool_calls,
        max_agents=max_agents,
        max_seconds=max_seconds,
    )
    more |= {"model": model, "name": name, "tags": tuple(tag or ()), "wait": not no_wait}
    options = plan_options(script, entry, state, input_, database, **more)
    if dry:
        from smithers_py.cli.show_check import dry_run

        raise typer.Exit(dry_run(options, as_json=json))
    from smithers_py.cli.run import run_command

    raise typer.Exit(run_command(options, as_json=json, watch=watch, confirm=confirm))


@app.command()
def resume(
    execution: ExecutionId = "latest",
    *,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="Go on though the script has changed since.")
    ] = False,
    model: Annotated[str | None, typer.Option(metavar="M", help="Use this model for every agent from now on.")] = None,
    database: Database = None,
    json: Json = False,
    idle_timeout: IdleTimeout = None,
    max_cost: MaxCost = None,
    max_tokens: MaxTokens = None,
    max_tool_calls: MaxToolCalls = None,
    max_agents: MaxAgents = None,
    max_seconds: MaxSeconds = None,
    no_wait: NoWait = False,
) -> None:
    """Go on with an execution that was stopped, killed or failed.

    What is finished is not done again; a failed node is tried again.
    """
    from smithers_py.cli.resume import resume_command

    budget = {
        "max_cost": max_cost,
        "max_tokens": max_tokens,
        "max_tool_calls": max_tool_calls,
        "max_agents": max_agents,
        "max_seconds": max_seconds,
    }
    code = resume_command(
        execution,
        database,
        as_json=json,
        accept_changes=accept_changes,
        wait=not no_wait,
        model=model,
        idle_timeout=idle_timeout,
        budget=budget,
    )
    raise typer.Exit(code)


@app.command()
def diff(
    plan: Annotated[str, typer.Option("--plan", metavar="RUN", help="The execution to compare with.")],
    script: Script,
    *,
    database: Database = None,
    json: Json = False,
) -> None:
    """Show what a changed script would do to an execution: what is new, gone, changed, run again; nothing is done."""
    from smithers_py.cli.show_diff import diff_command

    diff_command(plan, script, database, as_json=json)


@app.command()
def graph(
    script: Script,
    *,
    entry: Entry = None,
    state: State = None,
    input_: Input = None,
    form: Annotated[
        Literal["text", "mermaid", "xml", "json"], typer.Option("--format", metavar="FORM", help=_FORMS)
    ] = "text",
    json: Json = False,
    deps: Annotated[bool, typer.Option("--deps", help="Show who reads which state keys instead.")] = False,
    execution: Annotated[
        str | None, typer.Option(metavar="ID", help="With --deps: also who read and wrote them in it.")
    ] = None,
    database: Database = None,
) -> None:
    """Show the plan of a script without running it.

    Phases whose turn comes later are shown as previews. Nothing is written.
    """
    from smithers_py.cli.inputs import plan_options
    from smithers_py.cli.show_graph import show_graph

    if deps:
        from smithers_py.cli.show_deps import show_deps

        options = plan_options(script, entry, state, input_, database)
        show_deps(options, "json" if json else form, database, execution)
        return
    show_graph(plan_options(script, entry, state, input_), "json" if json else form)


@app.command()
def check(
    script: Script,
    *,
    entry: Entry = None,
    state: State = None,
    input_: Input = None,
    json: Json = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for warnings too.")] = False,
    purity: Annotated[
        bool, typer.Option("--purity", help="Also find what rendering reads or does beside ctx: clock, files, network.")
    ] = False,
) -> None:
    """Say what is wrong with a script, without running it.

    Errors would stop a run (exit 1); warnings are what will bite later.
    """
    from smithers_py.cli.inputs import plan_options
    from smithers_py.cli.show_check import check_command

    options = plan_options(script, entry, state, input_)
    raise typer.Exit(check_command(options, as_json=json, strict=strict, purity=purity))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where (else here).")] = Path(),
    px: Annotated[bool, typer.Option("--px", help="Write the plan as elements, in plan.px.")] = False,
) -> None:
    """Write a small plan to begin with.

    Files that are there already are left alone.
    """
    from smithers_py.cli.init import init_folder

    init_folder(folder, px=px)


@app.command()
def explain(
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", help="A code, as E105 (else all of them).")] = None,
    json: Json = False,
) -> None:
    """Explain the code of an error or warning.

    Its cause, an example, and how to mend it.
    """
    from smithers_py.cli.explain import explain_code

    explain_code(code, as_json=json)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the latest ones.")] = 20,
    status: Annotated[str | None, typer.Option(help="Only executions of this status.")] = None,
    json: Json = False,
    database: Database = None,
) -> None:
    """List executions, the latest last (alias: ps)."""
    from smithers_py.cli.show_list import show_list

    show_list(database, limit=limit, status=status, as_json=json)


app.command("ps", hidden=True)(list_)


@app.command()
def inspect(execution: ExecutionId = "latest", json: Json = False, database: Database = None) -> None:
    """Show an execution: plan, statuses, tasks, errors."""
    from smithers_py.cli.show_inspect import show_inspect

    show_inspect(database, execution, as_json=json)


@app.command()
def why(
    node: Annotated[str, typer.Argument(metavar="NODE", help="A node: its id, a unique beginning of it, or its name.")],
    execution: ExecutionId = "latest",
    json: Json = False,
    database: Database = None,
) -> None:
    """Say why a node ran, ran again, or has not run yet.

    Also why it is in the plan, or why it left it: which key changed, and who wrote it.
    """
    from smithers_py.cli.show_why import show_why

    show_why(database, node, execution, as_json=json)


@app.command()
def logs(
    execution: ExecutionId = "latest",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the execution ends.")] = False,
    level: Annotated[str, typer.Option(help="Least level: debug, info, warning or error.")] = "info",
    json: Json = False,
    database: Database = None,
) -> None:
    """Show what happened and what was printed."""
    from smithers_py.cli.show_logs import show_logs

    show_logs(database, execution, follow=follow, level=level, as_json=json)


@app.command()
def doctor(
    execution: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Verify this execution: id, beginning of it, or 'latest'.")
    ] = None,
    *,
    ping: Annotated[bool, typer.Option("--ping", help="Ask each usable model for one word (a few tokens).")] = False,
    json: Json = False,
    database: Database = None,
) -> None:
    """Say whether all is well, and what to do.

    Without ID: what is configured, which providers have keys, which models can be used. With ID: verify everything
    that is stored of an execution. Exit 1 when something is wrong.
    """
    if execution is None:
        from smithers_py.cli.doctor import doctor_setup

        raise typer.Exit(doctor_setup(database, ping=ping, as_json=json))
    from smithers_py.cli.show_doctor import doctor_execution

    raise typer.Exit(doctor_execution(database, execution, as_json=json))
