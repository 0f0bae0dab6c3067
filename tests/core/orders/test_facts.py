"""Facts of order entries: the bytes in journals and on the wire stay as they are, and unreadable facts are skipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from msgspec import msgpack

from replica.core.log.entry import Content
from replica.core.orders.facts import (
    AskFacts,
    HandoverFacts,
    OrderFacts,
    ParkFacts,
    ReportFacts,
    StepFacts,
    TakeBackFacts,
    VoidFacts,
    decode,
    encode,
    is_placement,
    voids_of,
)
from replica.core.orders.fold import LIVE_MAX
from replica.core.orders.requests import ORDER
from tests.core.orders.recorded_orders import recorded
from tests.core.shuffled import OrderTaker

RECORDED: dict[str, list[str]] = json.loads((Path(__file__).parents[2] / "vectors" / "order_facts.json").read_text())
LINES = [line for lines in RECORDED.values() for line in lines if ": " in line]


def content_of(facts: Any, kind: str = ORDER) -> Content:
    return Content(kind=kind, clock=0, key=b"", actor="", reason="", reference="o-1", moves=(), lines=(), facts=facts)


def test_the_same_events_lead_to_the_recorded_bytes() -> None:
    assert recorded() == RECORDED


def test_every_act_was_recorded() -> None:
    tags = [member.__struct_config__.tag for member in get_args(OrderFacts)]
    assert sorted(tags) == sorted(dict.fromkeys(line.partition(" ")[0] for line in LINES))


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.partition(":")[0])
def test_recorded_facts_are_read_and_written_back_to_the_byte(line: str) -> None:
    packed = bytes.fromhex(line.partition(": ")[2])
    facts = decode(content_of(msgpack.decode(packed)))
    assert facts is not None
    assert facts.__struct_config__.tag == line.partition(" ")[0]
    assert msgpack.encode(encode(facts)) == packed


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"act": 3},
        {"act": "split", "fulfilment": "hub-east.1"},
        {"act": "step", "fulfilment": "hub-east.1"},
        {"act": "step", "to": "held"},
        {"act": "park"},
        {"act": "park", "request": {"placement": {"order": "o-1"}}},
        {"act": "ask", "request": {"event": {"order": "o-1", "event": "lose"}}},
        {"act": "report"},
        {"act": "hand_over", "fulfilment": "hub-east.1"},
        {"act": "void", "fulfilment": "hub-east.1", "outcome": "duplicate"},
    ],
)
def test_facts_that_lack_what_their_act_needs_are_not_read(facts: dict[str, Any]) -> None:
    assert decode(content_of(facts)) is None


def test_facts_of_another_kind_of_entry_are_not_read() -> None:
    assert decode(content_of({"act": "repeat"}, kind="sale")) is None


def test_fields_of_a_later_version_are_ignored() -> None:
    facts = decode(content_of({"act": "step", "fulfilment": "f", "to": "held", "weight": 3}))
    assert facts == StepFacts(fulfilment="f", to="held")


def test_a_step_with_a_request_of_a_later_version_is_read() -> None:
    facts = decode(content_of({"act": "step", "fulfilment": "f", "to": "held", "request": {"wish": {"gift": True}}}))
    assert isinstance(facts, StepFacts)


@pytest.mark.parametrize(
    "build", [StepFacts, ParkFacts, ReportFacts, AskFacts, HandoverFacts, VoidFacts, TakeBackFacts]
)
def test_facts_without_what_their_act_needs_cannot_be_built(build: Any) -> None:
    with pytest.raises(TypeError, match="Missing required argument"):
        build()


def test_facts_with_a_field_of_another_act_cannot_be_built() -> None:
    with pytest.raises(TypeError, match="Unexpected keyword argument"):
        VoidFacts(fulfilment="f", outcome="duplicate", voids=b"e", expires_ms=1)  # type: ignore[call-arg]


def test_only_the_first_entry_of_a_placement_counts_as_the_placement() -> None:
    step = StepFacts(fulfilment="f", to="held")
    assert is_placement(content_of(encode(msgspec.structs.replace(step, digest=b"d"))))
    assert not is_placement(content_of(encode(step)))


def test_steps_and_voids_say_which_entry_they_void() -> None:
    assert voids_of(content_of(encode(VoidFacts(fulfilment="f", outcome="duplicate", voids=b"e")))) == b"e"
    assert voids_of(content_of(encode(StepFacts(fulfilment="f", to="cancelled", voids=b"e")))) == b"e"
    assert voids_of(content_of(encode(StepFacts(fulfilment="f", to="cancelled")))) == b""
    assert voids_of(content_of({})) == b""


def test_reading_an_order_that_is_not_among_the_latest_keeps_nothing() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 3 * LIVE_MAX})
    for number in range(LIVE_MAX + 1):
        taker.place(f"o-{number}")
    taker.commit()
    orders = taker.replica.orders
    oldest = orders.find("o-0")
    assert oldest is not None
    assert orders.find("o-0") is not oldest
    assert orders.find("o-0") == oldest
    assert orders.find(f"o-{LIVE_MAX}") is orders.find(f"o-{LIVE_MAX}")
