"""What a plan must do, said as simply as possible: the semantics of SPEC Z-5 to Z-8 and Z-21, without an engine.

Written from the specification, for clarity: nothing is incremental, everything is worked out anew in every round, and
no line is shared with the engine. A round is what the specification calls a frame: the plan is shown as the state
says, turns come, handlers run, and only then anything changes. A plan is data (see random_plans.py).
"""

import copy

from naive_commands import Asked
from naive_node import FAILED, OPEN, SETTLED, Node

ORDERED = ("phase", "loop")
CONTAINERS = ("phase", "step", "parallel", "loop")
MOST_ROUNDS = 400


class Model(Asked):
    """One execution. `state` holds the user's keys; `running` the tasks whose work is under way, in order of start."""

    def __init__(self, plan, state):
        self.plan = plan
        self.state = dict(state)
        self.root = Node("", {"kind": "root", "of": plan}, "", 0, "running", reached=True)
        self.nodes = {"": self.root}
        self.births = 0
        self.queue = []
        self.running = []
        self.paused = False
        self.bad = set()
        """Names whose handler raises the next time."""
        self.failed = set()
        """Names of what failed and nobody handled, also of what has left the plan since; the last word counts."""
        self.ending = None
        self.stopped = False
        """By a Stop or End."""
        self.anew = set()
        """Names that a person has run anew: the next round mounts them as another incarnation."""

    def clone(self):
        return copy.deepcopy(self)

    # -- what tests look at -------------------------------------------------------------------------------------

    def seen(self):
        """Everything that a test compares, when nothing moves."""
        if self.ending is not None:
            statuses = None if self.stopped else self.statuses()
            return {"ended": self.ending, "state": self.state, "statuses": statuses}
        return {"running": sorted(self.running), "state": self.state, "statuses": self.statuses()}

    def statuses(self):
        """Work whose turn has come, but which nothing may start, is as idle as what waits for its turn."""
        mounted = [self.nodes[name] for name in self.order() if self.nodes[name].kind != "stop"]
        return {node.name: "idle" if node.name in self.queue else node.status for node in mounted}

    def order(self, top=""):
        """The names of all mounted items in plan order."""
        found = []
        for name in self.nodes[top].items:
            found += [name, *self.order(name)]
        return found

    # -- rounds -------------------------------------------------------------------------------------------------

    def settle(self):
        """Go on until nothing moves; the execution may have ended then."""
        for _ in range(MOST_ROUNDS):
            before = self.fingerprint()
            self.round()
            if self.ending is not None:
                return self
            if self.fingerprint() == before:
                if not self.running and not self.queue:
                    self.ending = ("failed", 1) if self.failed else ("completed", 0)
                return self
        raise AssertionError("the model does not come to rest")

    def fingerprint(self):
        nodes = [
            (n.name, n.born, n.status, n.outcome, n.reached, tuple(n.items), n.iteration, n.between, n.done, n.failures)
            for n in self.nodes.values()
        ]
        return nodes, dict(self.state), list(self.running), list(self.queue), self.paused, set(self.failed)

    def round(self, ends=(), asked=()):
        """One frame. `ends`: (name, born, how) of work that ended; `asked`: commands, as (verb, argument…)."""
        if self.ending is not None:
            return
        self.writes = []
        """(place in the plan, key, value or None to count up)"""
        self.becomes = []
        """(node, status, outcome, reason): true from the next round on"""
        self.later = []
        stops = self.show_and_reach()
        again = [end for command in asked for end in self.command(*command)]
        self.places = {name: place for place, name in enumerate(self.order())}
        self.start(bool(stops))
        for name, born, how in [*ends, *again]:
            node = self.nodes.get(name)
            if node is not None and node.born == born:
                self.ended_work(node, how)
        self.ended_containers()
        self.flush(asked)
        if stops:
            first = min(stops, key=lambda name: self.places[name])
            self.ending = self.nodes[first].desc["ends"]
            self.stopped = True

    def flush(self, asked):
        for _, key, value in sorted(self.writes, key=lambda write: write[0]):
            self.state[key] = self.state.get(key, 0) + 1 if value is None else value
        for verb, *args in asked:
            if verb == "set":
                self.state[args[0]] = args[1]
        for node, status, outcome, reason in self.becomes:
            node.status, node.outcome, node.reason = status, outcome, reason
            node.reached = True
            if outcome != OPEN:
                (self.failed.add if outcome == FAILED and reason != "work below" else self.failed.discard)(node.name)
        for change in self.later:
            change()

    # -- showing the plan, and whose turn it is -----------------------------------------------------------------

    def show_and_reach(self):
        """Mount what the state says, give turns, mount what that reaches; returns the Stops that take effect."""
        self.stops, self.entered = [], []
        self.show(self.root)
        while self.move_on():
            pass
        self.anew.clear()
        alive = {"", *self.order()}
        self.nodes = {name: node for name, node in self.nodes.items() if name in alive}
        self.running = [name for name in self.running if name in alive]
        self.queue = [name for name in self.queue if name in alive]
        return self.stops

    def move_on(self):
        """Give one turn somewhere; False when nobody's turn has come."""
        for context in [self.root, *(self.nodes[name] for name in self.order())]:
            if self.frozen(context) or not context.reached or context.kind not in (*CONTAINERS, "root"):
                continue
            if context.kind == "loop" and context.between and context.done is None:
                self.turn(context)
                return True
            for item in self.whose_turn(context):
                self.reach(item)
                return True
        return False

    def show(self, context):
        """Work out what a container holds now. What has ended stays as it was (Z-6)."""
        if context.kind not in (*CONTAINERS, "root") or not context.reached or self.frozen(context):
            return
        if context.kind == "loop" and (context.iteration < 0 or context.done is not None):
            return
        scope = self.scope(context)
        if context.kind == "loop":
            scope = f"{context.name}/{context.iteration}/"
        items = []
        for desc, at in self.flat(context.desc["of"], scope):
            name = at + desc["id"]
            node = self.nodes.get(name)
            if node is None or node.above != context.name or name in self.anew or name not in context.items:
                self.births += 1
                node = Node(name, desc, context.name, self.births)
                self.running = [other for other in self.running if other != name]
                self.queue = [other for other in self.queue if other != name]
                self.nodes[name] = node
                self.anew.discard(name)
            items.append(name)
        context.items = items
        for name in items:
            self.show(self.nodes[name])

    def scope(self, node):
        """The identity scope of what is in a container: that of the innermost iteration or item (Z-2)."""
        return node.name.rpartition("/")[0] + "/" if "/" in node.name else ""

    def flat(self, descs, scope):
        """The items below a list of nodes: Fragment, If, Switch and Each are transparent (Z-5)."""
        for desc in descs:
            kind = desc["kind"]
            if kind == "fragment":
                yield from self.flat(desc["of"], scope)
            elif kind == "if":
                yield from self.flat(desc["of" if self.state.get(desc["key"], 0) == desc["is"] else "else"], scope)
            elif kind == "switch":
                cases = dict(desc["cases"])
                yield from self.flat(cases.get(self.state.get(desc["key"], 0), desc["default"]), scope)
            elif kind == "each":
                for item in self.state.get(desc["key"], []):
                    yield from self.flat(desc["of"], f"{scope}{desc['id']}-{item}/")
            else:
                yield desc, scope

    def frozen(self, node):
        """A container that has ended; but a Parallel that is no step of a sequence may get more to do."""
        while node is not self.root:
            if node.kind in CONTAINERS and node.outcome != OPEN and not self.may_reopen(node):
                return True
            node = self.nodes[node.above]
        return False

    def may_reopen(self, node):
        return node.kind == "parallel" and self.nodes[node.above].kind not in ORDERED and node.status != "skipped"

    def at(self, context, outcome):
        """The reached items of a context that stand so."""
        items = [self.nodes[name] for name in context.items]
        return [item for item in items if item.reached and item.outcome == outcome]

    def waiting(self, context):
        return [self.nodes[name] for name in context.items if not self.nodes[name].reached]

    def whose_turn(self, context):
        """Items of a context that may begin now (Z-5)."""
        waiting = [item for item in self.waiting(context) if item.kind != "stop" or context.kind in ORDERED]
        for name in context.items:
            node = self.nodes[name]
            if node.kind == "stop" and context.kind not in ORDERED and not node.reached:
                node.reached = True
                node.outcome = SETTLED
                self.stops.append(name)
        if context.kind in ORDERED:
            busy = self.at(context, OPEN) or self.at(context, FAILED) or context.outcome != OPEN
            return [] if busy else waiting[:1]
        if context.kind == "root":
            found = [item for item in waiting if item.kind not in ("phase", "step")]
            for kind in ("phase", "step"):
                lane = [item for item in self.at(context, OPEN) + self.at(context, FAILED) if item.kind == kind]
                if not lane:
                    found += [item for item in waiting if item.kind == kind][:1]
            return found
        limit = context.desc.get("limit")
        if limit is None:
            return waiting
        return waiting[: max(0, limit - len(self.at(context, OPEN)))] if context.outcome == OPEN else []

    def reach(self, item):
        item.reached = True
        if item.kind == "task":
            item.status = "scheduled"
            self.queue.append(item.name)
        elif item.kind == "stop":
            self.stops.append(item.name)
        else:
            skip = item.desc.get("skip")
            if skip and self.state.get(skip[0], 0) == skip[1]:
                item.done = "skip"
                item.items = []
            else:
                self.entered.append(item.name)
                self.show(item)

    def turn(self, loop):
        """Between two iterations: the condition is asked, then the next one begins or the loop ends (Z-8)."""
        loop.between = False
        condition = loop.desc["while"]
        if condition and self.state.get(condition[0], 0) == condition[1]:
            loop.done = "condition"
        elif loop.iteration + 1 >= loop.desc["most"]:
            loop.done = "max_iterations"
        else:
            loop.iteration += 1
            loop.items = []
            self.show(loop)

    # -- work ---------------------------------------------------------------------------------------------------

    def start(self, stopping):
        """What was scheduled starts, in order; not while paused, and not in the frame of a Stop (Z-9, Z-21)."""
        for name in self.entered:
            node = self.nodes[name]
            self.becomes.append((node, "running", OPEN, None))
            if node.kind in ("phase", "step"):
                self.handler(node, "start")
        if self.paused or stopping:
            return
        for name in self.queue:
            self.nodes[name].status = "running"
            self.running.append(name)
        self.queue = []

    def handler(self, node, event, owner=None):
        """Its writes, or False: it raised, and wrote nothing (H-2)."""
        place = self.places[node.name]
        name = (owner or node).name
        if name in self.bad and event not in ("start", "iteration"):
            return False
        self.writes.append((place, f"{event}:{name}", None))
        for key, value in node.desc.get(f"on_{event}", ()) if owner in (None, node) else ():
            self.writes.append((place, key, value))
        return True

    def ended_work(self, node, how):
        """An attempt ended: `ok`, `fail`, `cancelled`; `handle-…`: only the handler is asked again (Z-7)."""
        self.running = [name for name in self.running if name != node.name]
        if how == "cancelled":
            self.becomes.append((node, "cancelled", SETTLED, None))
            return
        if how == "fail" and node.failures < node.desc["retries"]:
            node.failures += 1
            self.becomes.append((node, "blocked", OPEN, None))
            self.later.append(lambda: self.queue.append(node.name))
            return
        if how == "ok":
            self.writes.append((-1, f"ran:{node.name}", None))
        if how.endswith("ok"):
            if self.handler(node, "finished"):
                self.becomes.append((node, "succeeded", SETTLED, None))
            else:
                self.becomes.append((node, "failed", FAILED, "handler ok"))
            return
        owner = self.error_owner(node)
        if owner is None:
            self.becomes.append((node, "failed", FAILED, "work"))
        elif self.handler(node, "error", owner):
            self.becomes.append((node, "failed", SETTLED, "handled"))
        else:
            self.becomes.append((node, "failed", FAILED, "handler fail"))

    def error_owner(self, node):
        """Its own on_error, or that of its nearest Step or Phase."""
        if node.desc.get("caught"):
            return node
        above = self.nodes[node.above]
        while above is not self.root:
            if above.kind in ("phase", "step") and above.desc.get("caught"):
                return above
            above = self.nodes[above.above]
        return None

    # -- how containers end -------------------------------------------------------------------------------------

    def ended_containers(self):
        """Decided on the tree just shown, before anything of this round is true (Z-6)."""
        for name in self.order():
            node = self.nodes[name]
            if node.kind in CONTAINERS and node.reached and not self.frozen(node):
                self.verdict(node)
        for kind in ("phase", "step"):
            lane = [self.nodes[name] for name in self.root.items if self.nodes[name].kind == kind]
            if any(item.reached and item.outcome == FAILED for item in lane):
                if not any(item.reached and item.outcome == OPEN for item in lane):
                    self.skip([item for item in lane if not item.reached])

    def skip(self, items):
        self.becomes += [(item, "skipped", SETTLED, "upstream") for item in items]

    def has_ended(self, node):
        if self.at(node, OPEN):
            return False
        if node.kind in ORDERED and self.at(node, FAILED):
            return True
        return not self.waiting(node)

    def verdict(self, node):
        if node.outcome != OPEN:
            if self.may_reopen(node) and not self.has_ended(node):
                self.becomes.append((node, "running", OPEN, None))
            return
        if node.done == "skip":
            self.becomes.append((node, "skipped", SETTLED, None))
        elif node.kind == "loop" and node.done is None:
            if node.between or node.iteration < 0 or not self.has_ended(node):
                return
            if self.at(node, FAILED):
                self.fails(node)
            else:
                if node.desc["on_iteration"] is not None:
                    self.handler(node, "iteration")
                self.later.append(lambda: setattr(node, "between", True))
        elif node.kind == "loop" or self.has_ended(node):
            if node.kind != "loop" and self.at(node, FAILED):
                self.fails(node)
            elif node.kind == "parallel" or self.handler(node, "complete"):
                self.becomes.append((node, "succeeded", SETTLED, None))
            else:
                self.becomes.append((node, "failed", FAILED, "handler"))

    def fails(self, node):
        self.skip(self.waiting(node))
        self.becomes.append((node, "failed", FAILED, "work below"))
