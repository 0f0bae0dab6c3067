"""Node states: every state that one node can be in, and what each step makes of it, by the code of production.

A node decides by its own state alone. So the explorer computes each step of each node state once, whatever the states
of the other nodes are, and knows it by number afterwards. A state of the chain is three such numbers and the moment.

A step loads a copy of a replica, lets the core decide and takes the batch. The batch is durable at once: a node that
stops before it is durable is in the state from before, as after a restart, because it sent nothing. So a crash at any
point of a commit leads to a state that a restart leads to as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b

from msgspec import Struct

from replica.core.base.errors import Failure, Refused
from replica.core.base.names import HUBS as HUBS_SCOPE
from replica.core.base.names import void_key
from replica.core.log.entry import Entry, Stream, genesis
from replica.core.log.entry_run import ReceivedRun
from replica.core.orders.context import OrderPolicy
from replica.core.rights.rebalancing import covers
from replica.core.rights.requests import BREACH, Grant, GrantLine
from replica.core.state.commands import Command
from replica.core.state.decisions import execute_requests, merge
from replica.core.state.fold import image_of
from replica.core.state.housekeeping import keep_orders
from replica.core.state.replica import Earlier, Replica
from simulations.explorer.book import Problem
from simulations.explorer.checks import precedence, under, view_problems
from simulations.explorer.decisions import Decisions
from simulations.explorer.script import BEGIN_MS, HUBS, LOCATION, NODES, SCOPES, STORE, Ask, Script
from simulations.explorer.snapshots import identity, load, save

ORDERS_MAX = 32
"""Orders that housekeeping looks at in one step, as in production."""

OTHER_BATCHES = 2
"""Batches after which a replica holds no key of an earlier batch in memory."""

Action = Callable[[Replica], None]


class Violation(Exception):
    """A step of a node led to a state in which a guarantee does not hold."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


class NodeState(Struct, frozen=True):
    """One state of one node."""

    node: str
    saved: bytes
    """The replica."""
    journal: tuple[Entry, ...]
    """Its durable entries, in order of arrival."""
    clock: int
    """The stamp that the last commit made durable."""
    heads: dict[Stream, int]
    known: int
    """The requests of the script whose entries it has, one bit for each."""
    entries_id: int
    """Equal for states with the same journal, in the same order."""
    vector_id: int
    """Equal for states with equal version vectors."""
    digest_id: int
    """Equal for states that show the same stock, documents and orders."""
    own_id: int
    """Equal for states in which this node wrote the same entries."""


class Interned:
    """Small numbers for values: equal values, equal numbers."""

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, value: object) -> int:
        """The number of a value."""
        return self._numbers.setdefault(value, len(self._numbers))


class NodeStates:
    """All states of one node that were reached so far, by number."""

    def __init__(self, script: Script, node: str, interned: Interned) -> None:
        self.script = script
        self.node = node
        self.states: list[NodeState] = []
        self.own: dict[int, tuple[Entry, ...]] = {}
        """What the node wrote, by `own_id`."""
        self.known: list[int] = []
        self.journals: list[int] = []
        self.vectors: list[int] = []
        self.digests: list[int] = []
        self.owns: list[int] = []
        """Of each state: `known`, `entries_id`, `vector_id`, `digest_id` and `own_id`."""
        self.computed = 0
        """Steps that the core computed."""
        self._interned = interned
        self._numbers: dict[bytes, int] = {}
        self._bits = {ask.key: 1 << bit for bit, ask in enumerate(script.every_ask)}
        self._decisions = Decisions(script, node)
        self._merged: dict[tuple[int, tuple[bytes, ...], int], int] = {}
        self._start()

    def _start(self) -> None:
        replica = self._fresh((), 0)
        self._enter(replica, (), 0, checks=False)

    def ask(self, number: int, ask: Ask, moment: int) -> int:
        """The state after a request. Raises Violation."""
        state, command = self.states[number], ask.command

        def act(replica: Replica) -> None:
            earlier: Earlier = {ask.key: found} if (found := under(state.journal, ask.key)) else {}
            (verdict,) = execute_requests(replica, [command], self._now_ms(moment), earlier)
            if isinstance(verdict, Refused) and replica.uncommitted:
                raise Violation(Problem(3, f"{ask.name} was refused, and left an entry"))
            if isinstance(command, Command) and not earlier:
                wrong = self._decisions.fault(state.entries_id, state.journal, command, verdict)
                if wrong:
                    raise Violation(Problem(5, f"{self.node} decides {ask.name} unlike the reference model: {wrong}"))

        return self._step(number, act)

    def restart(self, number: int) -> int:
        """The state after the process was killed, and started again. Raises Violation."""
        state = self.states[number]
        self.computed += 1
        after = self._enter(self._fresh(state.journal, state.clock), state.journal, state.clock)
        if self.states[after].digest_id != state.digest_id:
            raise Violation(Problem(2, f"{self.node} shows something else after a restart"))
        return after

    def keep_orders(self, number: int, moment: int) -> int:
        """The state after housekeeping of the orders. Raises Violation."""
        now_ms, stores = self._now_ms(moment), {} if self.node == STORE else {LOCATION: STORE}

        def act(replica: Replica) -> None:
            keep_orders(replica, now_ms, stores=stores, hubs=HUBS, limit=ORDERS_MAX)

        return self._step(number, act)

    def settle(self, number: int, moment: int) -> int:
        """The state after the node covered the breaches of others that it sees. Raises Violation."""

        def act(replica: Replica) -> None:
            for item, stock in sorted(replica.ledger.stocks(LOCATION).items()):
                for to, units in covers(stock.free(), self.node).items():
                    grant = Grant(to, (GrantLine(item, units),), BREACH)
                    execute_requests(replica, [Command(LOCATION, grant, b"")], self._now_ms(moment), {})

        return self._step(number, act)

    def missing(self, number: int, journal: Sequence[Entry]) -> tuple[Entry, ...]:
        """Entries of a peer's journal that this node lacks and takes, in the peer's order of arrival."""
        heads = self.states[number].heads
        return tuple(
            entry
            for entry in journal
            if entry.sequence > heads.get(entry.stream, 0) and (self.node != STORE or entry.stream.scope in SCOPES)
        )

    def receive(self, number: int, entries: Sequence[Entry], moment: int) -> int:
        """The state after one frame with these entries. Raises Violation."""
        name = (number, tuple(entry.hash for entry in entries), moment)
        after = self._merged.get(name)
        if after is None:
            after = self._merged[name] = self._receive(number, entries, moment)
        return after

    def _receive(self, number: int, entries: Sequence[Entry], moment: int) -> int:
        state = self.states[number]
        keys = dict.fromkeys(entry.content.key for entry in entries if entry.content.key)
        earlier: Earlier = {key: found for key in keys if (found := under(state.journal, key))}

        def act(replica: Replica) -> None:
            merge(replica, _runs(entries, state.journal), self._now_ms(moment), earlier)

        after = self._step(number, act)
        self._check_frame_again(self.states[after], act)
        return after

    def _check_frame_again(self, state: NodeState, act: Action) -> None:
        """A frame that arrives a second time adds no entry, and changes nothing that the node shows."""
        replica = load(state.saved)
        act(replica)
        if replica.uncommitted or self._digest_id(replica) != state.digest_id:
            raise Violation(Problem(3, f"{self.node} changes when a frame arrives again"))

    def _digest_id(self, replica: Replica) -> int:
        digests = sorted(replica.digests().items()), replica.orders.digest()
        return self._interned.number(("digest", repr(digests)))

    def _now_ms(self, moment: int) -> int:
        return BEGIN_MS + self.script.moments_ms[moment]

    def _step(self, number: int, act: Action) -> int:
        state = self.states[number]
        replica = load(state.saved)
        self.computed += 1
        try:
            act(replica)
            fresh = tuple(replica.take_batch().entries)
            for _ in range(OTHER_BATCHES if not self.script.is_busy else 0):
                replica.keys.turn()
        except Violation:
            raise
        except (Failure, AssertionError, LookupError, TypeError, ValueError) as failure:
            raise Violation(Problem(0, f"{self.node} fails: {failure!r}")) from failure
        clock = replica.clock.last if fresh else state.clock
        return self._enter(replica, (*state.journal, *fresh), clock, known=len(state.journal))

    def _enter(
        self, replica: Replica, journal: tuple[Entry, ...], clock: int, known: int = 0, *, checks: bool = True
    ) -> int:
        """The number of a state; a new one is checked first."""
        hashes = b"".join(entry.hash for entry in journal)
        name = blake2b(identity(replica) + clock.to_bytes(8) + hashes, digest_size=16).digest()
        number = self._numbers.get(name)
        if number is not None:
            return number
        if checks:
            for problem in view_problems(self.script, replica, journal, known):
                raise Violation(problem)
        saved = save(replica)
        if checks:
            self._check_repeats(load(saved), journal)
        number = self._numbers[name] = len(self.states)
        state = self._state(replica, saved, journal, clock, hashes)
        self.states.append(state)
        self.known.append(state.known)
        self.journals.append(state.entries_id)
        self.vectors.append(state.vector_id)
        self.digests.append(state.digest_id)
        self.owns.append(state.own_id)
        return number

    def _state(
        self, replica: Replica, saved: bytes, journal: tuple[Entry, ...], clock: int, hashes: bytes
    ) -> NodeState:
        own = tuple(entry for entry in journal if entry.stream.writer == replica.writer)
        own_id = self._interned.number(("own", self.node, tuple(entry.hash for entry in own)))
        self.own[own_id] = own
        vectors = sorted((scope, replica.vector_digest(scope)) for scope in replica.vectors)
        known = 0
        for entry in journal:
            known |= self._bits.get(entry.content.key, 0)
        return NodeState(
            node=self.node,
            saved=saved,
            journal=journal,
            clock=clock,
            heads={entry.stream: entry.sequence for entry in journal},
            known=known,
            entries_id=self._interned.number(("journal", hashes)),
            vector_id=self._interned.number(("vector", *vectors)),
            digest_id=self._digest_id(replica),
            own_id=own_id,
        )

    def _check_repeats(self, replica: Replica, journal: Sequence[Entry]) -> None:
        """A request under a known key gets the entry that wins, and records nothing."""
        for ask in self.script.every_ask:
            known = under(journal, ask.key)
            if not known or self.node not in ask.at:
                continue
            (verdict,) = execute_requests(replica, [ask.command], self._now_ms(0), {ask.key: known})
            best = min(known, key=precedence)
            if isinstance(verdict, Refused) or verdict.hash != best.hash:
                raise Violation(Problem(3, f"{self.node} answers {ask.name} with {verdict!r:.80}, not with its entry"))
            if replica.uncommitted:
                raise Violation(Problem(3, f"{self.node} records the repeated {ask.name} again"))

    def _fresh(self, journal: Sequence[Entry], clock: int) -> Replica:
        """A replica that starts from its journal."""
        of_key: dict[bytes, list[Entry]] = {}
        for entry in journal:
            of_key.setdefault(entry.content.key, []).append(entry)
        several = {entry.hash for key, entries in of_key.items() if key and len(entries) > 1 for entry in entries}
        voids = {void_key(hash) for hash in several}
        shared = [entry for entry in journal if entry.hash in several or entry.content.key in voids]
        is_store = self.node == STORE
        at_store = OrderPolicy(notes_scope=LOCATION, counter=LOCATION)
        policy = at_store if is_store else OrderPolicy(has_quotas=True, notes_scope=HUBS_SCOPE)
        return Replica(
            writer_of(self.node),
            self.script.hosted_by(self.node),
            image_of(journal, self.node, clock=clock, shared=shared),
            order_policy=policy,
        )


def writer_of(node: str) -> str:
    """The writer of a node: each has one incarnation, because its disk is never lost."""
    return f"{node}#{NODES.index(node):08x}"


def _runs(entries: Iterable[Entry], journal: Sequence[Entry]) -> list[ReceivedRun]:
    """Entries as a frame has them: consecutive entries of one stream as a run."""
    last = {entry.stream: entry.hash for entry in journal}
    runs: list[ReceivedRun] = []
    for entry in entries:
        if runs and runs[-1].stream == entry.stream:
            runs[-1].entries.append(entry)
        else:
            previous = last.get(entry.stream, genesis(entry.stream))
            runs.append(ReceivedRun(entry.stream, entry.sequence, previous, [entry]))
        last[entry.stream] = entry.hash
    return runs
