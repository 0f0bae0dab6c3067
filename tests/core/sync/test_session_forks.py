"""Forks, gaps and foreign copies of our own stream: a session notices them."""

from __future__ import annotations

import pytest

from replica.core.base.errors import PeerFault
from replica.core.log.entry_run import ReceivedRun
from replica.core.state import decisions
from replica.core.sync.wire import Entries
from tests.core.chain import NOW_MS, receipt, store
from tests.core.contents import OWN, linked, receipt_content
from tests.core.sync.lone_session import HAVE, HELLO, PEER, Alone, columns_of, content, have, holding


def test_two_entries_with_one_number_are_noticed_by_the_heads() -> None:
    fork = linked(PEER, [content("hub-east", 1), content("hub-east", 9)])
    alone = Alone(holding(1, 2))
    assert alone.fault(HELLO, have(fork)) == "fork"


def test_a_fork_below_the_longer_head_is_noticed_by_the_entries() -> None:
    fork = linked(PEER, [content("hub-east", number) for number in (1, 9, 3)])
    node = holding(1, 2)
    alone = Alone(node)
    tail = ReceivedRun(PEER, 3, fork.entries[1].hash, fork.entries[2:])
    (arrived,) = alone.take(HELLO, have(fork), Entries(1, columns_of(tail)))[2:]
    with pytest.raises(PeerFault) as fault:
        decisions.merge(node.replica, arrived.runs, NOW_MS)
    assert fault.value.reason == "fork"
    assert node.replica.head(PEER).sequence == 2


def test_a_gap_in_the_entries_of_a_peer_changes_nothing() -> None:
    run = linked(PEER, [content("hub-east", number) for number in (1, 2, 3)])
    node = holding(1)
    tail = ReceivedRun(PEER, 3, run.entries[1].hash, run.entries[2:])
    (arrived,) = Alone(node).take(HELLO, have(run), Entries(1, columns_of(tail)))[2:]
    with pytest.raises(PeerFault) as fault:
        decisions.merge(node.replica, arrived.runs, NOW_MS)
    assert fault.value.reason == "gap"
    assert node.replica.head(PEER).sequence == 1


def test_a_peer_that_holds_more_of_our_stream_than_we_wrote_is_noticed_by_the_heads() -> None:
    node = store(1)
    first = node.ask(receipt(cola=1)).content
    longer = linked(OWN, [first, receipt_content()])
    assert Alone(node).fault(HELLO, have(longer)) == "own-stream"


def test_a_fork_of_our_own_stream_is_noticed_by_the_heads() -> None:
    node = store(1)
    node.ask(receipt(cola=1))
    assert Alone(node).fault(HELLO, have(linked(OWN, [receipt_content(quantity=9)]))) == "fork"


def test_unknown_entries_of_our_own_writer_are_noticed_when_they_arrive() -> None:
    node = store(1)
    (arrived,) = Alone(node).take(HELLO, HAVE, Entries(1, columns_of(linked(OWN, [receipt_content()]))))[2:]
    with pytest.raises(PeerFault) as fault:
        decisions.merge(node.replica, arrived.runs, NOW_MS)
    assert fault.value.reason == "own-stream"
