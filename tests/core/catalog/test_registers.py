"""Registers of documents: values of any form, lists of keys, and what a restart brings back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgpack
import pytest
from msgspec.structs import replace

from replica.core.base.errors import Invalid
from replica.core.base.limits import RANK_MAX, VERSION_MAX
from replica.core.catalog.documents import Documents, are_equal, pack_value
from replica.core.catalog.registers import Register, Slot, writes_slot

EAST, WEST = "hub-east#0000000a", "hub-west#0000000b"
COLA: Slot = ("price", "cola", 0, "")


def write(value: object, version: int = 1, writer: str = EAST, key: str = "cola", wall_ms: int = 0) -> Register:
    """One chain-wide write of a price; its clock is its version."""
    packed = None if value is None else pack_value(value)
    return Register(
        kind="price",
        key=key,
        rank=0,
        at="",
        version=version,
        clock=version,
        writer=writer,
        value=packed,
        wall_ms=wall_ms,
    )


@dataclass
class Journal:
    """The rows of some documents: their current writes, without wall times, and what else their registers keep."""

    current: dict[Slot, Register]
    pasts: dict[Slot, bytes]

    def store(self, documents: Documents) -> None:
        for register in documents.take_changes():
            self.current[register.slot] = replace(register, wall_ms=0)
        self.pasts.update(documents.take_changed_pasts())

    def restart(self) -> Documents:
        documents = Documents()
        for register in self.current.values():
            documents.put(register)
        documents.take_changes()
        for slot, packed in self.pasts.items():
            documents.load_past(slot, packed)
        return documents


def facts(**changed: Any) -> dict[str, Any]:
    """The facts of a document entry, with some of them changed."""
    return {"kind": "price", "key": "cola", "rank": 0, "at": "", "version": 1, "value": b"\x01", **changed}


def test_every_unreadable_write_is_counted() -> None:
    documents = Documents()
    for number in range(3):
        assert documents.malformed == number
        documents.apply(facts(version=0), 1, EAST)
    assert documents.malformed == 3


def test_a_value_with_keys_that_are_no_texts_is_read_like_any_other() -> None:
    documents = Documents()
    assert documents.apply(facts(value=msgpack.packb({1: "x", 2: "y"})), 1, EAST) is not None
    assert (documents.malformed, documents.value("price", "cola")) == (0, {1: "x", 2: "y"})
    assert documents.apply(facts(value=msgpack.packb({2: "y", 1: "x"})), 2, WEST) is not None
    assert documents.lost_edits(10) == []
    assert documents.apply(facts(value=msgpack.packb({"1": "x"})), 3, EAST) is not None
    assert len(documents.lost_edits(10)) == 2


@pytest.mark.parametrize("greatest", [{"version": VERSION_MAX}, {"rank": RANK_MAX, "at": "store-1"}])
def test_a_write_at_a_bound_is_taken(greatest: dict[str, Any]) -> None:
    documents = Documents()
    assert documents.apply(facts(**greatest), 1, EAST) is not None
    assert documents.malformed == 0


@pytest.mark.parametrize("value", [1 << 70, object()])
def test_the_refusal_of_a_value_that_cannot_be_stored_has_the_field(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        pack_value(value)
    assert refused.value.field == "value"


def test_a_list_of_keys_follows_the_writes_after_it() -> None:
    documents = Documents()
    assert documents.keys("price") == []
    for version, value, listed in ((1, 1, ["cola"]), (2, 2, ["cola"]), (3, None, []), (4, None, []), (5, 3, ["cola"])):
        documents.put(write(value, version))
        assert documents.keys("price") == listed
    documents.put(write(1, key="beer"))
    assert documents.keys("price") == ["beer", "cola"]


def test_each_register_of_a_document_has_versions_of_its_own() -> None:
    documents = Documents()
    documents.apply(facts(rank=1, at="east", version=5), 1, EAST)
    assert documents.next_version("price", "cola", 1, "east") == 6
    assert documents.next_version("price", "cola", 1, "west") == documents.next_version("price", "cola") == 1


def test_the_facts_of_a_write_show_which_register_it_is_of() -> None:
    register = Register("price", "cola", 100, "east", 3, 3, EAST, pack_value(1))
    assert writes_slot(register.facts(), register.slot)
    for changed in ({"kind": "sku"}, {"key": "beer"}, {"rank": 200}, {"at": "west"}):
        assert not writes_slot({**register.facts(), **changed}, register.slot)


def test_the_digest_of_documents_is_the_same_in_every_release() -> None:
    documents = Documents()
    documents.put(write({"amount": 199}))
    assert f"{documents.digest():032x}" == "1833c08e7503be3ea3d3a0e006550b1b"
    documents.put(write(None, 2, WEST, key="beer"))
    assert f"{documents.digest():032x}" == "5127c3ddf6431f3f95a822cea6c8f4bf"


def test_a_restart_brings_back_when_the_newest_write_was_made() -> None:
    documents, journal = Documents(), Journal({}, {})
    documents.put(write(1))
    documents.put(write(2, 2, wall_ms=7_000))
    journal.store(documents)
    again = journal.restart()
    assert again.register(*COLA) == write(2, 2, wall_ms=7_000)
    again.put(write(3, 3))
    journal.store(again)
    assert journal.restart().register(*COLA) == write(3, 3)


def test_a_restart_tells_the_index_only_of_deleted_documents() -> None:
    documents = Documents()
    for register in (write(1), write(2, 1, WEST), write(1, key="beer"), write(None, 2, key="beer")):
        documents.put(register)
    again = Documents()
    for register in documents.registers():
        again.put(register)
    told = {slot[1]: again.load_past(slot, packed) for slot, packed in documents.take_changed_pasts()}
    assert told == {"cola": None, "beer": write(None, 2, key="beer")}


@pytest.mark.parametrize(
    ("one", "other", "is_equal"),
    [
        (None, None, True),
        (None, {"a": 1}, False),
        ({"a": 1}, None, False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"b": 2, "a": 1}, {"a": 1, "b": 2}, True),
        ({"a": {"b": 1, "c": [1, {"d": 2, "e": 3}]}}, {"a": {"c": [1, {"e": 3, "d": 2}], "b": 1}}, True),
        ({"a": 1}, {"a": 1.0}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": "x"}, {"a": "y"}, False),
    ],
)
def test_two_values_are_equal_if_only_the_order_of_their_fields_differs(one: Any, other: Any, is_equal: bool) -> None:
    packed = [None if value is None else pack_value(value) for value in (one, other)]
    assert are_equal(*packed) is is_equal


@pytest.mark.parametrize("others", [{2: "y", 1: "x"}, {1: "x", 2: "y"}])
def test_values_with_keys_that_are_no_texts_are_compared_like_any_other(others: dict[int, str]) -> None:
    assert are_equal(msgpack.packb({1: "x", 2: "y"}), msgpack.packb(others))
    assert not are_equal(msgpack.packb({1: "x", 2: "z"}), msgpack.packb(others))


def test_a_restart_brings_back_each_rank_of_a_document_that_a_wrong_clock_wrote() -> None:
    documents, journal = Documents(), Journal({}, {})
    chain, store = write(1, wall_ms=7_000), replace(write(2, wall_ms=8_000), rank=200, at="store-1")
    for register in (store, chain):
        documents.put(register)
    journal.store(documents)
    assert journal.restart().ranked("price", "cola") == [chain, store]
