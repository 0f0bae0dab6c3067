"""Who may talk in a session, and about which scopes."""

from __future__ import annotations

from typing import Any

import pytest

from hub.admission import admit_peer
from replica.core.base.errors import PeerFault
from replica.core.base.limits import CLOCK_SKEW_MAX_MS
from replica.core.base.names import CHAIN, HUBS
from replica.core.catalog.ranks import STORE_RANK
from replica.core.ledger.cells import Move
from replica.core.log.entry import Stream
from replica.core.sync.events import Scopes
from replica.core.sync.wire import PROTOCOL_MAX, PROTOCOL_MIN, Beat, Entries, Hello
from tests.core.chain import NOW_MS, STORE, hub, store
from tests.core.contents import OWN, linked, receipt_content
from tests.core.sync.lone_session import HAVE, HELLO, Alone, columns_of, greeting


@pytest.mark.parametrize(
    ("versions", "agreed"),
    [
        ((PROTOCOL_MIN, PROTOCOL_MAX), True),
        ((0, PROTOCOL_MIN), True),
        ((PROTOCOL_MAX, PROTOCOL_MAX + 9), True),
        ((0, 99), True),
        ((PROTOCOL_MAX + 1, PROTOCOL_MAX + 9), False),
        ((0, PROTOCOL_MIN - 1), False),
        ((PROTOCOL_MAX + 1, PROTOCOL_MIN - 1), False),
    ],
)
def test_peers_connect_if_they_share_a_protocol_version(versions: tuple[int, int], agreed: bool) -> None:
    if agreed:
        assert Alone().take(greeting(versions=versions))
    else:
        assert Alone().fault(greeting(versions=versions)) == "version"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"node": "store-1", "writer": "store-1#0000000f"}, "same-name"),
        ({"writer": "hub-west#0000000a"}, "malformed"),
        ({"writer": "hub-east"}, "malformed"),
        ({"writer": "hub-east#nonsense"}, "malformed"),
        ({"writer": "hub-east#0000000a\n"}, "malformed"),
        ({"scopes": ("store-1", "no scope")}, "malformed"),
        ({"scopes": ("store-1\n",)}, "malformed"),
        ({"clock_ms": NOW_MS + CLOCK_SKEW_MAX_MS + 1}, "clock"),
        ({"clock_ms": NOW_MS - CLOCK_SKEW_MAX_MS - 1}, "clock"),
    ],
)
def test_a_peer_with_an_impossible_hello_is_refused(changed: dict[str, Any], reason: str) -> None:
    assert Alone().fault(greeting(**changed)) == reason


@pytest.mark.parametrize("skew_ms", [CLOCK_SKEW_MAX_MS, -CLOCK_SKEW_MAX_MS])
def test_a_clock_at_the_bound_is_accepted(skew_ms: int) -> None:
    assert Alone().take(greeting(clock_ms=NOW_MS + skew_ms))


def test_the_clock_of_a_peer_that_is_not_admitted_is_not_read() -> None:
    alone = Alone(hub("hub-east"), admit_peer)
    stranger = greeting(node="x", writer="x#0000000a", role="stranger", clock_ms=NOW_MS + CLOCK_SKEW_MAX_MS + 1)
    assert alone.fault(stranger) == "unauthorised"
    assert alone.session.clock_read is None


def test_a_clock_that_runs_away_later_ends_the_session() -> None:
    assert Alone().fault(HELLO, HAVE, Beat(NOW_MS + CLOCK_SKEW_MAX_MS + 1)) == "clock"


def test_a_peer_that_policy_refuses_gets_the_reason() -> None:
    def nobody(peer: Hello) -> Scopes:
        raise PeerFault("unauthorised", f"{peer.node} is not welcome")

    alone = Alone(admit=nobody)
    assert alone.fault(HELLO) == "unauthorised"


def test_entries_of_a_scope_not_accepted_from_the_peer_end_the_session() -> None:
    other = Stream("hub-east#0000000a", "store-2")
    frame = Entries(1, columns_of(linked(other, [receipt_content(moves=())])))
    alone = Alone()
    assert alone.fault(HELLO, HAVE, frame) == "unauthorised"
    assert alone.node.replica.vectors == {}


def test_a_peer_accepted_for_all_scopes_may_send_any_scope() -> None:
    other = Stream("hub-east#0000000a", "store-2")
    alone = Alone(admit=lambda peer: None)
    (arrived,) = alone.take(HELLO, HAVE, Entries(1, columns_of(linked(other, [receipt_content(moves=())]))))[2:]
    assert [run.stream for run in arrived.runs] == [other]


@pytest.mark.parametrize("scope", [CHAIN, HUBS])
def test_stock_moves_outside_a_location_end_the_session(scope: str) -> None:
    stream = Stream("hub-east#0000000a", scope)
    moves = (Move("cola", "supplier", "hub-east/free", 1),)
    frame = Entries(1, columns_of(linked(stream, [receipt_content(moves=moves)])))
    assert Alone(admit=lambda peer: None).fault(HELLO, HAVE, frame) == "malformed"


@pytest.mark.parametrize(("at", "is_taken"), [(STORE, True), ("store-2", False)])
def test_a_location_has_documents_of_its_own_rank_only(at: str, is_taken: bool) -> None:
    facts = {"kind": "price", "key": "cola", "rank": STORE_RANK, "at": at, "version": 1, "value": b"\x01"}
    content = receipt_content(kind="document", moves=(), lines=(), facts=facts)
    alone, frame = Alone(admit=lambda peer: None), Entries(1, columns_of(linked(OWN, [content])))
    if is_taken:
        (arrived,) = alone.take(HELLO, HAVE, frame)[2:]
        assert [run.stream for run in arrived.runs] == [OWN]
    else:
        assert alone.fault(HELLO, HAVE, frame) == "unauthorised"


@pytest.mark.parametrize("scope", [STORE, HUBS])
def test_a_document_outside_the_chain_scope_ends_the_session(scope: str) -> None:
    facts = {"kind": "price", "key": "cola", "rank": 0, "at": "", "version": 1, "value": b"\x01"}
    content = receipt_content(kind="document", moves=(), lines=(), facts=facts)
    frame = Entries(1, columns_of(linked(Stream("hub-east#0000000a", scope), [content])))
    assert Alone(admit=lambda peer: None).fault(HELLO, HAVE, frame) == "unauthorised"


def test_a_store_cannot_change_the_chains_documents_through_its_own_stream() -> None:
    west = hub("hub-west")
    alone = Alone(west)
    facts = {"kind": "price", "key": "cola", "rank": 0, "at": "", "version": 9, "value": b"\x01"}
    content = receipt_content(kind="document", moves=(), lines=(), facts=facts)
    alone.fault(store(1).hello(), HAVE, Entries(1, columns_of(linked(OWN, [content]))))
    assert west.replica.documents.value("price", "cola") is None
