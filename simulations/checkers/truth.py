"""The book equals the shelf: the answers of all nodes add up to the stock that every replica shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from replica.core.base.names import node_of
from replica.core.log.entry import Entry
from replica.core.orders.requests import ORDER
from replica.core.stock.counts import CORRECTION, COUNT
from replica.runtime.ports import Stored
from simulations.chain import SimulatedChain
from simulations.checkers.checker import Checker
from simulations.checkers.stamps import CLOCK_FAULTS
from simulations.history import Ask, History, Pair, effect_of
from simulations.machine import Machine
from simulations.pn_counter import Add, AddOutcome, CounterHistory, FinalRead, violations

AS_WRITTEN = (COUNT, ORDER)
"""Kinds whose effect depends on earlier stock. `HeldChecker` and `OrdersChecker` check the effect of orders."""


class TruthChecker(Checker):
    """Answers have the requested effect, final sums are acceptable, and counted shelves equal their counts."""

    invariant = 5

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._corrected: dict[bytes, tuple[str, Entry]] = {}
        """Counts and corrections, with the machine on which each was seen first."""

    def entry(self, machine: Machine, stored: Stored) -> None:
        if stored.entry.content.kind in (COUNT, CORRECTION):
            self._corrected.setdefault(stored.entry.hash, (machine.name, stored.entry))

    def answered(self, ask: Ask, entry: Entry) -> None:
        if (
            entry.content.kind not in AS_WRITTEN
            and not ask.is_by_recipe
            and _changes(effect_of(entry)) != _changes(ask.delta)
        ):
            self.fail(f"{ask.key!r} should change {ask.delta}, but changed {effect_of(entry)}")

    def appeared(self, entry: Entry) -> None:
        if entry.content.kind == ORDER:
            self.history.handed_out.append(entry)

    def finish(self) -> None:
        for pair in self.history.pairs:
            for violation in violations(self._adds_and_reads(pair)):
                self.fail(f"{pair}: {violation}")
            self._compare_with_shelf(pair)

    def _adds_and_reads(self, pair: Pair) -> CounterHistory:
        names = tuple(machine.name for machine in self.chain.subscribers(pair[0]))
        return CounterHistory(names, adds(self.history, pair, self._corrected.values()), self._reads(pair))

    def _reads(self, pair: Pair) -> tuple[FinalRead, ...]:
        return tuple(
            FinalRead(machine.name, machine.node.replica.ledger.stock(*pair).figures.on_hand)
            for machine in self.chain.subscribers(pair[0])
            if machine.node is not None
        )

    def _compare_with_shelf(self, pair: Pair) -> None:
        on_shelf = self.history.on_shelf(pair)
        if (
            on_shelf is None
            or self.history.is_robbed(pair)
            or is_mistimed(self.chain, self.history, pair, self._corrected.values())
        ):
            return
        for read in self._reads(pair):
            if read.value != on_shelf:
                self.fail(f"{read.node} shows {read.value} of {pair}, but {on_shelf} are on the shelf")


def _changes(units: Mapping[str, int]) -> dict[str, int]:
    """The items that change, with their units."""
    return {item: number for item, number in units.items() if number}


def is_mistimed(chain: SimulatedChain, history: History, pair: Pair, corrected: Iterable[tuple[str, Entry]]) -> bool:
    """Whether the shelf and a count of it may differ.

    If a clock is wrong, stamps do not show which movements came before a count. And an order may take units that the
    counting client cannot know about. `CountedChecker` still checks that the book equals the count, by the stamps.
    """
    is_wrong = any(fault.kind in CLOCK_FAULTS for fault in chain.plan.faults)
    asks = [ask for ask in history.asks if ask.location == pair[0] and pair[1] in ask.delta]
    entries = [ask.entry for ask in asks if ask.entry is not None]
    entries += [entry for entry in history.handed_out if entry.stream.scope == pair[0]]
    if any(ask.of_orders is not None and history.was_overtaken(ask, pair) for ask in asks):
        return True
    writers = dict.fromkeys(node_of(entry.stream.writer) for entry in entries)
    are_told_apart = len(writers) > 1 or any(ask.occurred_ms is not None for ask in asks)
    return is_wrong and are_told_apart and any(entry.stream.scope == pair[0] for _, entry in corrected)


def adds(history: History, pair: Pair, corrected: Iterable[tuple[str, Entry]]) -> tuple[Add, ...]:
    """The requested changes of a pair with their outcomes, and the changes by counts and corrections."""
    location, item = pair
    of_orders = Add("orders", history.of_orders(pair), AddOutcome.ACKNOWLEDGED)
    asked = [
        Add(ask.machine, ask.delta[item], ask.outcome)
        for ask in history.asks
        if ask.location == location and item in ask.delta
    ]
    counted = [
        Add(machine, effect_of(entry).get(item, 0), AddOutcome.ACKNOWLEDGED)
        for machine, entry in corrected
        if entry.stream.scope == location
    ]
    return (of_orders, *asked, *counted)
