"""The observer sees every entry that becomes durable and every answer, and shows them to all checkers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from replica.core.base.errors import Refused
from replica.core.log.entry import Entry, Stream
from replica.runtime.ports import Stored
from simulations.addressed import AddressedCommand, Surveyed
from simulations.chain import SimulatedChain
from simulations.checkers.accounts import AccountsChecker
from simulations.checkers.bounds import BoundsChecker
from simulations.checkers.causality import CausalityChecker
from simulations.checkers.checker import Checker, Violation
from simulations.checkers.clock_faults import ClockFaultsChecker
from simulations.checkers.convergence import ConvergenceChecker
from simulations.checkers.counted import CountedChecker
from simulations.checkers.decisions import DecisionsChecker
from simulations.checkers.deliveries import DeliveriesChecker
from simulations.checkers.documents import DocumentsChecker
from simulations.checkers.durability import DurabilityChecker
from simulations.checkers.exactly_once import ExactlyOnceChecker
from simulations.checkers.figures import FiguresChecker
from simulations.checkers.floor import FloorChecker
from simulations.checkers.goods_counted import GoodsCountedChecker
from simulations.checkers.held import HeldChecker
from simulations.checkers.home import HomeChecker
from simulations.checkers.lost_edits import LostEditsChecker
from simulations.checkers.order_messages import OrderMessagesChecker
from simulations.checkers.order_parts import OrderPartsChecker
from simulations.checkers.order_returns import OrderReturnsChecker
from simulations.checkers.orders import OrdersChecker
from simulations.checkers.placed_again import PlacedAgainChecker
from simulations.checkers.policies import PoliciesChecker
from simulations.checkers.prices import PricesChecker
from simulations.checkers.quotas import QuotasChecker
from simulations.checkers.readers import ReadersChecker
from simulations.checkers.reference import ReferenceChecker
from simulations.checkers.regions import RegionsChecker
from simulations.checkers.rest import ResentChecker, RestChecker
from simulations.checkers.returned import ReturnsChecker
from simulations.checkers.rights import RightsChecker
from simulations.checkers.settlement import SettlementChecker
from simulations.checkers.shortages import ShortagesChecker
from simulations.checkers.stamps import StampsChecker
from simulations.checkers.streams import StreamsChecker
from simulations.checkers.times import TimesChecker
from simulations.checkers.told import ToldChecker
from simulations.checkers.transfers import TransfersChecker
from simulations.checkers.truth import TruthChecker
from simulations.checkers.views import ViewsChecker
from simulations.checkers.waiting import WaitingChecker
from simulations.history import Ask, Durable, History, PageRead
from simulations.journal import SimulatedDisk
from simulations.machine import Machine

CHECKERS: tuple[type[Checker], ...] = (
    StreamsChecker,
    ExactlyOnceChecker,
    DurabilityChecker,
    RegionsChecker,
    ReadersChecker,
    FiguresChecker,
    DecisionsChecker,
    OrdersChecker,
    PlacedAgainChecker,
    WaitingChecker,
    OrderMessagesChecker,
    OrderPartsChecker,
    FloorChecker,
    HeldChecker,
    OrderReturnsChecker,
    GoodsCountedChecker,
    AccountsChecker,
    QuotasChecker,
    RightsChecker,
    SettlementChecker,
    CausalityChecker,
    StampsChecker,
    TimesChecker,
    ClockFaultsChecker,
    DocumentsChecker,
    LostEditsChecker,
    PricesChecker,
    DeliveriesChecker,
    ConvergenceChecker,
    HomeChecker,
    BoundsChecker,
    ResentChecker,
    CountedChecker,
    ReturnsChecker,
    ReferenceChecker,
    TransfersChecker,
    TruthChecker,
    PoliciesChecker,
    ShortagesChecker,
    ToldChecker,
    RestChecker,
    ViewsChecker,
)
"""In calling order: checkers that find causes come before checkers that find consequences."""


class Observer:
    """Looks at the chain repeatedly."""

    def __init__(self, chain: SimulatedChain, history: History, checkers: Iterable[type[Checker]] = CHECKERS) -> None:
        self._chain = chain
        self._checkers = [checker(chain, history) for checker in checkers]
        self._seen: dict[str, tuple[SimulatedDisk, int]] = {}
        """By machine: the disk that was read, and the number of entries read."""
        self._known: dict[Stream, int] = {}
        """The last number of each stream that was seen on any disk."""
        self._found: Violation | None = None
        self._looking = [(one, type(one).appeared is not Checker.appeared) for one in self._checkers]
        history.on_answer = self.answered
        history.on_refused = self.refused
        history.on_shown = self.shown
        history.on_read = self.read
        history.on_figures = self.figures
        history.on_quote = self.quoted
        history.on_sourced = self.sourced

    def answered(self, ask: Ask, entry: Entry) -> None:
        """A client got the answer that its request is done. Raises Violation."""
        for checker in self._checkers:
            checker.answered(ask, entry)

    def refused(self, ask: Ask, refused: Refused, machine: str, since: Durable) -> None:
        """A client got a refusal. `since`: what was durable at the machine when it asked. Raises Violation."""
        if since.disk is self._chain.machines[machine].disk:
            self._read(self._chain.machines[machine])
            for checker in self._checkers:
                checker.refused(ask, refused, self._chain.machines[machine], since.entries)

    def shown(self, machine: str, scope: str, vector: dict[str, int]) -> None:
        """A client saw the version vector of a scope at a machine. Raises Violation."""
        for checker in self._checkers:
            checker.shown(machine, scope, vector)

    def read(self, reader: str, machine: str, cursor: str, page: PageRead) -> None:
        """A reader got a page of a journal. Raises Violation."""
        for checker in self._checkers:
            checker.read(reader, machine, cursor, page)

    def figures(self, machine: str, shown: Mapping[str, Any], after: Entry | None) -> None:
        """A client got an answer about stock. Raises Violation."""
        for checker in self._checkers:
            checker.figures(machine, shown, after)

    def quoted(self, machine: str, shown: Mapping[str, Any]) -> None:
        """A client got a quote, or the answer to a sale for the second time. Raises Violation."""
        for checker in self._checkers:
            checker.quoted(self._chain.machines[machine], shown)

    def sourced(self, machine: str, asked: AddressedCommand, surveyed: Surveyed, shown: Mapping[str, Any]) -> None:
        """A client was told from where an order to an address would be sent. Raises Violation."""
        for checker in self._checkers:
            checker.sourced(self._chain.machines[machine], asked, surveyed, shown)

    def look(self) -> None:
        """Look at everything that happened since the last look. Raises Violation."""
        for machine in self._chain.machines.values():
            self._read(machine)
        for checker in self._checkers:
            checker.moment()

    def away(self, core: Collection[str], since_s: float) -> None:
        """Look, after some machines have run alone for a while. Raises Violation."""
        self.look()
        for checker in self._checkers:
            checker.away(core, since_s)

    def due(self) -> Callable[[], None] | None:
        """Look, and return a function that raises the violation of what is still due; None if nothing is."""
        self.look()
        for checker in self._checkers:
            for detail in checker.due():
                return partial(checker.fail, detail)
        return None

    def finish(self) -> None:
        """Look for the last time, when everything is healed, delivered and answered. Raises Violation."""
        self.look()
        for checker in self._checkers:
            checker.finish()

    def _read(self, machine: Machine) -> None:
        """Show what became durable on a machine. Once a checker found something, nothing else is looked for."""
        if self._found is not None:
            raise self._found
        try:
            self._read_on(machine)
        except Violation as found:
            self._found = found
            raise

    def _read_on(self, machine: Machine) -> None:
        machine.disk.refresh()
        disk = machine.disk
        read, through = self._seen.get(machine.name, (disk, 0))
        self._show(machine, read.stored[through:])
        if read is not disk:
            for checker in self._checkers:
                checker.replaced(machine)
            self._show(machine, disk.stored)
        self._seen[machine.name] = (disk, len(disk.stored))

    def _show(self, machine: Machine, stored: Sequence[Stored]) -> None:
        for one in stored:
            entry = one.entry
            is_new = entry.sequence > self._known.get(entry.stream, 0)
            for checker, looks_at_new in self._looking:
                checker.entry(machine, one)
                if is_new and looks_at_new:
                    checker.appeared(entry)
            if is_new:
                self._known[entry.stream] = entry.sequence
