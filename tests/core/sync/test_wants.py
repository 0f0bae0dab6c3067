"""Requests for rights in a session: one at a time for each item, one answer each, and a bounded number."""

from __future__ import annotations

import pytest

from replica.core.base.limits import QUANTITY_MAX, WANTS_MAX
from replica.core.sync.events import Answered, RightsWanted
from replica.core.sync.session import Phase
from replica.core.sync.wire import AnyFrame, Bye, Given, Want
from tests.core.chain import STORE, Node, SessionPair, hub, store
from tests.core.sync.lone_session import HAVE, HELLO, Alone


def want(number: int = 1, item: str = "cola", quantity: int = 1, *, location: str = STORE, clock: int = 1) -> Want:
    return Want(number=number, location=location, item=item, quantity=quantity, clock=clock)


COLA = want(quantity=5, clock=7)


def streaming(node: Node | None = None) -> Alone:
    """A session in the streaming phase."""
    alone = Alone(node)
    alone.take(HELLO, HAVE)
    alone.said()
    return alone


def test_a_want_is_handed_over_and_answered_once() -> None:
    alone = streaming()
    assert alone.take(COLA) == [RightsWanted(COLA)]
    alone.session.give(1, 3)
    assert alone.said() == [Given(1, 3, "")]
    alone.session.give(1, 3)
    assert alone.said() == []
    again = Want(number=2, location=STORE, item="cola", quantity=5, clock=8)
    assert alone.take(again) == [RightsWanted(again)]  # the first no longer waits


def test_an_item_may_be_wanted_at_two_locations_at_once() -> None:
    line = SessionPair(hub("hub-west"), hub("hub-east")).run()
    asking, asked = (side.session for side in line.sides)
    for location in ("store-1", "store-2"):
        asking.want(location, "cola", 5, 7)
    line.carry(0)
    line.run()
    assert line.is_up
    wanted = [event.want.location for event in line.sides[1].events if isinstance(event, RightsWanted)]
    assert wanted == ["store-1", "store-2"]
    assert asked.unanswered == (0, 2)


def test_an_answer_names_its_want() -> None:
    alone = streaming()
    number = alone.session.want(STORE, "cola", 5, 7)
    assert alone.said() == [COLA]
    assert alone.take(Given(number, 0, "kept")) == [Answered(COLA, 0, "kept")]
    assert alone.session.may_want


def test_wants_of_both_sides_may_cross_on_a_line() -> None:
    line = SessionPair(store(1), hub("hub-east")).run()
    one, other = (side.session for side in line.sides)
    one.want(STORE, "cola", 5, 7)
    other.want(STORE, "cola", 2, 8)
    for index in (0, 1):
        line.carry(index)
    line.run()
    assert [[event for event in side.events if isinstance(event, RightsWanted)] for side in line.sides] == [
        [RightsWanted(want(quantity=2, clock=8))],
        [RightsWanted(COLA)],
    ]
    assert line.is_up


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([want(2)], "out-of-sequence"),
        ([COLA, COLA], "out-of-sequence"),
        ([COLA, want(2)], "out-of-sequence"),
        ([want(location="store-2")], "unauthorised"),
        ([want(location="*")], "malformed"),
        ([want(item="a b")], "malformed"),
        ([want(quantity=0)], "malformed"),
        ([want(quantity=QUANTITY_MAX + 1)], "malformed"),
        ([Given(1, 1, "")], "out-of-sequence"),
        ([Given(0, 1, "")], "out-of-sequence"),
        ([want(number + 1, f"item-{number}") for number in range(WANTS_MAX + 1)], "oversized"),
    ],
)
def test_a_want_or_answer_that_breaks_a_rule_ends_the_session(frames: list[AnyFrame], reason: str) -> None:
    assert streaming().fault(*frames) == reason


def test_an_answer_with_more_units_than_wanted_ends_the_session() -> None:
    alone = streaming()
    alone.session.want(STORE, "cola", 5, 7)
    assert alone.fault(Given(1, 6, "")) == "malformed"


def test_a_store_may_not_ask_for_rights_at_another_location() -> None:
    alone = Alone(hub("hub-west"))
    alone.take(store(1).hello(), HAVE)
    assert alone.fault(want(location="store-2")) == "unauthorised"


def test_a_session_has_at_most_as_many_open_wants_as_a_peer_takes() -> None:
    alone = streaming()
    for number in range(WANTS_MAX):
        assert alone.session.may_want
        alone.session.want(STORE, f"item-{number}", 1, 1)
    assert not alone.session.may_want


def test_a_closed_session_answers_nothing() -> None:
    alone = streaming()
    alone.take(COLA)
    alone.session.close("stopping")
    alone.session.give(1, 1)
    assert alone.session.phase is Phase.CLOSED
    assert [type(frame) for frame in alone.said()] == [Bye]
    assert not alone.session.may_want
