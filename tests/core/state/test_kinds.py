"""The tables of kinds: a kind of a later version works through its record alone, and is carried by who lacks it."""

from __future__ import annotations

import msgspec
import pytest

from replica.core.base.errors import KeyReused, NotHosted
from replica.core.base.names import LOSS
from replica.core.base.quantities import Item, Quantity, RequestStruct
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import DOCUMENT, Content, Entry, Stream, start
from replica.core.log.entry_run import ReceivedRun
from replica.core.orders.requests import ORDER
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.state.document_kinds import DOCUMENT_KINDS
from replica.core.state.kinds import KINDS, EntryKind, Kinds, LocationRequest, VoidEffect
from replica.core.state.replica import Replica
from replica.core.stock.location_view import LocationView
from tests.core.chain import NOW_MS, STORE, receipt
from tests.core.contents import OWN, linked, receipt_content

SHRINKAGE = "shrinkage"


class Shrinkage(RequestStruct, frozen=True):
    """Units are gone, nobody knows where: a kind of a later version."""

    item: Item
    quantity: Quantity


def prepare_shrinkage(view: LocationView, request: Shrinkage) -> Draft:
    return Draft(SHRINKAGE, (Move(request.item, view.free, LOSS, request.quantity),))


def read_shrinkage(content: Content) -> Shrinkage:
    (move,) = content.moves
    return Shrinkage(move.item, move.quantity)


LATER = KINDS.with_record(EntryKind(name=SHRINKAGE, request=Shrinkage, prepare=prepare_shrinkage, read=read_shrinkage))


def replica_of(node: str = STORE, kinds: Kinds = LATER, location: str = STORE) -> Replica:
    replica = Replica(f"{node}#0000000a", (location,), open_catalog=True, kinds=kinds)
    if node == location:
        decisions.execute(replica, Command(STORE, receipt(cola=10), b"delivery"), NOW_MS)
    return replica


def shrinkage(quantity: int, key: bytes = b"b-1") -> Command:
    return Command(STORE, Shrinkage("cola", quantity), key)  # type: ignore[arg-type]


def merge_all(receiver: Replica, sender: Replica) -> list[Entry]:
    """Merge all that the sender recorded."""
    entries = sender.take_batch().entries
    stream = entries[0].stream
    decisions.merge(receiver, [ReceivedRun(stream, 1, start(stream).hash, entries)], NOW_MS)
    return entries


def test_a_kind_of_a_later_version_needs_nothing_but_its_record() -> None:
    replica = replica_of()
    entry = decisions.execute(replica, shrinkage(3), NOW_MS)
    assert (entry.content.kind, replica.ledger.stock(STORE, "cola").figures.on_hand) == (SHRINKAGE, 7)
    assert decisions.execute(replica, shrinkage(3), NOW_MS + 9) is entry
    with pytest.raises(KeyReused):
        decisions.execute(replica, shrinkage(4), NOW_MS)


def test_a_replica_that_lacks_a_kind_counts_its_moves_and_refuses_its_key_for_other_requests() -> None:
    later, earlier = replica_of(), replica_of("hub-east", KINDS, "w-1")
    decisions.execute(later, shrinkage(3), NOW_MS)
    merge_all(earlier, later)
    assert earlier.ledger.stock(STORE, "cola").figures.on_hand == 7
    assert earlier.digests() == later.digests()
    with pytest.raises(KeyReused):
        decisions.execute(earlier, Command("w-1", receipt(cola=1), b"b-1"), NOW_MS)


def test_a_physical_fact_is_recorded_at_its_own_location_only() -> None:
    elsewhere = replica_of("hub-east", LATER, "w-1")
    merge_all(elsewhere, replica_of())
    with pytest.raises(NotHosted):
        decisions.execute(elsewhere, shrinkage(1), NOW_MS)


def test_two_nodes_that_recorded_a_request_of_a_later_kind_count_it_once() -> None:
    one, other = replica_of(), replica_of("hub-east", LATER, "w-1")
    decisions.execute(one, shrinkage(3), NOW_MS)
    repeated = decisions.execute(replica_of("store-1"), shrinkage(3), NOW_MS + 1)
    merge_all(other, one)
    stream = Stream("store-1#0000000f", STORE)
    decisions.merge(other, [linked(stream, [repeated.content])], NOW_MS)
    assert [found.is_duplicate for found in other.collisions] == [True]


def test_entries_of_different_or_unknown_kinds_record_no_equal_request() -> None:
    contents = [receipt_content(), receipt_content(kind="adjustment"), *[receipt_content(kind="of-next-year")] * 2]
    goods, adjusted, one, other = linked(OWN, contents).entries
    assert KINDS.are_same_request(goods, goods)
    assert not KINDS.are_same_request(goods, adjusted)
    assert not KINDS.are_same_request(one, other)


def test_every_request_at_a_location_has_one_kind() -> None:
    kinds = [KINDS.of_type(request) for request in LocationRequest.__args__]
    assert [kind.request for kind in kinds] == list(LocationRequest.__args__)
    assert sorted(KINDS.requests, key=repr) == sorted(LocationRequest.__args__, key=repr)
    assert len(dict.fromkeys(kind.name for kind in kinds)) == len(kinds)


@pytest.mark.parametrize("name", ["count", "adjustment", "quarantine", "grant", "of-next-year"])
def test_an_entry_whose_facts_are_nonsense_is_no_request(name: str) -> None:
    facts = {"count": 7, "adjusted": 7, "quarantine": 7}
    assert KINDS.request_of(receipt_content(kind=name, moves=(), lines=(), facts=facts)) is None


@pytest.mark.parametrize("request_", [5, "x", True, [1], {"placement": 5}, {"unheard-of": {}}])
def test_an_order_entry_whose_request_is_nonsense_is_no_request(request_: object) -> None:
    facts = {"act": "step", "fulfilment": "f", "to": "held", "request": request_}
    assert KINDS.request_of(receipt_content(kind=ORDER, moves=(), lines=(), facts=facts)) is None


def test_only_what_moved_goods_or_quotas_is_reversed() -> None:
    effects = {name: KINDS.void_effect(receipt_content(kind=name)) for name in (*KINDS.names, "of-next-year")}
    kept = [name for name, effect in effects.items() if effect is not VoidEffect.MOVES]
    assert sorted(kept) == sorted(["count", "grant", DOCUMENT, ORDER])


@pytest.mark.parametrize("kind", DOCUMENT_KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_of_document_has_a_schema_that_forbids_unknown_fields(kind: object) -> None:
    record = DOCUMENT_KINDS[kind.name]  # type: ignore[attr-defined]
    schema = msgspec.json.schema(record.document)
    (definition,) = [one for name, one in schema["$defs"].items() if name == record.document.__name__]
    assert definition["additionalProperties"] is False
    assert not record.is_key("")
