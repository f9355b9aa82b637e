"""One case: a random plan, random events, kills and commands, on the engine and on the model side by side.

After each move both must show the same: what runs, what became of each mounted node, the state. Where two events come
at once the engine may take them in either order and any distance; what it shows must be one of what the model shows.
"""

import asyncio
import logging
import random as chance
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from engine_world import Disagreement, World, crash_hook
from naive_model import Model
from random_plans import KEYS, LISTS, SETS, VALUES, Maker, random_state, real_plan

MOST_MOVES = 25
MOST_PLAIN = 100
"""Moves without trouble that bring a case to its end; a plan whose handlers undo each other has none."""
MOST_AFTER_RESUME = 4
"""Rounds in which a resumed engine may take what was asked before."""
MOST_KILLS = 2
"""The third attempt that dies with its engine is the last one, which is no matter of order."""


@dataclass
class Case:
    """Plays one case. `tell` gets a line for each move."""

    random: object
    tell: object = None
    model_class: type = Model
    kills: int = 0
    done: dict = field(default_factory=dict)

    def run(self):
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        with tempfile.TemporaryDirectory(prefix="model-") as folder:
            world = World(Path(folder) / "db.sqlite")
            with crash_hook(world):
                asyncio.run(self.play(world))
        return self.done

    def say(self, text):
        self.done[text.split()[0]] = self.done.get(text.split()[0], 0) + 1
        if self.tell:
            self.tell(text)

    async def play(self, world):
        random = self.random
        plan, state = Maker(random).plan(), random_state(random)
        world.plan = real_plan(plan, world)
        if self.tell:
            show_plan(plan, self.tell)
            self.tell(f"state {state}")
        model = self.model_class(plan, state).settle()
        try:
            world.live(state)
            await world.quiet()
            model = self.agree([model], world)
            moves = random.randint(1, MOST_MOVES)
            for at in range(moves + MOST_PLAIN):
                if model is None:
                    break
                model = await self.move(model, world, plain=at >= moves)
        finally:
            if not world.engine.done():
                await world.die()

    # -- moves --------------------------------------------------------------------------------------------------

    async def move(self, model, world, *, plain=False):
        """One move; the model as it is then, None when the execution is over for good."""
        random = self.random
        if model.ending is not None:
            if model.ending[0] != "failed" or plain or random.random() < 0.5:
                return None
            self.say("resume after failure")
            world.bad.clear()
            # What came when the execution had ended, and was not refused by it, is asked of the next engine.
            late = world.open_commands()
            models = [resumed(model, late, rounds) for rounds in range(MOST_AFTER_RESUME if late else 1)]
            world.live()
            return await self.come_to_rest(models, world)
        events = self.events(model, plain)
        kill = None
        if not plain and self.kills < MOST_KILLS and random.random() < 0.25:
            kill = random.randint(1, 30)
            if model.paused and events[0][0] == "end":
                # Whether its work is on disk decides whether it must run again, which it may not while paused.
                kill = None
        world.kill.passed = 0
        world.kill.after = kill
        models = possible(model, events)
        # A retry that is accepted mends the handlers that it runs again.
        world.bad = set().union(*(one.bad for one in models))
        for event in events:
            self.do(world, model, event)
        if kill is not None and events == [("nothing",)]:
            world.kill.dead = True
        return await self.come_to_rest(models, world)

    def events(self, model, plain):
        """What happens next: mostly the end of some work, sometimes two things at once."""
        random = self.random
        first = self.event(model, plain)
        if plain or model.paused or first[0] != "end" or random.random() > 0.3:
            return [first]
        second = self.event(model, plain)
        if second[1:2] == first[1:2] or second[0] in ("pause", "unpause", "stop"):
            return [first]
        if second[0] in ("retry", "rerun") and (model.bad or first[3]):
            # Whether it is accepted, and mends a handler, would be a matter of time.
            return [first]
        return [first, second]

    def event(self, model, plain):
        random = self.random
        if plain and model.paused:
            return ("unpause",)
        share = random.random()
        if model.running and (plain or share < 0.7):
            return self.end_of_work(model, random.choice(sorted(model.running)), plain)
        verbs = ["set", "set", "cancel", "retry", "retry", "rerun", "pause", "unpause", "nothing"]
        verb = random.choice(verbs) if model.running or model.queue else "unpause"
        names = [name for name in model.order() if model.nodes[name].kind == "task"]
        if verb == "retry":
            names = [name for name in names if model.nodes[name].status in ("failed", "cancelled")] or names
        if verb in ("cancel", "retry", "rerun"):
            return (verb, random.choice(sorted(names)))
        if verb == "set":
            if random.random() < 0.3:
                return (verb, random.choice(LISTS), list(random.choice(SETS)))
            return (verb, random.choice(KEYS), random.choice(VALUES))
        return (verb,)

    def end_of_work(self, model, name, plain):
        random = self.random
        node = model.nodes[name]
        share = random.random()
        how = "ok" if plain or share < 0.75 else "fail"
        own = how == "ok" or (node.desc["caught"] and node.failures >= node.desc["retries"])
        bad = [name] if not plain and own and random.random() < 0.1 else []
        above = node.above
        if not plain and above and random.random() < 0.05 and model.nodes[above].kind in ("phase", "step", "loop"):
            bad.append(above)
        return ("end", name, how, tuple(bad))

    def do(self, world, model, event):
        verb, *args = event
        self.say(" ".join(map(str, event)))
        if verb == "end":
            name, how, _ = args
            world.finish(name, how)
        elif verb == "set":
            world.ask("set", key=args[0], value=args[1])
        elif verb != "nothing":
            world.ask(verb, *args)

    # -- comparing ----------------------------------------------------------------------------------------------

    async def come_to_rest(self, models, world):
        while True:
            what = await world.quiet()
            if what != "dead":
                return self.agree(models, world)
            self.kills += 1
            point = world.kill.point or "at rest"
            await world.die()
            self.say(f"killed at {point}")
            for model in models:
                model.killed()
            if world.status()[0] in ("completed", "failed", "stopped"):
                return self.agree(models, world)
            world.live()

    def agree(self, models, world):
        """The model that shows what the engine shows."""
        for model in models:
            if world.seen(stopped=model.stopped) == model.seen():
                if self.tell:
                    self.tell(f"    -> {model.seen().get('running', model.ending)}")
                return model
        if self.tell:
            for frame, key, value in world.transitions():
                self.tell(f"    frame {frame}: {key} = {value}")
        raise Disagreement(difference(models, world))


def possible(model, events):
    """What the model may show after these events: in both orders and any distance."""
    if len(events) == 1:
        return [after(model, [(0, events[0])])]
    found = [after(model, [(0, event) for event in events])]
    for one, other in (events, events[::-1]):
        # Farther apart than the first of them has consequences they are what they are at that distance.
        found += [after(model, [(0, one), (rounds, other)]) for rounds in range(1, lasting(model, one) + 1)]
    alone = [after(model, [(0, event)]) for event in events]
    # The other one may come when the execution has ended.
    return found + [model for model in alone if model.ending is not None]


def lasting(model, event):
    """In how many rounds an event alone comes to rest."""
    copy, rounds, before = after(model, [(0, event)], settled=False), 1, None
    while copy.ending is None and copy.fingerprint() != before:
        before = copy.fingerprint()
        copy.round()
        rounds += 1
    return rounds


def resumed(model, late, rounds):
    """A copy of a model that had failed, once it is resumed; what was asked late is taken after so many rounds."""
    copy = model.clone()
    ends = copy.resume_failed()
    for at in range(rounds + 1):
        copy.round(() if at else ends, late if at == rounds else ())
    return copy.settle()


def after(model, events, *, settled=True):
    """A copy of the model, with each event in its round."""
    born = {event[1]: model.nodes[event[1]].born for _, event in events if event[0] == "end"}
    copy = model.clone()
    for at in range(max(at for at, _ in events) + 1):
        ends, asked = [], []
        for due, event in events:
            if due != at or event[0] == "nothing":
                continue
            if event[0] == "end":
                copy.bad |= set(event[3])
                ends.append((event[1], born[event[1]], event[2]))
            else:
                asked.append(event)
        copy.round(ends, asked)
    return copy.settle() if settled and copy.ending is None else copy


def difference(models, world):
    """What differs, in words: against the model that came nearest."""
    texts = []
    for model in models:
        engine, said = world.seen(stopped=model.stopped), model.seen()
        lines = []
        for part in sorted({*engine, *said}):
            mine, theirs = said.get(part), engine.get(part)
            if mine == theirs:
                continue
            if isinstance(mine, dict) and isinstance(theirs, dict):
                keys = [key for key in sorted({*mine, *theirs}) if mine.get(key) != theirs.get(key)]
                lines += [f"  {part} {key}: model {mine.get(key)!r}, engine {theirs.get(key)!r}" for key in keys]
            else:
                lines.append(f"  {part}: model {mine!r}, engine {theirs!r}")
        texts.append("\n".join(lines))
    return "model and engine disagree:\n" + min(texts, key=len)


def show_plan(plan, tell, indent=0):
    for desc in plan:
        more = {
            key: value for key, value in desc.items() if key not in ("kind", "id", "of", "else", "cases", "default")
        }
        words = ", ".join(f"{key}={value}" for key, value in more.items() if value or value == 0)
        tell(f"{'  ' * indent}{desc['kind']} {desc['id']}  {words}")
        show_plan(desc.get("of", []), tell, indent + 1)
        for name in ("else", "default"):
            if desc.get(name):
                tell(f"{'  ' * indent}  {name}:")
                show_plan(desc[name], tell, indent + 2)
        for value, of in desc.get("cases", []):
            tell(f"{'  ' * indent}  case {value}:")
            show_plan(of, tell, indent + 2)


def play_seed(seed, tell=None, model_class=Model):
    """Play the case of a seed; raises Disagreement."""
    return Case(chance.Random(seed), tell, model_class).run()
