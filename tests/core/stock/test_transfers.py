"""Transfers between locations: what each step moves, and what each end sees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from replica.core.base.errors import Invalid, NotHosted, RightsExhausted, TransferState, UnknownTransfer
from replica.core.base.limits import TRANSFER_FACTS_MAX, TRANSFER_LATE_MS
from replica.core.log.draft import Draft
from replica.core.log.entry import unpack_body
from replica.core.state.commands import Command
from replica.core.state.decisions import execute
from replica.core.state.kinds import KINDS, LocationRequest
from replica.core.stock.requests import GoodsLine, OnShortage
from replica.core.stock.transfer import State
from replica.core.stock.transfer_requests import (
    Approval,
    ApproveTransfer,
    Arrival,
    Cancellation,
    CancelTransfer,
    Condition,
    Discrepancy,
    DiscrepancyLine,
    NewTransfer,
    ReceivedLine,
    ReceiveTransfer,
    Settlement,
    SettleTransfer,
    Shipment,
    ShipTransfer,
    new_transfer,
)
from replica.core.stock.transfers import NOTICE, TOLD, TRANSFER, VOIDED, as_told
from tests.core.chain import NOW_MS
from tests.core.transfer_day import TransferDay


def test_goods_leave_one_store_and_arrive_at_the_other() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer)
    assert (day.free(1), day.state(1, transfer)) == (10, State.SHIPPED)
    day.meet()
    assert [day.cola(number, transfer).in_transit for number in (0, 1, 2)] == [10, 10, 10]
    assert (day.free(2), day.transit(transfer)) == (0, 10)
    day.receive(transfer)
    day.meet()
    assert (day.free(2), day.transit(transfer)) == (10, 0)
    assert [day.state(number, transfer) for number in (0, 1, 2)] == [State.RECEIVED] * 3


def test_units_on_their_way_are_in_no_figure_of_the_stock() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer)
    day.meet()
    for location in ("store-1", "store-2"):
        figures = day.hub.replica.ledger.stock(location, "cola").figures
        assert figures.on_hand == figures.available == (10 if location == "store-1" else 0)
    transfers = day.hub.replica.transfers
    assert transfers.incoming["store-2", "cola"] == {transfer: 10}
    assert transfers.outgoing["store-1", "cola"] == {transfer: 10}


def test_a_transfer_is_sent_and_received_in_parts() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer, cola=4)
    assert (day.state(1, transfer), day.cola(1, transfer).remaining) == (State.SHIPPING, 6)
    day.meet()
    day.receive(transfer, cola=3)
    day.ship(transfer)
    day.meet()
    assert (day.state(2, transfer), day.cola(2, transfer).in_transit) == (State.RECEIVING, 7)
    day.receive(transfer)
    assert (day.state(2, transfer), day.free(2)) == (State.RECEIVED, 10)


def test_the_last_shipment_ends_a_transfer_that_was_not_sent_in_full() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer, cola=4, last=True)
    day.meet()
    day.receive(transfer)
    assert day.state(2, transfer) is State.RECEIVED


def test_nothing_leaves_before_somebody_approves_it() -> None:
    day = TransferDay()
    transfer = day.request(approve=False)
    with pytest.raises(TransferState, match="Approve it first"):
        day.ship(transfer)
    day.meet()
    day.approve(2, transfer)
    day.meet()
    day.ship(transfer)
    assert day.state(1, transfer) is State.SHIPPED


def test_a_store_ships_only_what_it_may_promise() -> None:
    day = TransferDay(cola=6)
    transfer = day.request(cola=10)
    with pytest.raises(RightsExhausted, match="10 of cola requested, 6 available"):
        day.ship(transfer)
    assert day.free(1) == 6


def test_goods_that_left_are_recorded_whatever_the_book_says() -> None:
    day = TransferDay(cola=6)
    transfer = day.request(cola=10, approve=False)
    entry = day.ship(transfer, cola=12, on_shortage=OnShortage.RECORD)
    assert entry.content.facts["breach"] == {"cola": 6}
    assert (day.free(1), entry.content.lines[0].breach) == (-6, 6)
    assert (day.state(1, transfer), day.cola(1, transfer).sent) == (State.SHIPPED, 12)


def test_no_more_is_sent_than_was_requested() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer, cola=4)
    with pytest.raises(Invalid, match="6 of cola remain"):
        day.ship(transfer, cola=7)
    with pytest.raises(Invalid, match="0 of water remain"):
        day.ship(transfer, water=1)


def test_goods_leave_only_from_the_sending_location() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.meet()
    with pytest.raises(TransferState, match="leave from store-1"):
        day.ship(transfer, 2, cola=1)


def test_a_transfer_to_the_same_location_is_refused() -> None:
    with pytest.raises(Invalid, match="to itself"):
        TransferDay().request(source=1, target=1)


def test_a_store_asks_only_for_transfers_of_its_own() -> None:
    day = TransferDay()
    with pytest.raises(Invalid, match="this location is store-3"):
        day.request(3, source=1, target=2)


def test_a_parcel_arrives_before_its_store_has_heard_of_it() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer)
    entry = day.receive(transfer, cola=10)
    assert entry.content.facts["unmatched"] == {"cola": 10}
    assert (day.free(2), day.state(2, transfer)) == (10, State.UNMATCHED)
    day.meet()
    assert [day.state(number, transfer) for number in (0, 1, 2)] == [State.RECEIVED] * 3
    assert day.transit(transfer) == 0


def test_a_mistyped_number_is_refused_before_goods_move() -> None:
    day = TransferDay()
    transfer = day.request()
    wrong = transfer[:5] + ("a" if transfer[5] != "a" else "b") + transfer[6:]
    with pytest.raises(Invalid, match="Compare it with the label"):
        day.receive(wrong, cola=10)
    assert day.free(2) == 0


def test_a_store_that_knows_of_no_parcel_must_say_what_arrived() -> None:
    day = TransferDay()
    transfer = day.request()
    with pytest.raises(Invalid, match="name the lines"):
        day.receive(transfer)


def test_a_parcel_taken_in_twice_is_shown_and_taken_back() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer)
    day.meet()
    day.receive(transfer)
    day.receive(transfer, cola=10)
    day.meet()
    assert [day.cola(number, transfer).unmatched for number in (0, 1, 2)] == [10, 10, 10]
    assert (day.transit(transfer), day.state(1, transfer)) == (-10, State.UNMATCHED)
    day.settle(transfer, 2, Discrepancy.TAKEN_BACK, 10)
    day.meet()
    assert (day.free(2), day.transit(transfer), day.state(1, transfer)) == (10, 0, State.RECEIVED)


def test_two_stores_that_take_in_one_parcel_see_each_other() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer)
    day.meet()
    day.receive(transfer, 2)
    day.receive(transfer, 3, cola=10)
    day.meet()
    assert [day.cola(number, transfer).unmatched for number in (0, 1, 2, 3)] == [10] * 4
    assert day.seen(2, transfer).places_of_arrival == ["store-2", "store-3"]


def test_a_parcel_that_the_wrong_store_took_in_is_shown_at_every_end() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer)
    day.receive(transfer, 3, cola=10)
    day.meet()
    for number in (0, 1, 2, 3):
        assert (day.state(number, transfer), day.cola(number, transfer).in_transit) == (State.RECEIVED, 0)
        assert list(day.at(number).replica.transfers.with_discrepancies) == [transfer]
    assert (day.free(3), day.free(2)) == (10, 0)


def test_the_sender_takes_a_parcel_in_that_came_back() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer)
    day.receive(transfer, 1)
    day.meet()
    assert (day.free(1), day.transit(transfer), day.state(2, transfer)) == (20, 0, State.RECEIVED)


def test_damaged_units_wait_in_quarantine() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer)
    day.meet()
    day.receive(transfer, cola=7, damaged=3)
    stock = day.stores[2].replica.ledger.stock("store-2", "cola")
    assert (stock.figures.available, stock.figures.quarantined) == (7, 3)
    assert (day.cola(2, transfer).damaged, day.state(2, transfer)) == (3, State.RECEIVED)


def test_lost_units_leave_the_way_and_may_be_found_again() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer)
    day.meet()
    day.receive(transfer, cola=7)
    with pytest.raises(Invalid, match="3 of cola can be lost"):
        day.settle(transfer, 2, Discrepancy.LOST, 4)
    day.settle(transfer, 2, Discrepancy.LOST, 3)
    assert (day.state(2, transfer), day.cola(2, transfer).lost) == (State.RECEIVED, 3)
    day.meet()
    day.settle(transfer, 1, Discrepancy.FOUND, 2)
    day.meet()
    assert (day.state(2, transfer), day.cola(2, transfer).in_transit, day.transit(transfer)) == (State.RECEIVING, 2, 2)
    day.receive(transfer)
    day.meet()
    assert (day.free(2), day.transit(transfer), day.cola(1, transfer).lost) == (9, 0, 1)


def test_a_transfer_that_is_lost_as_a_whole_says_so() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer)
    day.settle(transfer, 1, Discrepancy.LOST, 10)
    assert day.state(1, transfer) is State.LOST


def test_units_past_those_sent_are_explained_by_the_receiver() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer)
    day.meet()
    day.receive(transfer, cola=12)
    day.settle(transfer, 2, Discrepancy.OVER, 2)
    day.meet()
    assert (day.state(1, transfer), day.cola(1, transfer).over, day.transit(transfer)) == (State.RECEIVED, 2, 0)
    assert day.free(2) == 12


def test_a_location_without_a_part_in_a_transfer_settles_nothing_of_it() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer)
    day.meet()
    with pytest.raises(UnknownTransfer):
        day.settle(transfer, 3, Discrepancy.LOST, 1)
    with pytest.raises(TransferState, match="neither sends nor receives"):
        day.settle(transfer, 0, Discrepancy.LOST, 1)


def test_a_cancelled_transfer_is_not_sent() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.cancel(1, transfer)
    assert day.state(1, transfer) is State.CANCELLED
    with pytest.raises(TransferState, match="Request a new transfer"):
        day.ship(transfer)
    with pytest.raises(TransferState, match="Request a new transfer"):
        day.approve(1, transfer)


def test_a_cancellation_stops_only_what_has_not_left() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer, cola=4)
    day.cancel(1, transfer)
    assert (day.state(1, transfer), day.cola(1, transfer).in_transit) == (State.SHIPPED, 4)
    assert not day.seen(1, transfer).sent_after_cancel
    day.meet()
    day.receive(transfer)
    assert day.state(2, transfer) is State.RECEIVED


def test_goods_that_have_left_cannot_be_cancelled() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer)
    with pytest.raises(TransferState, match="Its goods have left"):
        day.cancel(1, transfer)


def test_goods_that_left_while_somebody_cancelled_stay_sent_and_are_shown() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.meet()
    day.cancel(2, transfer)
    day.ship(transfer)
    day.meet()
    for number in (0, 1, 2):
        assert (day.state(number, transfer), day.seen(number, transfer).sent_after_cancel) == (State.SHIPPED, True)
    day.receive(transfer)
    assert day.free(2) == 10


def test_two_approvals_are_one() -> None:
    day = TransferDay()
    transfer = day.request(approve=False)
    day.meet()
    day.approve(1, transfer)
    day.approve(2, transfer)
    day.meet()
    assert [day.state(number, transfer) for number in (0, 1, 2)] == [State.APPROVED] * 3


def test_a_cancellation_wins_over_an_approval_elsewhere() -> None:
    day = TransferDay()
    transfer = day.request(approve=False)
    day.meet()
    day.approve(1, transfer)
    day.cancel(2, transfer)
    day.meet()
    assert [day.state(number, transfer) for number in (0, 1, 2)] == [State.CANCELLED] * 3


def test_a_step_of_an_unknown_transfer_is_refused_unless_goods_arrived() -> None:
    day = TransferDay()
    transfer = day.request()
    for step in (day.approve, day.cancel):
        with pytest.raises(UnknownTransfer):
            step(2, transfer)
    with pytest.raises(UnknownTransfer):
        day.ship(transfer, 2, cola=1)


def test_a_hub_does_not_move_goods_at_a_location_with_a_node_of_its_own() -> None:
    day = TransferDay()
    transfer = day.request()
    day.meet()
    for request in (ShipTransfer(transfer, Shipment()), ReceiveTransfer(transfer, Arrival())):
        with pytest.raises(NotHosted):
            execute(day.hub.replica, Command("store-1", request, b"k"), NOW_MS)


def test_a_hub_requests_approves_and_cancels_for_any_location() -> None:
    day = TransferDay()
    request = new_transfer(b"k-r", NewTransfer("store-2", (GoodsLine(3, item="cola"),), "store-1"), "")
    steps: list[LocationRequest] = [
        request,
        ApproveTransfer(request.transfer, Approval()),
        CancelTransfer(request.transfer, Cancellation()),
    ]
    for number, (step, state) in enumerate(zip(steps, (State.REQUESTED, State.APPROVED, State.CANCELLED), strict=True)):
        execute(day.hub.replica, Command("store-1", step, f"k-{number}".encode()), NOW_MS)
        day.meet()
        assert [day.state(place, request.transfer) for place in (0, 1, 2)] == [state] * 3


def test_a_transfer_to_a_misspelt_location_is_refused_where_locations_are_known() -> None:
    day = TransferDay()
    request = new_transfer(b"k-r", NewTransfer("store-22", (GoodsLine(3, item="cola"),), "store-1"), "")
    with pytest.raises(Invalid, match="Did you mean store-2"):
        execute(day.hub.replica, Command("store-1", request, b"k"), NOW_MS)
    day.ask(1, request)  # a store without documents of locations knows none but its own
    document = {"name": "two", "type": "store"}
    day.hub.write("store-2", document, kind="location")
    day.meet()
    with pytest.raises(Invalid, match="Did you mean store-2"):
        day.ask(1, request, "k-2")


def test_a_transfer_of_too_many_steps_takes_no_more() -> None:
    day = TransferDay()
    transfer = day.request(cola=10)
    day.ship(transfer, cola=1)
    (_, shipped) = day.seen(1, transfer).facts
    told = [as_told(replace(shipped, entry=b"%d" % number)) for number in range(TRANSFER_FACTS_MAX - 2)]
    notice = Draft(kind=NOTICE, facts={TRANSFER: transfer, TOLD: told, VOIDED: []})
    day.stores[1].replica.record("store-1", notice, b"", NOW_MS)
    with pytest.raises(Invalid, match="at most"):
        day.ship(transfer, cola=1)


MOMENT = datetime(2026, 3, 1, 12, 30, 1, 250, tzinfo=UTC)

STEPS: list[Callable[[str], LocationRequest]] = [
    lambda transfer: ApproveTransfer(transfer, Approval("fine")),
    lambda transfer: CancelTransfer(transfer, Cancellation("not needed")),
    lambda transfer: ShipTransfer(transfer, Shipment()),
    lambda transfer: ShipTransfer(
        transfer,
        Shipment(
            (GoodsLine(2, sku="six"), GoodsLine(1, item="cola")), True, OnShortage.RECORD, MOMENT, "van 7", MOMENT
        ),
    ),
    lambda transfer: ReceiveTransfer(transfer, Arrival(reference="dock 1")),
    lambda transfer: ReceiveTransfer(
        transfer,
        Arrival(
            (
                ReceivedLine(2, sku="six"),
                ReceivedLine(1, item="cola", condition=Condition.DAMAGED),
                ReceivedLine(1, barcode="4001", condition=Condition.DAMAGED),
            ),
            "dock 1",
            MOMENT,
        ),
    ),
    lambda transfer: SettleTransfer(
        transfer,
        Settlement(
            (DiscrepancyLine("cola", 2, Discrepancy.LOST), DiscrepancyLine("cola", 1, Discrepancy.LOST)), "claim 3"
        ),
    ),
]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_read_back_from_its_entry_and_a_retry_repeats_it(step: Callable[[str], LocationRequest]) -> None:
    day = TransferDay(cola=40)
    day.stores[1].write("six", {"recipe": {"cola": 6}, "barcodes": ["4001"]})
    transfer = day.request(cola=30)
    day.ship(transfer, cola=5)
    request = step(transfer)
    entry = day.ask(1, request, "once")
    assert KINDS.request_of(unpack_body(entry.body)) == request
    assert day.ask(1, request, "once") is entry


def test_a_request_is_read_back_with_all_its_options() -> None:
    day = TransferDay()
    day.stores[1].write("six", {"recipe": {"cola": 6}, "barcodes": ["4001"]})
    lines = (GoodsLine(2, sku="six"), GoodsLine(1, item="cola"), GoodsLine(1, barcode="4001"))
    new = NewTransfer("store-2", lines, "store-1", True, MOMENT, "plan-7", "note 4", "they sell more")
    request = new_transfer(b"k", new, "store-1")
    assert KINDS.request_of(unpack_body(day.ask(1, request).body)) == request
    transfer = day.seen(1, request.transfer)
    assert (transfer.units()["cola"].requested, transfer.expected_ms) == (19, int(MOMENT.timestamp() * 1000))
    assert day.stores[1].replica.transfers.of_plan("plan-7") == [request.transfer]


def test_goods_are_late_past_the_time_expected_or_a_week_after_they_left() -> None:
    day = TransferDay()
    transfers, expected_ms = day.stores[1].replica.transfers, NOW_MS + 86_400_000
    tomorrow = datetime.fromtimestamp(expected_ms / 1000, UTC)
    request = new_transfer(b"k", NewTransfer("store-2", (GoodsLine(1, item="cola"),), "store-1", True, tomorrow), "")
    expected = request.transfer
    day.ask(1, request)
    assert transfers.late(expected_ms + 1, 9) == []  # nothing has left
    day.ship(expected)
    assert (transfers.late(expected_ms, 9), transfers.late(expected_ms + 1, 9)) == ([], [expected])
    other = day.request(cola=1)
    day.ship(other)
    late_ms = day.now_ms + TRANSFER_LATE_MS
    assert (transfers.late(late_ms, 9), transfers.late(late_ms + 1, 9)) == ([expected], [expected, other])


def test_the_list_of_transfers_begins_with_the_newest() -> None:
    day = TransferDay()
    numbers = [day.request(cola=1) for _ in range(4)]
    transfers = day.stores[1].replica.transfers
    assert transfers.newest(2) == numbers[:1:-1]
    assert transfers.newest(9, before=numbers[2]) == [numbers[1], numbers[0]]
