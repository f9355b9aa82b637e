"""What is inside an instance: runs the user's code of a scope, tracked, and picks what a control node shows.

This is the only place of the engine where plan code runs. It runs under a render activity, so `ctx` knows that it is
read-only (F-2), and under the reactive read log, so what it reads is known.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from smithers_py.dsl.component import Element, call_plain, render_element
from smithers_py.engine.draft import Draft
from smithers_py.engine.instance import Instance
from smithers_py.engine.progress import loop_state, may_reopen
from smithers_py.engine.slots import where
from smithers_py.errors import ComponentError, InvalidOutputError, InvalidPropError, SmithersError
from smithers_py.nodes import BaseNode, Case, Default, Each, Effect, If, NodeKind, Switch
from smithers_py.state.actions import Batch
from smithers_py.state.activity import Activity, current
from smithers_py.state.codec import decode
from smithers_py.state.context import EffectUse
from smithers_py.where import an
from smithers_reactive import Runtime, Scope

_SETTLED = ("succeeded", "failed", "skipped", "cancelled")


def is_scope(desc: BaseNode | Element) -> bool:
    """True for descriptions whose content is user code: they re-render on their own (N-1)."""
    if isinstance(desc, Element):
        return True
    if desc.kind is NodeKind.LOOP:
        return callable(desc.children)
    if desc.kind is not NodeKind.TRANSPARENT:
        return False
    if isinstance(desc, If):
        return callable(desc.condition)
    if isinstance(desc, Switch):
        return callable(desc.value)
    return isinstance(desc, Each)


class Content:
    """Evaluates instances for one execution."""

    def __init__(self, ctx: Any, execution_id: str) -> None:
        self.ctx = ctx
        self.execution_id = execution_id
        self.now_ms = 0
        """The frame's time: ms since the epoch."""
        self.frame_index = 0
        self.user_writes = 0
        """The plan's own state changes so far: an iteration of a loop that does nothing at all must not go on."""
        self.activity = Activity("render")
        self.whole = False
        """In a comparison: what has started or ended shows its content too."""
        self.ahead = False
        """In a comparison: so does what has not been reached (Z-6)."""

    def begin(self, frame_index: int, now_ms: int) -> None:
        """A new frame: a fresh activity, so that nothing kept from the last one can be used."""
        self.activity = Activity("render", frame=frame_index, now_ms=now_ms)
        self.frame_index = frame_index
        self.now_ms = now_ms

    def path(self) -> str:
        """Where in the plan the code that is running stands; asked only when an error needs it."""
        owner = self.activity.owner
        return owner.path() if isinstance(owner, Instance) else ""

    def of(self, inst: Instance, draft: Draft) -> Any:
        """The raw children of an instance; None to leave its children alone."""
        desc = inst.desc
        if isinstance(desc, Element):
            return self._component(inst, desc, draft)
        kind = inst.kind
        if kind is NodeKind.TRANSPARENT:
            return self._control(inst, desc, draft)
        if kind is NodeKind.RUNNABLE:
            # A started task keeps the prompt it started with (Z-3).
            return desc.children if self.whole or inst.status in ("idle", "scheduled") else None
        if kind in (NodeKind.TEXT, NodeKind.EFFECT, NodeKind.STOP):
            return desc.children
        whole = self.whole and bool(inst.children)
        over = inst.status in _SETTLED and not may_reopen(inst)
        if self.ahead and not inst.reached:
            return self._later(inst, draft)
        if not inst.reached or inst in draft.skipped or (over and not whole):
            return [] if inst.mounted_frame < 0 else None
        if kind is not NodeKind.LOOP:
            return desc.children
        state = loop_state(inst)
        if state.iteration < 0 or ((state.between or state.done is not None) and not whole):
            return None
        if callable(desc.children):
            return self._tracked(inst, draft, call_plain, desc.children, state.iteration)
        return desc.children

    def _later(self, inst: Instance, draft: Draft) -> Any:
        """What an unreached container would hold; of a loop its first iteration."""
        desc = inst.desc
        if inst.kind is not NodeKind.LOOP:
            return desc.children
        state = loop_state(inst)
        iteration, state.iteration = state.iteration, 0
        draft.undo.append(lambda: setattr(state, "iteration", iteration))
        return self._tracked(inst, draft, call_plain, desc.children, 0) if callable(desc.children) else desc.children

    def skips(self, phase: Instance, draft: Draft) -> bool:
        """Whether a Phase whose turn has come says to be skipped; read once."""
        return bool(self._once(phase, phase.desc.skip_if, draft))

    def continues(self, loop: Instance, draft: Draft) -> bool:
        """A loop's condition, read between two iterations (Z-8)."""
        return bool(self._once(loop, loop.desc.condition, draft))

    # -- running user code --------------------------------------------------------------------------------------

    def _component(self, inst: Instance, desc: Element, draft: Draft) -> Any:
        output = self._tracked(inst, draft, render_element, desc.component, self.ctx, desc.props)
        hooks = [_hook(use) for use in self.activity.take_effects()]
        return [*output, *hooks] if hooks else output

    def _control(self, inst: Instance, desc: Any, draft: Draft) -> Any:
        if isinstance(desc, If):
            value = self._value(inst, desc.condition, draft)
            return desc.children if value else [[], _as_list(desc.fallback)]
        if isinstance(desc, Switch):
            return _chosen(desc, self._value(inst, desc.value, draft), inst)
        if isinstance(desc, Each):
            return self._tracked(inst, draft, _each, desc)
        if isinstance(desc, Case | Default) and inst.parent is not None and inst.parent.type_name != "Switch":
            raise InvalidOutputError(
                f"{inst.type_name} stands in {inst.parent.path_name}, not in a Switch",
                hint="Put it directly into a Switch, or use If.",
                where=where(inst.desc, inst, itself=True),
            )
        return desc.children

    def _value(self, inst: Instance, value: Any, draft: Draft) -> Any:
        return self._tracked(inst, draft, call_plain, value) if callable(value) else value

    def _tracked(self, inst: Instance, draft: Draft, fn: Callable[..., Any], *args: Any) -> Any:
        scope = inst.scope
        if scope is None:
            # A control node that was given a value before and a callable now.
            return self._once(inst, lambda: fn(*args), draft)
        self._enter(inst, draft.frame_index)
        token = current.set(self.activity)
        try:
            value, log = scope.run(fn, *args)
        except SmithersError as error:
            _locate(error, inst)
            raise
        except (Exception, SystemExit) as error:
            raise _locate(ComponentError(inst.path_name, error), inst) from error
        finally:
            current.reset(token)
        draft.rendered[inst] = None
        draft.logs.append((scope, log))
        inits = self.activity.take_actions()
        if inits:
            draft.inits.append(Batch(inst.node_id or None, "render", "init", inits, draft.frame_index, "render", -1))
        if self.activity.used_clock:
            draft.clocks[inst] = self.now_ms
        return value

    def _once(self, inst: Instance, value: Any, draft: Draft) -> Any:
        """Evaluate outside of any scope: pure, and what it reads is known, but nothing subscribes."""
        if not callable(value):
            return value
        self._enter(inst, self.frame_index)
        token = current.set(self.activity)
        try:
            # A scope of its own that is never committed: it has no edges, and nothing to dispose.
            answer, log = Scope(Runtime.current(), owner=inst).run(call_plain, value)
        except SmithersError as error:
            _locate(error, inst)
            raise
        except (Exception, SystemExit) as error:
            raise _locate(ComponentError(inst.path_name, error), inst) from error
        finally:
            current.reset(token)
        draft.asked.append((inst, log))
        return answer

    def _enter(self, inst: Instance, frame_index: int) -> None:
        incarnation = inst.mounted_frame if inst.mounted_frame >= 0 else frame_index
        self.activity.enter_scope(
            f"{self.execution_id}/{inst.node_id}/{incarnation}",
            self.now_ms,
            node_id=inst.node_id,
            component=inst.path_name,
            source=inst.desc.source,
            owner=inst,
        )


def _locate(error: SmithersError, inst: Instance) -> SmithersError:
    """The error with the node's place, where it knows no better one."""
    file, line = inst.desc.source or (None, None)
    return error.locate(node=inst.path(), file=file, line=line)


def _hook(use: EffectUse) -> Effect:
    """`ctx.use_effect` as the node it stands for: effects are visible in the plan (N-6)."""
    deps = decode(use.deps_text)
    effect = Effect(use.id, deps=deps if isinstance(deps, list | tuple) else [deps], run=use.fn)
    object.__setattr__(effect, "site", use.site)
    return effect


def _each(desc: Each) -> list[Any]:
    items = call_plain(desc.items) if callable(desc.items) else desc.items
    if not isinstance(items, Iterable):
        raise InvalidPropError(
            f"Each needs items that it can go through, not {an(type(items).__name__)}", hint="Pass a list."
        )
    fn: Any = desc.children
    if not callable(fn):
        raise InvalidOutputError("Each needs children=fn(item, index), a function that makes the node for one item")
    if _takes(fn, None, 0):
        return [call_plain(fn, item, index) for index, item in enumerate(items)]
    if not _takes(fn, None):
        raise InvalidPropError(
            f"the children of Each are a function that cannot be called with an item: {inspect.signature(fn)}",
            hint="It is called as fn(item) or fn(item, index): children=lambda item: Task(work, key=item).",
        )
    return [call_plain(fn, item) for item in items]


def _takes(fn: Callable[..., Any], *args: Any) -> bool:
    try:
        inspect.signature(fn).bind(*args)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return len(args) == 1
    return True


def _chosen(desc: Switch, value: Any, inst: Instance) -> list[Any]:
    """The first Case whose match equals the value (or lists it), else Default; holes keep positions."""
    chosen: list[Any] | None = None
    default: list[Any] | None = None
    cases = _as_list(desc.children)
    for index, case in enumerate(cases):
        if isinstance(case, Case):
            wanted = case.match if isinstance(case.match, list | tuple | set) else [case.match]
            if chosen is None and any(type(one) is type(value) and one == value for one in wanted):
                chosen = [None] * index + [case]
        elif isinstance(case, Default):
            default = [None] * index + [case]
        elif case is not None and case is not True and case is not False:
            raise InvalidOutputError(
                f"{inst.path_name} has a child that is neither Case nor Default: {getattr(case, 'label', case)}",
                hint="Put it into a Case(match, children=[...]) or a Default(children=[...]).",
                where=where(case if isinstance(case, BaseNode | Element) else desc, inst, itself=True),
            )
    return chosen or default or []


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
