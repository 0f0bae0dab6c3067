"""Four nodes under any order of delivery: after cuts, losses, repetitions and crashes, all replicas end equal.

Hypothesis generates a programme: a list of small steps. After it the lines are healed. Then every entry must have
arrived at every node that subscribes to it, with equal vectors and equal digests. No replica may ever have held an
entry without the entries that its author held.
"""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replica.core.base.clock import Moment
from replica.core.base.errors import PeerFault, Refused
from replica.core.base.limits import DIGEST_INTERVAL_MS, HEARTBEAT_MS
from replica.core.base.names import CHAIN
from replica.core.log.entry import Stream, start
from replica.core.log.entry_run import ReceivedRun
from replica.core.state import decisions
from replica.core.state.kinds import LocationRequest
from replica.core.state.replica import Replica
from replica.core.stock.requests import (
    Action,
    Adjustment,
    AdjustmentLine,
    Count,
    CountLine,
    OnShortage,
    Quarantine,
    QuarantineLine,
    Return,
    SkuLine,
)
from tests.core.chain import NOW_MS, STORE, Node, SessionPair, hub, image_of, receipt, sale, store
from tests.core.contents import OWN, linked, receipt_content

Vector = dict[str, int]


class FourNodes:
    """Two stores and two hubs; every store talks to both hubs, and the hubs to each other."""

    def __init__(self) -> None:
        self.nodes = [store(1), store(2), hub("hub-east", STORE), hub("hub-west", STORE, "store-2")]
        self.pairs = [(one, other) for one, other in combinations(range(4), 2) if (one, other) != (0, 1)]
        self.lines: dict[tuple[int, int], SessionPair] = {}
        self.before: dict[tuple[Stream, int], Vector] = {}
        """How far the author of each entry held its scope just before the entry."""
        self.checked = [0] * 4
        self.asked = 0

    def ask(self, index: int, request: LocationRequest) -> None:
        """Let a node decide a request. A refusal is ignored."""
        node, self.asked = self.nodes[index], self.asked + 1
        scope = node.replica.locations[0]
        held = self.held(node, scope)
        try:
            entry = node.ask(request, key=f"key-{self.asked}")
        except Refused:
            return
        self.before[entry.stream, entry.sequence] = held

    def write(self, index: int, name: str, value: object) -> None:
        """Let a hub write a document."""
        node, self.asked = self.nodes[index], self.asked + 1
        held = self.held(node, CHAIN)
        entry = node.write(name, value, key=f"key-{self.asked}", kind="price")
        self.before[entry.stream, entry.sequence] = held

    def held(self, node: Node, scope: str) -> Vector:
        return {writer: head.sequence for writer, head in node.replica.vectors.get(scope, {}).items()}

    def connect(self, pair: tuple[int, int]) -> SessionPair:
        line = self.lines.get(pair)
        if line is None or not line.is_up:
            line = self.lines[pair] = SessionPair(self.nodes[pair[0]], self.nodes[pair[1]])
        return line

    def cut(self, pair: tuple[int, int]) -> None:
        self.lines.pop(pair, None)

    def crash(self, index: int) -> None:
        """A node loses what it had not committed, and its lines."""
        for pair in self.pairs:
            if index in pair:
                self.cut(pair)
        self.nodes[index].crash()

    def check_causality(self) -> None:
        """Check that no journal has an entry before the entries of that scope that its author held."""
        for node in self.nodes:
            self._note_what_was_written_by_itself(node)
        for node in self.nodes:
            known: dict[Stream, int] = {}
            for entry, _ in node.journal:
                stream = entry.stream
                for writer, sequence in self.before[stream, entry.sequence].items():
                    assert known.get(Stream(writer, stream.scope), 0) >= sequence
                assert known.get(stream, 0) + 1 == entry.sequence
                known[stream] = entry.sequence

    def _note_what_was_written_by_itself(self, node: Node) -> None:
        """Voids and corrections have no request, so their author's journal shows how far it held the scope."""
        held: dict[str, Vector] = {}
        for entry, _ in node.journal:
            stream = entry.stream
            known = held.setdefault(stream.scope, {})
            if stream.writer == node.replica.writer:
                self.before.setdefault((stream, entry.sequence), dict(known))
            known[stream.writer] = entry.sequence

    def heal(self) -> None:
        """Connect all pairs until nothing is left to send, and long enough to compare digests."""
        for index in range(4):
            self.nodes[index].commit()
        for pair in self.pairs:
            self.cut(pair)
        for round_number in range(3):
            for pair in self.pairs:
                line = self.connect(pair)
                line.run(limit=3)
                assert line.fault is None, f"{pair} in round {round_number}: {line.fault}"
        for pair in self.pairs:
            line = self.lines[pair]
            for _ in range(DIGEST_INTERVAL_MS // HEARTBEAT_MS + 1):
                line.tick(HEARTBEAT_MS)
                line.run()
            assert line.is_up
            assert line.alarms() == []

    def check_equal(self) -> None:
        one_store, other_store, east, west = (node.replica for node in self.nodes)
        assert east.vectors == west.vectors
        assert east.digests() == west.digests()
        assert list(east.ledger.cells()) == list(west.ledger.cells())
        assert list(map(repr, east.documents.keys("price"))) == list(map(repr, west.documents.keys("price")))
        for shop in (one_store, other_store):
            for scope in (shop.locations[0], CHAIN):
                assert shop.vectors.get(scope) == east.vectors.get(scope)
                assert shop.digest(scope) == east.digest(scope)
            for key in east.documents.keys("price"):
                assert shop.documents.value("price", key) == east.documents.value("price", key)

    def check_folds(self) -> None:
        """Check that each replica is the fold of its journal."""
        for node in self.nodes:
            again = Replica(node.replica.writer, (), image_of(node.journal, node.replica.writer))
            assert list(again.ledger.cells()) == list(node.replica.ledger.cells())
            assert again.digests() == node.replica.digests()


requests: st.SearchStrategy[LocationRequest] = st.one_of(
    st.integers(1, 9).map(lambda number: receipt(cola=number)),
    st.builds(lambda number, shortage: sale(shortage, cola=number), st.integers(1, 5), st.sampled_from(OnShortage)),
    st.integers(1, 3).map(lambda number: Return(lines=(SkuLine(number, sku="cola"),))),
    st.integers(0, 9).map(lambda level: Count((CountLine("cola", level),))),
    st.integers(-3, 3).filter(bool).map(lambda delta: Adjustment((AdjustmentLine("cola", delta, "checked"),))),
    st.builds(lambda action: Quarantine((QuarantineLine("cola", 1, action),)), st.sampled_from(Action)),
)

nodes = st.integers(0, 3)
pairs = st.sampled_from(FourNodes().pairs)
sides = st.integers(0, 1)
turns = st.integers(1, 40)
steps = st.one_of(
    st.tuples(st.just("ask"), nodes, requests),
    st.tuples(st.just("write"), st.integers(2, 3), st.sampled_from("ab"), st.none() | st.integers(0, 3)),
    st.tuples(st.just("commit"), nodes),
    st.tuples(st.just("talk"), pairs, turns),
    st.tuples(st.just("deliver"), pairs, sides),
    st.tuples(st.just("settle"), pairs, sides),
    st.tuples(st.just("pump"), pairs, sides, st.integers(1, 3)),
    st.tuples(st.just("again"), pairs, sides),
    st.tuples(st.just("drop"), pairs, sides),
    st.tuples(st.just("cut"), pairs),
    st.tuples(st.just("crash"), nodes),
)
busy_steps = st.one_of(
    st.tuples(st.just("ask"), nodes, requests),
    st.tuples(st.just("commit"), nodes),
    st.tuples(st.just("talk"), pairs, turns),
    st.tuples(st.just("talk"), pairs, turns),
    steps,
)
programmes = st.lists(busy_steps, min_size=50, max_size=70)


def talk(line: SessionPair, turns: int) -> None:
    """Let both sides run for some turns, a few entries at a time."""
    for turn in range(turns):
        index = turn % 2
        line.deliver(index)
        line.settle(index)
        line.pump(index, 2)


def take(chain: FourNodes, step: tuple[object, ...]) -> None:
    match step:
        case ("ask", int(index), request):
            chain.ask(index, request)  # type: ignore[arg-type]
        case ("write", int(index), str(name), value):
            chain.write(index, name, value)
        case ("commit", int(index)):
            chain.nodes[index].commit()
        case ("talk", (int(one), int(other)), int(turns)):
            talk(chain.connect((one, other)), turns)
        case ("deliver", (int(one), int(other)), int(side)):
            chain.connect((one, other)).deliver(side)
        case ("settle", (int(one), int(other)), int(side)):
            chain.connect((one, other)).settle(side)
        case ("pump", (int(one), int(other)), int(side), int(limit)):
            chain.connect((one, other)).pump(side, limit)
        case ("again", (int(one), int(other)), int(side)):
            line = chain.connect((one, other))
            last = line.sides[side].last
            if last is not None and line.is_up:
                line.feed(side, last)
                assert line.fault is not None
                assert line.fault.reason == "corrupt"
        case ("drop", (int(one), int(other)), int(side)):
            inbox = chain.connect((one, other)).sides[side].inbox
            if inbox:
                inbox.popleft()
                # the next frame then has a wrong seal
        case ("cut", (int(one), int(other))):
            chain.cut((one, other))
        case ("crash", int(index)):
            chain.crash(index)
        case _:
            raise AssertionError(f"no step {step}")


@settings(max_examples=150)
@given(programmes)
def test_any_delivery_repetition_and_interruption_ends_in_equal_replicas(
    programme: list[tuple[object, ...]],
) -> None:
    chain = FourNodes()
    for step in programme:
        take(chain, step)
        chain.check_causality()
    chain.heal()
    chain.check_causality()
    chain.check_equal()
    chain.check_folds()


@st.composite
def deliveries(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """Parts of three streams, as `(stream, first, last)`. They cover all streams, in any order, with overlaps."""
    parts = [
        (stream, first, min(8, first + length))
        for stream in range(3)
        for first, length in draw(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 7)), max_size=6))
    ]
    parts += [(stream, first, first + 3) for stream in range(3) for first in (1, 5)]
    return draw(st.permutations(parts))


STREAMS = (OWN, Stream("hub-east#0000000b", STORE), Stream("hub-east#0000000b", "store-2"))
RUNS = [
    linked(stream, [receipt_content(clock=NOW_MS << 16 | number, quantity=number + index + 1) for number in range(8)])
    for index, stream in enumerate(STREAMS)
]


def part_of(run: ReceivedRun, first: int, last: int) -> ReceivedRun:
    before = [start(run.stream).hash, *(entry.hash for entry in run.entries)]
    return ReceivedRun(run.stream, first, before[first - 1], run.entries[first - 1 : last])


@given(deliveries())
def test_parts_merged_in_any_order_with_overlaps_and_retries_end_equal(
    parts: list[tuple[int, int, int]],
) -> None:
    replica = Replica("hub-west#0000000c", ())
    waiting = list(parts)
    while waiting:
        left = []
        for stream, first, last in waiting:
            try:
                decisions.merge(replica, [part_of(RUNS[stream], first, last)], NOW_MS)
            except PeerFault as fault:
                assert fault.reason == "gap"
                left.append((stream, first, last))
        assert len(left) < len(waiting)
        waiting = left
    whole = Replica("hub-west#0000000c", ())
    decisions.merge(whole, RUNS, NOW_MS)
    assert replica.vectors == whole.vectors
    assert replica.digests() == whole.digests()
    assert replica.arrival == whole.arrival == 24


def test_an_isolated_store_keeps_selling_and_its_entries_arrive_after_reconnect() -> None:
    chain = FourNodes()
    chain.ask(0, receipt(cola=10))
    for _ in range(12):
        chain.ask(0, sale(OnShortage.REFUSE, cola=1))
    chain.ask(3, receipt(cola=5))
    chain.heal()
    chain.check_equal()
    stock = chain.nodes[2].replica.ledger.stock(STORE, "cola")
    assert stock.balance("store-1/free") == 0
    assert stock.breach == 0


def test_an_isolated_store_sells_only_its_own_rights() -> None:
    chain = FourNodes()
    chain.ask(2, receipt(cola=5))
    chain.heal()
    chain.ask(0, sale(OnShortage.REFUSE, cola=1))
    chain.heal()
    stock = chain.nodes[0].replica.ledger.stock(STORE, "cola")
    assert (stock.rights("store-1"), stock.rights("hub-east")) == (0, 5)


def test_a_store_that_changes_hubs_sends_the_entries_that_only_it_holds() -> None:
    chain = FourNodes()
    chain.ask(0, receipt(cola=10))
    chain.nodes[0].commit()
    chain.connect((0, 2)).run()
    chain.cut((0, 2))
    chain.ask(0, sale(cola=4))
    chain.nodes[0].commit()
    chain.connect((0, 3)).run()
    assert chain.nodes[3].replica.ledger.stock(STORE, "cola").figures.on_hand == 6
    chain.connect((2, 3)).run()
    assert chain.nodes[2].replica.vectors == chain.nodes[3].replica.vectors


def test_a_line_cut_in_the_middle_of_a_backlog_resumes_where_it_stopped() -> None:
    chain = FourNodes()
    for _ in range(9):
        chain.ask(0, receipt(cola=1))
    chain.nodes[0].commit()
    line = chain.connect((0, 2))
    talk(line, 9)
    taken = chain.nodes[2].replica.head(OWN).sequence
    assert 0 < taken < 9
    chain.cut((0, 2))
    rest = chain.connect((0, 2)).run()
    arrived = [run for event in rest.sides[1].events for run in getattr(event, "runs", ())]
    assert [run.first for run in arrived] == [taken + 1]
    assert chain.nodes[2].replica.head(OWN).sequence == 9


def test_a_cloned_disk_is_noticed_by_a_node_that_meets_both_copies() -> None:
    shop, clone, east = store(1), store(1), hub("hub-east")
    shop.ask(receipt(cola=1))
    clone.ask(receipt(cola=2))
    shop.commit()
    clone.commit()
    assert SessionPair(shop, east).run().fault is None
    line = SessionPair(clone, east, Moment(NOW_MS, 0)).run()
    assert line.fault is not None
    assert line.fault.reason == "fork"
    assert east.replica.head(OWN).hash == shop.journal[0][0].hash


def test_a_disk_restored_to_an_earlier_state_is_noticed_at_the_first_contact() -> None:
    shop, east = store(1), hub("hub-east")
    shop.ask(receipt(cola=1))
    shop.commit()
    SessionPair(shop, east).run()
    line = SessionPair(store(1), east).run()
    assert line.fault is not None
    assert line.fault.reason == "own-stream"


def test_a_request_two_nodes_accepted_while_disconnected_has_one_effect() -> None:
    chain = FourNodes()
    chain.nodes[0].ask(receipt(cola=5), key="till-1")
    chain.nodes[2].ask(receipt(cola=5), key="till-1")
    for node in (chain.nodes[0], chain.nodes[2]):
        node.commit()
    chain.connect((0, 2)).run()
    chain.connect((0, 2)).run()
    assert chain.nodes[0].replica.vectors[STORE] == chain.nodes[2].replica.vectors[STORE]
    assert chain.nodes[2].replica.ledger.stock(STORE, "cola").figures.on_hand == 5


def test_a_count_stays_valid_when_an_earlier_movement_arrives_late() -> None:
    chain = FourNodes()
    shop, east = chain.nodes[0], chain.nodes[2]
    east.ask(receipt(cola=5), key="delivery", now_ms=NOW_MS)
    shop.ask(Count((CountLine("cola", 5),)), key="count", now_ms=NOW_MS + 60_000)
    for node in (shop, east):
        node.commit()
    chain.connect((0, 2)).run()
    chain.connect((0, 2)).run()
    assert shop.replica.vectors[STORE] == east.replica.vectors[STORE]
    assert shop.replica.ledger.stock(STORE, "cola").figures.on_hand == 5


@pytest.mark.parametrize("broken", ["digest", "causality"])
def test_a_chain_that_is_broken_on_purpose_is_noticed(broken: str) -> None:
    chain = FourNodes()
    chain.ask(0, receipt(cola=1))
    chain.nodes[0].commit()
    chain.connect((0, 2)).run()
    if broken == "digest":
        chain.nodes[2].replica.ledger.join(STORE, "cola", (OWN.writer, "supplier", "store-1/free"), 7)
        with pytest.raises(AssertionError):
            chain.heal()
    else:
        chain.ask(2, sale(cola=1))
        chain.nodes[2].commit()
        chain.nodes[3].journal = chain.nodes[2].journal[1:]
        with pytest.raises(AssertionError):
            chain.check_causality()
