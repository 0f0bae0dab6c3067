"""One node against a plain dictionary: after any requests in any order, the replica equals the model."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule
from msgspec.structs import replace

from replica.core.base.errors import KeyReused, Refused, RightsExhausted
from replica.core.base.limits import FRAME_ENTRIES_MAX
from replica.core.base.names import CHAIN
from replica.core.ledger.cells import Figures
from replica.core.log.entry import Entry, Head, Stream, start
from replica.core.state import decisions
from replica.core.state.kinds import LocationRequest
from replica.core.state.replica import Replica
from replica.core.stock.counts import Seen
from replica.core.stock.requests import (
    Action,
    Adjustment,
    AdjustmentLine,
    Count,
    CountLine,
    Disposition,
    GoodsLine,
    GoodsReceipt,
    OnShortage,
    Quarantine,
    QuarantineLine,
    Return,
    Sale,
    SkuLine,
)
from replica.core.sync.columns import ColumnDecoder, ColumnEncoder
from tests.core.chain import NOW_MS, STORE, Node, image_of

RECIPES = {"cola": {"cola": 1}, "six": {"cola": 6}, "wings": {"wings": 1}, "menu": {"cola": 1, "wings": 3}}
ITEMS = ("cola", "wings")
OWN = Stream("store-1#0000000a", STORE)

items = st.sampled_from(ITEMS)
numbers = st.integers(1, 12)
baskets = st.lists(st.tuples(st.sampled_from(sorted(RECIPES)), st.integers(1, 4)), min_size=1, max_size=3)
Levels = dict[str, int]


class OneNode(RuleBasedStateMachine):
    """Sales, returns, goods receipts, counts, adjustments, quarantine, repeats, commits and crashes, in any order."""

    asked = Bundle("asked")
    sightings = Bundle("sightings")

    @initialize()
    def open_shop(self) -> None:
        self.node = Node()
        for sku, recipe in RECIPES.items():
            self.node.write(sku, {"recipe": recipe})
        self.node.commit()
        self.free: Levels = dict.fromkeys(ITEMS, 0)
        self.quarantine: Levels = dict.fromkeys(ITEMS, 0)
        self.entries: list[Entry] = []
        """The entries of accepted requests, in order."""
        self.committed: tuple[int, Levels, Levels] = (0, dict(self.free), dict(self.quarantine))
        self.keys = 0
        self.now_ms = NOW_MS

    def ask(self, request: LocationRequest, free: Levels, quarantine: Levels, seen: Seen | None = None) -> Any:
        """Make a request that must be accepted, and change the levels by these amounts."""
        self.keys += 1
        key = f"key-{self.keys}"
        entry = self.node.ask(request, key, self.now_ms, seen)
        for item in ITEMS:
            self.free[item] += free.get(item, 0)
            self.quarantine[item] += quarantine.get(item, 0)
        self.entries.append(entry)
        assert entry.sequence == len(self.entries)
        return (key, request, entry)

    def refuse(self, request: LocationRequest) -> RightsExhausted:
        """Make a request that must be refused because units are missing."""
        before = self.node.replica.uncommitted
        try:
            self.node.ask(request, "refused", self.now_ms)
        except RightsExhausted as refused:
            assert self.node.replica.uncommitted == before
            return refused
        raise AssertionError(f"{request} was not refused")

    @rule(target=asked, basket=baskets, on_shortage=st.sampled_from(OnShortage))
    def sell(self, basket: list[tuple[str, int]], on_shortage: OnShortage) -> Any:
        demand: Levels = {}
        for sku, quantity in basket:
            for item, units in RECIPES[sku].items():
                demand[item] = demand.get(item, 0) + units * quantity
        short = [item for item in demand if demand[item] > self.free[item]]
        request = Sale(lines=tuple(SkuLine(quantity, sku=sku) for sku, quantity in basket), on_shortage=on_shortage)
        if short and on_shortage is OnShortage.REFUSE:
            wanted = {line["item"]: line["wanted"] for line in self.refuse(request).facts["lines"]}
            assert wanted == {item: demand[item] for item in short}
            return multiple()
        breach = {item: demand[item] - max(0, self.free[item]) for item in short}
        known = self.ask(request, {item: -units for item, units in demand.items()}, {})
        assert known[2].content.facts.get("breach", {}) == breach
        return known

    @rule(target=asked, basket=baskets, disposition=st.sampled_from(Disposition))
    def take_back(self, basket: list[tuple[str, int]], disposition: Disposition) -> Any:
        back: Levels = {}
        for sku, quantity in basket:
            for item, units in RECIPES[sku].items():
                back[item] = back.get(item, 0) + units * quantity
        request = Return(lines=tuple(SkuLine(quantity, sku=sku) for sku, quantity in basket), disposition=disposition)
        to_shelf = disposition is Disposition.RESTOCK
        return self.ask(request, back if to_shelf else {}, {} if to_shelf else back)

    @rule(target=asked, item=items, number=numbers)
    def receive(self, item: str, number: int) -> Any:
        return self.ask(GoodsReceipt((GoodsLine(number, item=item),)), {item: number}, {})

    @rule(target=asked, item=items, level=st.integers(0, 20))
    def count_now(self, item: str, level: int) -> Any:
        on_hand = self.free[item] + self.quarantine[item]
        known = self.counted(item)
        entry = self.ask(Count((CountLine(item, level),)), {item: level - on_hand}, {})
        assert known is None or self.counted(item) > known  # whatever the clock says
        return entry

    @rule(target=sightings)
    def look(self) -> Any:
        self.commit()
        levels = {item: self.free[item] + self.quarantine[item] for item in ITEMS}
        return replace(self.node.replica.seen(STORE, self.now_ms), levels=levels)

    @rule(target=asked, item=items, level=st.integers(0, 20), sighting=sightings)
    def count_as_of(self, item: str, level: int, sighting: Seen) -> Any:
        """A count of an earlier state. It corrects unless a newer count is known: a later one, or one that saw it."""
        known = self.counted(item)
        rank = sighting.as_of
        if known is not None and known[2] <= sighting.vector.get(OWN.writer, 0):
            rank = max(rank, known[0] + 1)
        is_outdated = known is not None and known[0] > rank
        levels = sighting.levels
        if known is not None and known[2] > sighting.vector.get(OWN.writer, 0) and not is_outdated:
            return multiple()  # a count between the two precedes this one, and only a journal has its difference
        change = 0 if is_outdated else level - levels[item]
        return self.ask(Count((CountLine(item, level),)), {item: change}, {}, sighting)

    def counted(self, item: str) -> tuple[int, int, int] | None:
        """Rank, stamp and number of the newest count of an item among the entries."""
        counts = [
            (entry.content.facts.get("ranks", {}).get(item, entry.content.facts["as_of"]), entry.content.clock, number)
            for number, entry in enumerate(self.entries, 1)
            if entry.content.kind == "count" and entry.content.facts["count"][0][0] == item
        ]
        return max(counts, default=None)

    @rule(target=asked, item=items, delta=st.integers(-6, 6).filter(bool))
    def adjust(self, item: str, delta: int) -> Any:
        request = Adjustment((AdjustmentLine(item, delta, "checked"),))
        short = -delta - max(0, self.free[item])
        known = self.ask(request, {item: delta}, {})
        assert known[2].content.facts.get("breach", {}) == ({item: short} if short > 0 else {})
        return known

    @rule(target=asked, item=items, number=numbers, action=st.sampled_from(Action))
    def quarantine_some(self, item: str, number: int, action: Action) -> Any:
        request = Quarantine((QuarantineLine(item, number, action),))
        there = min(number, max(0, self.quarantine[item]))
        free = {Action.PUT: -number, Action.RESTOCK: there, Action.WRITE_OFF: there - number}[action]
        aside = number if action is Action.PUT else -there
        short = -free - max(0, self.free[item])
        known = self.ask(request, {item: free}, {item: aside})
        assert known[2].content.facts.get("breach", {}) == ({item: short} if short > 0 else {})
        return known

    @rule(known=asked)
    def ask_again(self, known: Any) -> None:
        key, request, entry = known
        if entry not in self.entries:
            return  # it was lost in a crash before it was answered
        assert self.node.ask(request, key, self.now_ms) == entry

    @rule(known=asked, other=asked)
    def use_a_key_for_another_request(self, known: Any, other: Any) -> None:
        key, request, entry = known
        if request == other[1] or entry not in self.entries:
            return
        try:
            self.node.ask(other[1], key, self.now_ms)
        except KeyReused:
            return
        raise AssertionError("a key was accepted for another request")

    @rule(by_ms=st.integers(-100_000, 100_000))
    def set_the_clock(self, by_ms: int) -> None:
        self.now_ms += by_ms

    @rule()
    def commit(self) -> None:
        self.node.commit()
        self.committed = (len(self.entries), dict(self.free), dict(self.quarantine))

    @precondition(lambda self: self.entries)
    @rule()
    def crash(self) -> None:
        self.node.crash()
        kept, free, quarantine = self.committed
        self.entries = self.entries[:kept]
        self.free, self.quarantine = dict(free), dict(quarantine)

    @invariant()
    def stock_equals_the_model(self) -> None:
        for item in ITEMS:
            stock = self.node.replica.ledger.stock(STORE, item)
            free, aside = self.free[item], self.quarantine[item]
            assert stock.figures == Figures(free + aside, 0, aside, free)
            assert stock.balance("store-1/free") == free
            assert stock.balance("store-1/quarantine") == aside
            assert stock.breach == max(0, -free)
            assert stock.rights("store-1") == free
            assert stock.counter().value == free + aside
            assert sum(stock.balances.values()) == 0

    @invariant()
    def the_stream_is_gap_free_linked_and_stamped_in_order(self) -> None:
        replica = self.node.replica
        last = self.entries[-1] if self.entries else None
        assert replica.head(OWN) == (Head(last.sequence, last.hash) if last is not None else start(OWN))
        assert [entry.sequence for entry in self.entries] == list(range(1, len(self.entries) + 1))
        clocks = [entry.content.clock for entry in self.entries]
        assert all(earlier < later for earlier, later in pairwise(clocks))

    def teardown(self) -> None:
        """The fold of the journal equals the cells, after a restart and at a peer that received everything."""
        if not hasattr(self, "node"):
            return
        self.node.commit()
        replica, journal = self.node.replica, self.node.journal
        again = Replica(replica.writer, (STORE,), image_of(journal, replica.writer))
        assert list(again.ledger.cells()) == list(replica.ledger.cells())
        assert again.digests() == replica.digests()
        peer, encoder, decoder = Replica("hub-east#0000000b", ()), ColumnEncoder(), ColumnDecoder()
        for first in range(0, len(journal), FRAME_ENTRIES_MAX):
            decisions.merge(peer, decoder.decode(encoder.encode(journal[first : first + FRAME_ENTRIES_MAX])), NOW_MS)
        assert peer.vectors[CHAIN] == replica.vectors[CHAIN]
        assert peer.digests() == replica.digests()
        assert sorted(peer.vectors) == sorted(replica.vectors)


TestOneNode = OneNode.TestCase
TestOneNode.settings = settings(max_examples=100, stateful_step_count=40)


def test_a_model_that_misses_a_movement_fails_the_check() -> None:
    machine = OneNode()
    machine.open_shop()
    machine.receive("cola", 5)
    machine.free["cola"] += 1
    try:
        machine.stock_equals_the_model()
    except AssertionError:
        return
    raise Refused("the model and the node differ, and the check passed")
