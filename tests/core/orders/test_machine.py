"""The table of transitions: the classic rules, the tables that are refused, and the page that shows the default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from replica.core.base.names import CUSTOMER
from replica.core.catalog.documents import pack_value
from replica.core.ledger.cells import Ledger, Move
from replica.core.orders.machine import (
    CANCEL,
    COLLECT,
    DEFAULT_DOCUMENT,
    DEFAULT_MACHINE,
    EVENTS,
    FLOWS,
    HOLD,
    NATURES,
    PAY,
    RESERVE,
    RETURN,
    SHIP,
    AmbiguousTransition,
    MachineDocument,
    OrderMachine,
    Reachability,
    TableError,
    Transition,
    UnknownEvent,
    UnknownState,
    UnreachableState,
    UnsoundTransition,
    mermaid,
)
from replica.core.state import decisions
from replica.core.state.commands import DocumentWrite
from replica.core.state.replica import Replica

ROOT = Path(__file__).parents[3]
RULES = json.loads((ROOT / "tests" / "vectors" / "order_rules.json").read_text())


def effect(event: str, index: int) -> dict[str, int]:
    """How one unit of an event changes the figures, by the ledger."""
    source, target = (name if name == CUSTOMER else f"store-1/{name}" for name in FLOWS[event][index])
    ledger = Ledger()
    ledger.apply("store-1", "store-1#0000000a", [Move("cola", source, target, 1)])
    figures = ledger.stock("store-1", "cola").figures
    return {"reserved": figures.reserved, "available": figures.available, "on_hand": figures.on_hand}


@pytest.mark.parametrize("name", RULES["effects"])
def test_event_changes_the_figures_by_the_classic_rules(name: str) -> None:
    event, _, side = name.partition(".")
    assert effect(event, side == "replacement") == RULES["effects"][name]


def test_every_event_has_a_flow_and_a_row() -> None:
    assert list(FLOWS) == list(EVENTS)
    assert [row.event for row in DEFAULT_DOCUMENT.transitions if row.event not in EVENTS] == []
    assert [event for event in EVENTS if all(row.event != event for row in DEFAULT_DOCUMENT.transitions)] == []


def test_default_lists_every_state() -> None:
    assert DEFAULT_DOCUMENT.states == tuple(NATURES)


@pytest.mark.parametrize(
    ("state", "event", "leads"),
    [
        ("", HOLD, "held"),
        ("", SHIP, Reachability.EARLY),
        ("", RETURN, Reachability.EARLY),
        ("held", PAY, "reserved"),
        ("held", SHIP, Reachability.EARLY),
        ("held", COLLECT, "collected"),
        ("reserved", HOLD, Reachability.IMPOSSIBLE),
        ("reserved", RETURN, Reachability.EARLY),
        ("picking", "adjust", Reachability.IMPOSSIBLE),
        ("shipped", CANCEL, Reachability.IMPOSSIBLE),
        ("shipped", RETURN, "returned"),
        ("cancelled", SHIP, Reachability.IMPOSSIBLE),
        ("expired", PAY, Reachability.IMPOSSIBLE),
        ("state-of-next-year", SHIP, Reachability.IMPOSSIBLE),
    ],
)
def test_event_is_possible_early_or_impossible(state: str, event: str, leads: str | Reachability) -> None:
    assert DEFAULT_MACHINE.step(state, event) is leads or DEFAULT_MACHINE.step(state, event) == leads


def test_an_event_before_the_beginning_is_early() -> None:
    machine = OrderMachine(DEFAULT_DOCUMENT)
    assert (machine.step("", SHIP), machine.step("", HOLD)) == (Reachability.EARLY, "held")


def test_an_event_follows_only_by_events_that_are_not_spent() -> None:
    machine = OrderMachine(DEFAULT_DOCUMENT)
    assert machine.may_follow("held", SHIP, [HOLD])
    assert not machine.may_follow("held", SHIP, [HOLD, PAY]), "it can still be collected, cancelled or changed"
    assert machine.may_follow("reserved", RETURN, [SHIP])
    assert not machine.may_follow("reserved", RETURN, [SHIP, COLLECT])


def table(*rows: Transition, states: tuple[str, ...] = ("held", "shipped", "cancelled")) -> MachineDocument:
    """A table of three states, with these rows after the first one."""
    return MachineDocument(states, (Transition(HOLD, (), "held"), *rows))


@pytest.mark.parametrize(
    ("rows", "error", "named"),
    [
        ([Transition(SHIP, ("held",), "gone")], UnknownState, "ship names the state 'gone'"),
        ([Transition(SHIP, ("reserved",), "shipped")], UnknownState, "ship names the state 'reserved'"),
        ([Transition("lose", ("held",), "cancelled")], UnknownEvent, "'lose'"),
        ([Transition(SHIP, ("held",), "shipped")], UnreachableState, "'cancelled'"),
        (
            [Transition(SHIP, ("held",), "shipped"), Transition(CANCEL, ("shipped",), "cancelled")],
            UnsoundTransition,
            "cancel cannot lead from shipped to cancelled: it takes units that are held",
        ),
        ([Transition(RESERVE, ("held",), "held")], UnsoundTransition, "reserve cannot lead from held to held"),
        ([Transition(SHIP, (), "shipped")], UnsoundTransition, "ship cannot lead from the beginning to shipped"),
        ([Transition(SHIP, ("held",), "cancelled")], UnsoundTransition, "leaves them with the customer"),
    ],
)
def test_unusable_table_is_refused_with_its_error(rows: list[Transition], error: type[TableError], named: str) -> None:
    with pytest.raises(error, match=named):
        table(*rows)


def test_state_that_no_fulfilment_has_is_refused() -> None:
    with pytest.raises(UnknownState, match="lost"):
        table(states=("held", "lost"))


def test_event_with_two_targets_is_refused() -> None:
    ways = (Transition(PAY, ("held",), "reserved"), Transition(PAY, ("held",), "held"))
    with pytest.raises(AmbiguousTransition, match="pay from 'held'"):
        MachineDocument(("held", "reserved"), (Transition(HOLD, (), "held"), *ways))


def test_document_is_read_in_its_documented_form() -> None:
    written: Any = {
        "states": ["held", "collected", "expired", "cancelled"],
        "transitions": [
            {"event": "hold", "from": [], "to": "held"},
            {"event": "collect", "from": ["held"], "to": "collected"},
            {"event": "expire", "from": ["held"], "to": "expired"},
            {"event": "cancel", "from": ["held"], "to": "cancelled"},
        ],
    }
    document = msgspec.convert(written, MachineDocument)
    assert document.transitions[1].origins == ("held",)
    with pytest.raises(msgspec.ValidationError, match="no event leads to 'cancelled'"):
        msgspec.convert({**written, "transitions": written["transitions"][:3]}, MachineDocument)


def test_document_replaces_the_table_and_clearing_it_brings_the_default_back() -> None:
    replica = Replica("hub-east#0000000b", ())
    small = {"states": ["reserved"], "transitions": [{"event": "reserve", "from": [], "to": "reserved"}]}
    for number, value in enumerate([pack_value(small), pack_value({"states": ["lost"], "transitions": []}), None]):
        decisions.write(replica, DocumentWrite("order_machine", "default", value, f"k{number}".encode()), 0)
        expected = ("reserved",) if number < 2 else DEFAULT_DOCUMENT.states
        assert replica.machine.document.states == expected
        assert replica.documents.malformed == (number > 0)


def test_page_shows_the_diagram_of_the_default_table() -> None:
    page = (ROOT / "docs" / "reference" / "order-events.md").read_text()
    assert f"```mermaid\n{mermaid(DEFAULT_DOCUMENT)}\n```" in page
