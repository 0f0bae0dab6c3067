"""Entries: fixed bytes, and hashes that link them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from replica.core.base.errors import PeerFault
from replica.core.base.limits import (
    BODY_BYTES_MAX,
    FACTS_DEPTH_MAX,
    FACTS_MAX,
    KEY_LENGTH_MAX,
    LINES_MAX,
    QUANTITY_MAX,
)
from replica.core.ledger.cells import Move
from replica.core.log.entry import (
    Content,
    EntryLine,
    Stream,
    chain,
    check_content,
    check_facts,
    genesis,
    pack_body,
    start,
    unpack_body,
)
from tests.core.contents import OWN, contents, linked, receipt_content
from tests.core.runs import runs_of

GOLDEN = Content(
    kind="sale",
    clock=1_750_000_000_000 << 16 | 3,
    key=b"till-3/000042",
    actor="till-3",
    reason="",
    reference="R-42",
    moves=(Move("cola_bottle", "store-1/free", "customer", 6),),
    lines=(EntryLine("cola-carrier", 1, 0, -1),),
    facts={"breach": {"cola_bottle": 2}},
)
GOLDEN_BODY = bytes.fromhex(
    "99a473616c65cf01977420dc000003c40d74696c6c2d332f303030303432a674696c6c2d33a0a4522d34329194ab636f6c615f62"
    "6f74746c65ac73746f72652d312f66726565a8637573746f6d6572069194ac636f6c612d636172726965720100ff81a662726561"
    "636881ab636f6c615f626f74746c6502"
)
GOLDEN_HASH = "67140c30078e0d11306dd0cad5d54ab3"


def test_a_fixed_content_has_a_fixed_body() -> None:
    assert pack_body(GOLDEN) == GOLDEN_BODY


def test_a_fixed_body_has_a_fixed_hash() -> None:
    assert genesis(OWN).hex() == "9bb67295b446e8929cf81cb767cfdcb0"
    assert chain(genesis(OWN), GOLDEN_BODY).hex() == GOLDEN_HASH


def test_a_stored_body_reads_back() -> None:
    assert unpack_body(GOLDEN_BODY) == GOLDEN


@given(contents("store-1"))
def test_every_body_reads_back_as_its_content(content: Content) -> None:
    assert pack_body(unpack_body(pack_body(content))) == pack_body(content)


def test_the_head_of_an_empty_stream_is_its_genesis() -> None:
    assert start(OWN).sequence == 0
    assert start(OWN).hash == genesis(OWN)


def test_the_genesis_differs_by_writer_and_scope() -> None:
    others = [Stream("store-1#0000000b", "store-1"), Stream("store-1#0000000a", "store-2"), OWN]
    assert len(dict.fromkeys(map(genesis, others))) == 3


def test_a_hash_covers_the_body_and_the_previous_hash() -> None:
    link = chain(b"a" * 16, b"body")
    assert len(link) == 16
    assert link != chain(b"b" * 16, b"body")
    assert link != chain(b"a" * 16, b"bodies")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"moves": (Move("cola", "supplier", "supplier", 1),)}, "malformed"),
        ({"moves": (Move("cola", "supplier", "store-1/free", 0),)}, "malformed"),
        ({"moves": (Move("cola", "supplier", "store-1/free", -1),)}, "malformed"),
        ({"moves": (Move("cola", "supplier", "store-1/free", QUANTITY_MAX + 1),)}, "malformed"),
        ({"key": b"k" * (KEY_LENGTH_MAX + 1)}, "oversized"),
        ({"lines": (EntryLine("cola", 1, 0, 0),) * (LINES_MAX + 1)}, "oversized"),
        ({"facts": {f"fact-{number}": 0 for number in range(FACTS_MAX + 1)}}, "oversized"),
        ({"facts": {"blob": b"x" * BODY_BYTES_MAX}}, "oversized"),
    ],
)
def test_content_that_no_correct_node_writes_is_a_peer_fault(changed: dict[str, Any], reason: str) -> None:
    content = receipt_content(**changed)
    with pytest.raises(PeerFault) as fault:
        check_content(content, pack_body(content))
    assert fault.value.reason == reason
    assert fault.value.detail


@pytest.mark.parametrize(
    "changed",
    [
        {"key": b"k" * KEY_LENGTH_MAX},
        {"lines": (EntryLine("cola", 1, 0, 0),) * LINES_MAX},
        {"facts": {f"fact-{number}": 0 for number in range(FACTS_MAX)}},
        {"moves": ()},
    ],
)
def test_content_just_within_the_bounds_passes(changed: dict[str, Any]) -> None:
    content = receipt_content(**changed)
    check_content(content, pack_body(content))


def test_a_body_of_the_greatest_size_passes() -> None:
    blank = len(pack_body(receipt_content(facts={"blob": b"x" * (1 << 16)})))
    content = receipt_content(facts={"blob": b"x" * (BODY_BYTES_MAX - blank + (1 << 16))})
    assert len(pack_body(content)) == BODY_BYTES_MAX
    check_content(content, pack_body(content))


@pytest.mark.parametrize("facts", [None, [], 1, "facts", {1: 2}, {b"a": 1}])
def test_facts_that_are_no_map_by_name_are_a_peer_fault(facts: object) -> None:
    with pytest.raises(PeerFault) as fault:
        check_facts(facts)
    assert (fault.value.reason, bool(fault.value.detail)) == ("malformed", True)


def nested(depth: int, inner: object) -> object:
    """A value within so many maps and lists."""
    for level in range(depth):
        inner = {"a": inner} if level % 2 else [inner]
    return inner


def test_facts_are_nested_up_to_a_bound() -> None:
    assert check_facts({"fact": nested(FACTS_DEPTH_MAX - 1, 7)})
    assert check_facts({"fact": nested(FACTS_DEPTH_MAX - 2, {"a": 7})})
    for facts in ({"fact": nested(FACTS_DEPTH_MAX, 7)}, {"fact": nested(FACTS_DEPTH_MAX - 1, {})}):
        with pytest.raises(PeerFault) as fault:
            check_facts(facts)
        assert (fault.value.reason, bool(fault.value.detail)) == ("oversized", True)


@pytest.mark.parametrize(("value", "word"), [({1: 2}, "name"), (object(), "object")])
def test_a_fact_that_msgpack_cannot_hold_is_a_peer_fault_at_any_depth(value: object, word: str) -> None:
    with pytest.raises(PeerFault) as fault:
        check_facts({"fact": [value]})
    assert fault.value.reason == "malformed"
    assert word in fault.value.detail


def test_a_run_counts_the_units_of_all_its_entries() -> None:
    two = receipt_content(
        moves=(Move("cola", "supplier", "store-1/free", 2), Move("wings", "supplier", "store-1/free", 3))
    )
    run = runs_of(linked(OWN, [two, two]).entries)[0]
    run.extend(runs_of(linked(OWN, [two], first=3, previous=run.head.hash).entries)[0])
    assert (len(run), len(run.keys), run.units, run.head.sequence) == (3, 3, 15, 3)
