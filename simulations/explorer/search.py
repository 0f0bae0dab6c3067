"""The search: every state of the chain that a script can lead to, breadth first, so the first violation is the nearest.

A state of the chain is the state of each node, and the moment. A step is one of these:

- a node gets a request of the script, decides it, and makes it durable
- a node takes in the next entries that it lacks of a peer: one, two, and so on up to all
- a node restarts, does the housekeeping of its orders, or covers breaches of others
- time goes on to the next moment of the script

Lines need no state of their own. A frame on its way is a run of entries that the receiver lacks, in the order in which
the sender got them, and the sender keeps its entries for ever. So a frame that was delayed while the sender went on, or
stopped, is a shorter run taken later. A lost frame is a run that nobody takes yet. A doubled frame changes nothing:
`NodeStates.receive` takes every frame twice to show that.

Two reductions, both sound:

- Steps of one node do not depend on the others. So each is computed once for each state of that node, by the core, and
  the search combines the results. It visits every combination that is reachable.
- Requests that differ by their keys only are interchangeable (`Ask.like`): the second happens only after the first.
  Every history becomes such a history if the keys are exchanged, and no decision looks at more of a key than whether
  it is known.

The two hubs are not treated as interchangeable: of two equal stamps the lesser writer wins, so an exchange of their
names is another history.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable
from typing import NamedTuple

from replica.core.log.entry import Entry
from simulations.explorer.book import Problem
from simulations.explorer.checks import merged_problems, quiet_problems
from simulations.explorer.findings import Explored, Found, Step, Told
from simulations.explorer.node_states import Interned, NodeState, NodeStates, Violation
from simulations.explorer.script import BEGIN_MS, NODES, Script

BITS = 20
"""Bits of the number of a node's state within the number of a chain's state."""

MASK = (1 << BITS) - 1
MOMENT_SHIFT = BITS * len(NODES)
MOMENTS_MAX = 1 << 64 - MOMENT_SHIFT
"""A state of the chain fits 64 bits."""

PAIRS_MAX = 2_000_000
"""Results kept of deliveries between two node states. They are computed again if they were dropped."""

LINES = [(source, target) for source in range(len(NODES)) for target in range(len(NODES)) if source != target]
"""Who sends to whom, by index."""

LOOK_EVERY = 5_000
"""Chain states between two looks at the time."""

World = int
"""The state of the chain: the number of each node's state, and the moment."""


class _Moves(NamedTuple):
    """Steps from some states: by how much each changes the number of the chain's state."""

    free: tuple[int, ...]
    guarded: tuple[tuple[int, int], ...] = ()
    """Steps that wait for requests: the change, and the bits of these requests."""
    is_busy: bool = False
    """Whether the chain is not quiet while there are such steps."""
    steps: tuple[Step, ...] = ()
    """What each of `free` and then of `guarded` is."""
    wrong: tuple[Problem, Step, int] | None = None
    """A step that breaks a guarantee within its node, and the bits of the requests that it waits for."""


class _Wrong(NamedTuple):
    """A violation: in the state `world`, or in the one after it, or in the step that leads there."""

    problem: Problem
    world: World
    after: World | None = None
    step: Step | None = None


class _Late(Exception):
    """The deadline has passed."""


_NO_MOVES = _Moves(())
_TIME = _Moves((1 << MOMENT_SHIFT,), steps=(Step("time"),))


def _allowed(moves: _Moves, known: int) -> tuple[int, ...]:
    """The changes that moves make where these requests are known."""
    return (*moves.free, *(change for change, needs in moves.guarded if needs & known == needs))


class Search:
    """The exploration of one script."""

    def __init__(self, script: Script) -> None:
        assert len(script.moments_ms) <= MOMENTS_MAX
        self.script = script
        self._interned = Interned()
        self.nodes = [NodeStates(script, node, self._interned) for node in NODES]
        self._bits = {ask.name: 1 << bit for bit, ask in enumerate(script.every_ask)}
        self._local: list[dict[int, _Moves]] = [{} for _ in NODES]
        self._pairs: dict[tuple[int, int, int, int], _Moves] = {}
        self._merged: dict[tuple[int, ...], Problem | None] = {}
        self._quiet: dict[tuple[int, ...], Problem | None] = {}

    def run(
        self,
        states_max: int | None = None,
        deadline_s: float | None = None,
        show: Callable[[Explored], None] = lambda explored: None,
    ) -> Explored:
        """Visit every state, at most about so many, until `time.monotonic()` is past the deadline."""
        began_s = time.monotonic()
        explored = Explored(script=self.script.name)

        def is_late() -> bool:
            show(explored)
            return deadline_s is not None and time.monotonic() > deadline_s

        try:
            first = self._open(explored)
            if first is not None:
                self._visit(first, explored, states_max, is_late)
        finally:
            explored.seconds = time.monotonic() - began_s
            explored.node_states = sum(len(node.states) for node in self.nodes)
            explored.computed = sum(node.computed for node in self.nodes)
        return explored

    # visiting --------------------------------------------------------------------------------------------------------

    def _visit(self, first: World, explored: Explored, states_max: int | None, is_late: Callable[[], bool]) -> None:
        """Visit layer after layer, until there is none, or a guarantee is violated, or a limit is reached."""
        seen = {first}
        layers = [array("Q", [first])]
        while layers[-1]:
            explored.depth = len(layers) - 1
            following = array("Q")
            try:
                wrong = self._expand(layers[-1], following, seen, explored, is_late)
            except _Late:
                return
            finally:
                explored.states = len(seen)
            if wrong is not None:
                steps = self._history(layers, wrong.world)
                if wrong.step is not None:
                    steps.append((wrong.step, ()))
                elif wrong.after is not None:
                    steps.append(self._told(wrong.world, wrong.after))
                explored.found = Found(wrong.problem, steps)
                return
            if states_max is not None and len(seen) >= states_max:
                return
            layers.append(following)
        explored.is_complete = True

    def _expand(
        self,
        layer: array[int],
        following: array[int],
        seen: set[World],
        explored: Explored,
        is_late: Callable[[], bool],
    ) -> _Wrong | None:
        """Add the states that follow those of a layer. Return the violation that is the fewest steps away, if any."""
        wrong: _Wrong | None = None
        for index, world in enumerate(layer):
            if index % LOOK_EVERY == 0:
                explored.states = len(seen)
                if is_late():
                    raise _Late
            is_quiet = True
            known, groups = self._moves(world)
            for moves in groups:
                is_quiet = is_quiet and not moves.is_busy
                changes = moves.free if not moves.guarded else _allowed(moves, known)
                explored.steps += len(changes)
                for change in changes:
                    after = world + change
                    if after not in seen:
                        seen.add(after)
                        following.append(after)
                        problem = self._problem_of(after)
                        if problem is not None:
                            wrong = wrong or _Wrong(problem, world, after)
                if moves.wrong is not None:
                    problem, step, needs = moves.wrong
                    if needs & known == needs:
                        wrong = wrong or _Wrong(problem, world, step=step)
            if is_quiet:
                explored.quiet += 1
                problem = self._quiet_problem(world)
                if problem is not None:
                    return _Wrong(problem, world)
        return wrong

    def _open(self, explored: Explored) -> World | None:
        """The state after the opening: every request done, every entry everywhere, and every node idle."""
        at = [0] * len(NODES)
        steps: list[Told] = []
        try:
            for name, ask in self.script.opening:
                index = NODES.index(name)
                steps.append((Step("ask", name, ask), ()))
                at[index] = self.nodes[index].ask(at[index], ask, 0)
                for receiver, node in enumerate(self.nodes):
                    journal = self.nodes[index].states[at[index]].journal
                    missing = node.missing(at[receiver], journal)
                    if missing:
                        steps.append((Step("receive", node.node, None, name, missing), ()))
                        at[receiver] = node.receive(at[receiver], missing, 0)
            if self.script.keeps_orders:
                at = [node.keep_orders(number, 0) for node, number in zip(self.nodes, at, strict=True)]
        except Violation as violation:
            explored.found = Found(violation.problem, steps)
            return None
        return sum(number << (BITS * index) for index, number in enumerate(at))

    # moves -----------------------------------------------------------------------------------------------------------

    def _moves(self, world: World) -> tuple[int, list[_Moves]]:
        """The requests that some node knows in a state, as bits, and every step from there."""
        moment = world >> MOMENT_SHIFT
        numbers = (world & MASK, world >> BITS & MASK, world >> 2 * BITS & MASK)
        known = 0
        groups = []
        for index, number in enumerate(numbers):
            known |= self.nodes[index].known[number]
            name = number * MOMENTS_MAX + moment
            moves = self._local[index].get(name)
            if moves is None:
                moves = self._local[index][name] = self._local_moves(index, number, moment)
            groups.append(moves)
        for source, target in LINES:
            sender, number = numbers[source], numbers[target]
            pair = (self.nodes[source].journals[sender], target, number, moment)
            moves = self._pairs.get(pair)
            if moves is None:
                if len(self._pairs) >= PAIRS_MAX:
                    self._pairs.clear()
                moves = self._pairs[pair] = self._deliveries(source, sender, target, number, moment)
            if moves is not _NO_MOVES:
                groups.append(moves)
        if moment + 1 < len(self.script.moments_ms):
            groups.append(_TIME)
        return known, groups

    def _local_moves(self, index: int, number: int, moment: int) -> _Moves:
        script, node = self.script, self.nodes[index]
        moves = _NO_MOVES
        for ask in script.asks:
            heard = self._bits_of(ask.heard)
            if node.node in ask.at and heard & node.known[number] == heard:
                needs = self._bits_of((*ask.after, ask.like))
                moves = self._with(moves, index, number, Step("ask", node.node, ask), needs, node.ask, ask, moment)
        if node.node in script.restarts:
            moves = self._with(moves, index, number, Step("restart", node.node), 0, node.restart)
        before = moves
        if script.keeps_orders:
            moves = self._with(moves, index, number, Step("keep", node.node), 0, node.keep_orders, moment)
        if script.settles:
            moves = self._with(moves, index, number, Step("settle", node.node), 0, node.settle, moment)
        return moves._replace(is_busy=moves is not before)

    def _bits_of(self, names: Iterable[str]) -> int:
        bits = 0
        for name in filter(None, names):
            bits |= self._bits[name]
        return bits

    def _deliveries(self, source: int, sender: int, target: int, number: int, moment: int) -> _Moves:
        node, peer = self.nodes[target], self.nodes[source]
        missing = node.missing(number, peer.states[sender].journal)
        moves = _NO_MOVES
        for end in range(1, len(missing) + 1):
            step = Step("receive", node.node, None, peer.node, missing[:end])
            moves = self._with(moves, target, number, step, 0, node.receive, missing[:end], moment)
        return moves._replace(is_busy=True) if missing else moves

    def _with(
        self,
        moves: _Moves,
        index: int,
        number: int,
        step: Step,
        needs: int,
        act: Callable[..., int],
        *arguments: object,
    ) -> _Moves:
        """The moves, and one more step of one node, unless that changes nothing."""
        try:
            after = act(number, *arguments)
        except Violation as violation:
            return moves._replace(wrong=moves.wrong or (violation.problem, step, needs))
        if after > MASK:
            raise OverflowError(f"{self.script.name} leads a node to more than {MASK} states: make the script smaller")
        if after == number:
            return moves
        change = (after - number) << (BITS * index)
        if needs:
            return moves._replace(guarded=(*moves.guarded, (change, needs)), steps=(*moves.steps, step))
        free = len(moves.free)
        steps = (*moves.steps[:free], step, *moves.steps[free:])
        return moves._replace(free=(*moves.free, change), steps=steps)

    # checks ----------------------------------------------------------------------------------------------------------

    def _problem_of(self, world: World) -> Problem | None:
        """What is wrong in a state, in the entries of all nodes together, or between two nodes."""
        east, west, store = self.nodes
        first, second, third = world & MASK, world >> BITS & MASK, world >> 2 * BITS & MASK
        for one, number, other, another in (
            (east, first, west, second),
            (east, first, store, third),
            (west, second, store, third),
        ):
            if one.vectors[number] == other.vectors[another] and one.digests[number] != other.digests[another]:
                return Problem(1, f"{one.node} and {other.node} hold the same entries, but show different states")
        name = (east.owns[first], west.owns[second], store.owns[third])
        if name not in self._merged:
            self._merged[name] = next(iter(merged_problems(self.script, self._entries(name))), None)
        return self._merged[name]

    def _quiet_problem(self, world: World) -> Problem | None:
        """What is wrong in a state in which nothing is left to do."""
        states = self._states(world)
        if states[0].heads != states[1].heads:
            return Problem(1, "the hubs have different entries, and neither lacks any")
        owns, moment = tuple(state.own_id for state in states), world >> MOMENT_SHIFT
        name = (*owns, moment)
        if name not in self._quiet:
            now_ms = BEGIN_MS + self.script.moments_ms[moment]
            self._quiet[name] = next(iter(quiet_problems(self.script, self._entries(owns), now_ms)), None)
        return self._quiet[name]

    def _states(self, world: World) -> list[NodeState]:
        return [node.states[world >> (BITS * index) & MASK] for index, node in enumerate(self.nodes)]

    def _entries(self, own_ids: tuple[int, ...]) -> list[Entry]:
        return [entry for node, own_id in zip(self.nodes, own_ids, strict=True) for entry in node.own[own_id]]

    # histories -------------------------------------------------------------------------------------------------------

    def _history(self, layers: list[array[int]], world: World) -> list[Told]:
        """The steps from the opening to a state of the last layer: one for each layer, so there is no shorter way."""
        steps: list[Told] = []
        for layer in reversed(layers[:-1]):
            before = next(one for one in layer if world in self._after(one))
            steps.append(self._told(before, world))
            world = before
        return steps[::-1]

    def _after(self, world: World) -> dict[World, Step]:
        """The states after one step, and the steps."""
        known, groups = self._moves(world)
        after: dict[World, Step] = {}
        for free, guarded, _, steps, _ in groups:
            changes = [*((change, 0) for change in free), *guarded]
            for (change, needs), step in zip(changes, steps, strict=True):
                if needs & known == needs:
                    after.setdefault(world + change, step)
        return after

    def _told(self, world: World, after: World) -> Told:
        """The step between two states, and the entries that its node wrote."""
        step = self._after(world)[after]
        if not step.node:
            return step, ()
        index = NODES.index(step.node)
        before = self._states(world)[index].journal
        fresh = self._states(after)[index].journal[len(before) :]
        return step, tuple(entry for entry in fresh if entry not in step.entries)
