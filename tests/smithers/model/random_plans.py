"""Random plans as data, and the real nodes of such a plan.

A plan is a list of dictionaries: `kind`, `id`, and what the kind needs. `random` may be `random.Random(seed)` or the
one of hypothesis, which makes what it draws smaller when a case fails.
"""

from smithers_py import (
    Case,
    Default,
    Each,
    End,
    Fragment,
    If,
    Parallel,
    Phase,
    Step,
    Stop,
    Switch,
    Task,
    While,
    component,
)

KEYS = ("a", "b", "c")
LISTS = ("p", "q")
VALUES = (0, 1, 2)
SETS = ([], ["x"], ["y", "x"], ["x", "y", "z"])
MOST_NODES = 14


def random_state(random):
    """State to begin with: what conditions read. Absent keys count as 0."""
    state = {key: random.choice(VALUES) for key in KEYS if random.random() < 0.5}
    return state | {key: list(random.choice(SETS)) for key in LISTS if random.random() < 0.7}


class Maker:
    """Makes one random plan."""

    def __init__(self, random):
        self.random = random
        self.made = 0

    def plan(self):
        return [self.node(0, "root") for _ in range(self.random.randint(1, 4))]

    def name(self, kind):
        self.made += 1
        return f"{kind[0]}{self.made}"

    def chance(self, share):
        return self.random.random() < share

    def writes(self, share=0.4):
        """What a handler sets: keys that conditions read."""
        if not self.chance(share):
            return []
        if self.chance(0.25):
            return [(self.random.choice(LISTS), list(self.random.choice(SETS)))]
        return [(self.random.choice(KEYS), self.random.choice(VALUES))]

    def node(self, depth, inside):
        kinds = ["task"] * 6
        if depth < 4 and self.made < MOST_NODES:
            kinds += ["phase"] * 4 + ["step"] * 3 + ["parallel"] * 3 + ["loop"] * 2
            kinds += ["if"] * 3 + ["switch", "each", "fragment"]
        if depth and self.chance(0.04):
            kinds = ["stop"]
        kind = self.random.choice(kinds)
        return getattr(self, f"a_{kind}")(depth)

    def below(self, depth, kind, least=1):
        return [self.node(depth + 1, kind) for _ in range(self.random.randint(least, 3))]

    def a_task(self, depth):
        return {
            "kind": "task",
            "id": self.name("task"),
            "retries": 1 if self.chance(0.2) else 0,
            "caught": self.chance(0.3),
            "on_finished": self.writes(),
            "on_error": self.writes(),
        }

    def a_stop(self, depth):
        ends = self.random.choice([("stopped", 4), ("completed", 0), ("completed", 3)])
        return {"kind": "stop", "id": self.name("ending"), "ends": ends}

    def a_phase(self, depth):
        skip = [self.random.choice(KEYS), self.random.choice(VALUES[1:])] if self.chance(0.2) else None
        return self.named("phase", depth) | {"skip": skip}

    def a_step(self, depth):
        return self.named("step", depth)

    def named(self, kind, depth):
        return {
            "kind": kind,
            "id": self.name(kind),
            "caught": self.chance(0.2),
            "on_start": self.writes(0.2),
            "on_complete": self.writes(0.2),
            "of": self.below(depth, kind, least=0),
        }

    def a_parallel(self, depth):
        limit = self.random.choice([None, 1, 2])
        return {"kind": "parallel", "id": self.name("or"), "limit": limit, "of": self.below(depth, "parallel")}

    def a_loop(self, depth):
        """An iteration has work in any case: without, it would stall."""
        return {
            "kind": "loop",
            "id": self.name("loop"),
            "most": self.random.randint(1, 3),
            "while": [self.random.choice(KEYS), self.random.choice(VALUES)] if self.chance(0.6) else None,
            "on_iteration": self.writes() if self.chance(0.5) else None,
            "on_complete": self.writes(0.2),
            "of": [self.a_task(depth + 1), *self.below(depth, "loop", least=0)],
        }

    def question(self):
        return {"key": self.random.choice(KEYS), "lazy": self.chance(0.6)}

    def a_if(self, depth):
        branches = {"of": self.below(depth, "if"), "else": self.below(depth, "if", 0) if self.chance(0.4) else []}
        return {"kind": "if", "id": self.name("if"), "is": self.random.choice(VALUES), **branches, **self.question()}

    def a_switch(self, depth):
        cases = [(value, self.below(depth, "switch")) for value in VALUES[1:]]
        default = self.below(depth, "switch", 0)
        return {"kind": "switch", "id": self.name("switch"), "cases": cases, "default": default, **self.question()}

    def a_each(self, depth):
        own = {"key": self.random.choice(LISTS), "lazy": self.chance(0.6)}
        return {"kind": "each", "id": self.name("each"), "of": [self.a_task(depth + 1)], **own}

    def a_fragment(self, depth):
        return {"kind": "fragment", "id": self.name("fragment"), "of": self.below(depth, "fragment")}


def real_plan(plan, world):
    """The component that shows a plan to the engine; `world` has what its tasks and handlers do."""

    @component
    def App(ctx):
        return [Real(ctx, world).node(desc, "") for desc in plan]

    return App


class Real:
    """Makes nodes of data, in one render."""

    def __init__(self, ctx, world):
        self.ctx = ctx
        self.world = world

    def node(self, desc, scope):
        return getattr(self, f"a_{desc['kind']}")(desc, scope)

    def nodes(self, descs, scope):
        return [self.node(desc, scope) for desc in descs]

    def asked(self, desc, read):
        """A condition: a function that the node asks itself, or its value now."""
        return read if desc["lazy"] else read()

    def event(self, desc, scope, event):
        return {f"on_{event}": self.world.handler(self.ctx, event, scope + desc["id"], desc.get(f"on_{event}") or [])}

    def a_task(self, desc, scope):
        name = scope + desc["id"]
        more = self.event(desc, scope, "error") if desc["caught"] else {}
        more |= self.event(desc, scope, "finished")
        retries = desc["retries"]
        return Task(self.world.body(name), id=desc["id"], retries=retries, retry_on=lambda e: True, **more)

    def a_stop(self, desc, scope):
        status, code = desc["ends"]
        return Stop("enough", id=desc["id"]) if status == "stopped" else End("done", exit_code=code, id=desc["id"])

    def named(self, kind, desc, scope, **more):
        caught = self.event(desc, scope, "error") if desc["caught"] else {}
        events = self.event(desc, scope, "start") | self.event(desc, scope, "complete") | caught
        return kind(desc["id"], id=desc["id"], children=self.nodes(desc["of"], scope), **events, **more)

    def a_phase(self, desc, scope):
        if desc["skip"] is None:
            return self.named(Phase, desc, scope)
        key, value = desc["skip"]
        return self.named(Phase, desc, scope, skip_if=lambda: self.ctx.state.get(key, 0) == value)

    def a_step(self, desc, scope):
        return self.named(Step, desc, scope)

    def a_parallel(self, desc, scope):
        return Parallel(id=desc["id"], max_concurrency=desc["limit"], children=self.nodes(desc["of"], scope))

    def a_loop(self, desc, scope):
        name = scope + desc["id"]
        events = self.event(desc, scope, "complete")
        if desc["on_iteration"] is not None:
            events |= self.event(desc, scope, "iteration")
        key, value = desc["while"] or ("", None)
        return While(
            desc["id"],
            lambda: not key or self.ctx.state.get(key, 0) != value,
            max_iterations=desc["most"],
            children=lambda n: self.nodes(desc["of"], f"{name}/{n}/"),
            **events,
        )

    def a_fragment(self, desc, scope):
        return Fragment(id=desc["id"], children=self.nodes(desc["of"], scope))

    def a_if(self, desc, scope):
        read = self.asked(desc, lambda: self.ctx.state.get(desc["key"], 0) == desc["is"])
        fallback = self.nodes(desc["else"], scope)
        return If(read, id=desc["id"], children=self.nodes(desc["of"], scope), fallback=fallback)

    def a_switch(self, desc, scope):
        cases = [Case(value, id=f"{desc['id']}-{value}", children=self.nodes(of, scope)) for value, of in desc["cases"]]
        default = Default(id=f"{desc['id']}-else", children=self.nodes(desc["default"], scope))
        read = self.asked(desc, lambda: self.ctx.state.get(desc["key"], 0))
        return Switch(read, id=desc["id"], children=[*cases, default])

    def a_each(self, desc, scope):
        def item(value):
            name = f"{desc['id']}-{value}"
            return Fragment(id=name, children=self.nodes(desc["of"], f"{scope}{name}/"))

        return Each(self.asked(desc, lambda: self.ctx.state.get(desc["key"], [])), id=desc["id"], children=item)
