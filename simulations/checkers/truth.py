"""The book is the shelf: what everybody was told adds up, to the unit, to what every replica shows."""

from __future__ import annotations

from replica.core.entry import Entry
from replica.core.order_requests import ORDER
from simulations.checkers.checker import Checker
from simulations.checkers.pn_counter import Add, FinalRead, History, Outcome, violations
from simulations.history import Ask, Pair, effect_of
from simulations.history import History as Asked

AS_WRITTEN = ("count", ORDER)
"""Kinds whose effect on the shelf follows from what was there before; of orders, `Held` and `Orders` say what it is."""


class Truth(Checker):
    """An answer has the effect its client asked for; sums are acceptable; counted shelves are as they were counted."""

    invariant = 5

    def told(self, ask: Ask, entry: Entry) -> None:
        if entry.content.kind not in AS_WRITTEN and effect_of(entry) != ask.delta:
            self.fail(f"{ask.key!r} was to change {ask.delta} and changed {effect_of(entry)}")

    def appeared(self, entry: Entry) -> None:
        if entry.content.kind == ORDER:
            self.history.hand_out(entry.stream.scope, effect_of(entry))

    def finish(self) -> None:
        for pair in self.history.pairs:
            for violation in violations(self._adds_and_reads(pair)):
                self.fail(f"{pair}: {violation}")
            self._compare_with_shelf(pair)

    def _adds_and_reads(self, pair: Pair) -> History:
        names = tuple(machine.name for machine in self.chain.subscribers(pair[0]))
        return History(names, adds(self.history, pair), self._reads(pair))

    def _reads(self, pair: Pair) -> tuple[FinalRead, ...]:
        return tuple(
            FinalRead(machine.name, machine.node.replica.ledger.stock(*pair).figures.on_hand)
            for machine in self.chain.subscribers(pair[0])
            if machine.node is not None
        )

    def _compare_with_shelf(self, pair: Pair) -> None:
        on_shelf = self.history.on_shelf(pair)
        if on_shelf is None or self.history.is_robbed(pair):
            return
        for read in self._reads(pair):
            if read.value != on_shelf:
                self.fail(f"{read.node} shows {read.value} of {pair}, {on_shelf} lie there")


def adds(history: Asked, pair: Pair) -> tuple[Add, ...]:
    """What was asked of a pair, and how it ended."""
    location, item = pair
    of_orders = Add("orders", history.of_orders.get(pair, 0), Outcome.ACKNOWLEDGED)
    return of_orders, *(
        Add(ask.machine, _effect(ask, item), ask.outcome)
        for ask in history.asks
        if ask.location == location and item in ask.delta
    )


def _effect(ask: Ask, item: str) -> int:
    """What an ask adds to the book: a count what it corrected, anything else what its client wanted."""
    is_count = ask.entry is not None and ask.entry.content.kind == "count"
    return effect_of(ask.entry).get(item, 0) if is_count and ask.entry is not None else ask.delta[item]
