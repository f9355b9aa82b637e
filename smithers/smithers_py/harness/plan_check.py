"""`smithers check`: what is wrong with a script, and what will bite its author later (A-7, Z-2).

The plan is rendered without running (`engine.preview`), so rules about nodes see what really mounts; rules about code
read the script's syntax tree. Errors stop a run; warnings do not.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from smithers_py.dsl.component import Element
from smithers_py.dsl.script import LoadedScript, load_script
from smithers_py.engine.instance import Instance
from smithers_py.engine.launch import RunOptions, initial_state, validated_input
from smithers_py.engine.preview import Preview, preview
from smithers_py.errors import (
    EntryNotFoundError,
    PlanError,
    ScriptImportError,
    ScriptSyntaxError,
    SmithersError,
    UsageError,
)
from smithers_py.harness.code_check import Finding, code_findings
from smithers_py.harness.purity import Purity
from smithers_py.nodes import BaseNode, NodeKind
from smithers_py.nodes.props import site_place
from smithers_py.state.context import signal_hook
from smithers_reactive import Runtime

_AGENTS = ("Claude", "Agent")


@dataclass(frozen=True, slots=True)
class LoadedPlan:
    """An imported script with its checked input, ready to be rendered."""

    script: LoadedScript
    input: Any
    options: RunOptions
    rt: Runtime

    def preview(self) -> Preview:
        """Render the plan without running it.

        Raises:
            PlanError, RenderPhaseError, StateError: what would end a run of it.
        """
        element = Element(self.script.component, self.script.props)
        options = self.options
        return preview(element, state=options.state, input=self.input, workspace=options.workspace, rt=self.rt)


@dataclass(frozen=True, slots=True)
class Checked:
    """What `check` found, and the plan if it could be rendered."""

    findings: list[Finding]
    preview: Preview | None

    @property
    def errors(self) -> int:
        """How many of the findings stop a run."""
        return sum(one.level == "error" for one in self.findings)


def load_plan(options: RunOptions) -> LoadedPlan:
    """Import a script and check what it is given; only script, entry, state, input and workspace of the options count.

    Raises:
        ScriptError, UsageError, PlanError, StateError: why `smithers run` would not even create an execution.
    """
    if options.script is None:
        raise UsageError("no script was given", hint="Name a script.")
    rt = Runtime(on_write=signal_hook)
    initial_state(options.state)
    with rt.activate():
        loaded = load_script(options.script, options.entry)
        return LoadedPlan(loaded, validated_input(loaded.component, options.input), options, rt)


def check_script(options: RunOptions, *, purity: bool = False) -> Checked:
    """Everything there is to say about a script, errors first, then by line. `purity`: also what its render reads or
    does that is not its own.

    Raises:
        ScriptNotFoundError, EntryNotFoundError, UsageError, StateError: what was asked for is wrong, not the script.
    """
    try:
        loaded = load_plan(options)
    except (ScriptSyntaxError, ScriptImportError, PlanError) as error:
        return Checked([_error(error)], None)
    except EntryNotFoundError as error:
        if options.entry is not None:
            raise
        return Checked([_error(error)], None)
    found = [*code_findings(loaded.script.path)]
    watched = Purity()
    shown = None
    try:
        with watched.watch() if purity else nullcontext():
            shown = loaded.preview()
    except SmithersError as error:
        found.append(_error(error))
    else:
        found += _node_findings(shown)
    found += watched.findings
    unique = {(one.code, one.file, one.line, one.message): one for one in found}
    ordered = sorted(unique.values(), key=lambda one: (one.level, one.file or "", one.line or 0, one.code))
    return Checked(ordered, shown)


def _error(error: SmithersError) -> Finding:
    where = error.where
    return Finding(
        level="error",
        code=error.code,
        message=error.message,
        hint=error.hint,
        node=where.node,
        file=where.file,
        line=where.line,
        column=where.column,
    )


# -- rules about nodes ----------------------------------------------------------------------------------------------


def _node_findings(shown: Preview) -> Iterator[Finding]:
    for parent in dict.fromkeys(inst.parent for inst in shown.instances):
        if parent is not None:
            yield from _unkeyed_items(parent)
    for inst in shown.instances:
        desc = inst.desc
        if not isinstance(desc, BaseNode):
            continue
        given = desc.model_fields_set
        if inst.kind is NodeKind.RUNNABLE and desc.id is None and desc.key is None:
            yield _about(
                inst,
                "W101",
                f"{inst.type_name} has no id",
                'Give it id="..."; without one, moving it in the code makes it another node that runs again.',
            )
        if inst.kind is NodeKind.LOOP and "max_iterations" not in given:
            yield _about(
                inst,
                "W103",
                f"{inst.path_name} has no max_iterations",
                "It will stop after 10; say how many iterations you mean.",
            )
        if inst.type_name in _AGENTS and "max_turns" not in given:
            yield _about(
                inst,
                "W104",
                f"{inst.path_name} has no max_turns",
                "It may make 50 model requests; say how many it should need.",
            )


def _unkeyed_items(inst: Instance) -> Iterator[Finding]:
    """Siblings made by one line of code and not told apart: a list."""
    sites = Counter(child.desc.site for child in inst.children if child.segment.startswith("i:") and child.desc.site)
    seen: set[Any] = set()
    for child in inst.children:
        site = child.desc.site
        if child.kind is NodeKind.TEXT or site in seen or not child.segment.startswith("i:"):
            continue
        if site is not None and sites[site] > 1:
            seen.add(site)
            yield _about(
                child,
                "W102",
                f"{sites[site]} {child.type_name} items of a list have no key",
                "Give each key=..., or the list's changes will restart the wrong ones.",
            )


def _about(inst: Instance, code: str, message: str, hint: str) -> Finding:
    file, line, column = site_place(inst.desc.site) or (None, None, None)
    return Finding(
        level="warning",
        code=code,
        message=message,
        hint=hint,
        node=inst.path(),
        file=file,
        line=line,
        column=column,
    )
