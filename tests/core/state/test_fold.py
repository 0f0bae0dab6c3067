"""The fold: its parts, and what it makes of nothing and of nonsense."""

from __future__ import annotations

from replica.core.base.names import CHAIN
from replica.core.catalog.documents import pack_value
from replica.core.catalog.ranks import STORE_RANK
from replica.core.catalog.registers import Register
from replica.core.log.entry import Stream
from replica.core.log.times import WALL
from replica.core.state import decisions
from replica.core.state.fold import Fold, fold, image_of
from replica.core.state.replica import Replica
from tests.core.chain import NOW_MS, STORE
from tests.core.contents import OWN, STAMP, linked, receipt_content

DOCUMENTS = Stream("hub-east#0000000b", CHAIN)


def test_the_parts_of_a_checkpoint_have_the_same_names_in_every_release() -> None:
    assert list(Fold("store-1").parts) == [
        "documents",
        "documents_past",
        "orders",
        "counts",
        "clock_faults",
        "transfers",
    ]


def test_the_fold_of_no_entries_is_empty_and_its_catalogue_closed() -> None:
    assert not fold([], "store-1").catalog.is_open
    assert not Replica("store-1#0000000a", ()).catalog.is_open
    assert (image_of([], "store-1").clock, image_of([], "store-1").arrival) == (0, 0)


def test_every_document_that_its_index_cannot_read_is_counted() -> None:
    registers = [
        Register("sku", f"sku-{number}", 0, "", 1, STAMP, DOCUMENTS.writer, pack_value(number)) for number in (1, 2)
    ]
    contents = [receipt_content(kind="document", moves=(), lines=(), facts=one.facts()) for one in registers]
    assert fold(linked(DOCUMENTS, contents).entries, "store-1").documents.malformed == 2


def test_a_document_keeps_the_wall_time_at_which_a_wrong_clock_wrote_it() -> None:
    register = Register("sku", "cola", 0, "", 1, STAMP, DOCUMENTS.writer, pack_value({"recipe": {"cola": 1}}))
    facts = {**register.facts(), WALL: NOW_MS - 90_000_000}
    (entry,) = linked(DOCUMENTS, [receipt_content(kind="document", moves=(), lines=(), facts=facts)]).entries
    written = fold([entry], "store-1").documents.register("sku", "cola")
    assert written is not None
    assert written.wall_ms == NOW_MS - 90_000_000


def test_a_document_of_a_store_is_in_the_scope_of_the_store_only() -> None:
    register = Register("price", "cola", STORE_RANK, STORE, 1, STAMP, OWN.writer, pack_value(199))
    content = receipt_content(kind="document", moves=(), lines=(), facts=register.facts())
    at_store, in_chain = (fold(linked(stream, [content]).entries, "hub-east").documents for stream in (OWN, DOCUMENTS))
    assert (at_store.register(*register.slot), at_store.malformed) == (register, 0)
    assert (in_chain.register(*register.slot), in_chain.malformed) == (None, 1)


def test_the_digest_of_a_location_is_the_same_in_every_release() -> None:
    register = Register("price", "cola", STORE_RANK, STORE, 1, STAMP, OWN.writer, pack_value(199))
    document = receipt_content(kind="document", moves=(), lines=(), facts=register.facts())
    replica = Replica("hub-east#0000000b", ())
    digests = []
    for run in (linked(OWN, [document]), linked(OWN, [document, receipt_content()])):
        decisions.merge(replica, [run], NOW_MS)
        digests.append(replica.digest(STORE))
    assert digests == ["b4d3cf3537ae48c0535b97a9e0170938", "c2663d4ad5df68fe2a000178d1265d20"]


def test_a_document_that_its_index_can_read_is_not_counted_as_malformed() -> None:
    values = {"location": {"type": "store", "name": "Shop", "region": "east"}, "sku": {"recipe": {"cola": 1}}}
    registers = [Register(kind, "shop", 0, "", 1, STAMP, DOCUMENTS.writer, pack_value(values[kind])) for kind in values]
    contents = [receipt_content(kind="document", moves=(), lines=(), facts=one.facts()) for one in registers]
    assert fold(linked(DOCUMENTS, contents).entries, "store-1").documents.malformed == 0
