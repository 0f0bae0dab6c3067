"""Notices of transfers: how a location hears what was recorded about a transfer elsewhere.

A store gets only the entries of its own location. So a node that gets those of all locations copies each fact of a
transfer into the scope of each location that takes part: its ends, and any other place where goods of it arrived. A
notice moves nothing. A fact that two notices carry counts once, because it is known by the hash of its entry.

Several nodes may do this. They act in turn, in an order that differs from transfer to transfer, so usually only one
writes. If they are cut off from each other, each writes a notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from zlib import crc32

from replica.core.base.limits import NOTICE_UNITS_MAX
from replica.core.log.draft import Draft
from replica.core.state.replica import Replica
from replica.core.stock.transfer import Fact
from replica.core.stock.transfers import NOTICE, TOLD, TRANSFER, VOIDED, as_told, missing


def turn(transfer: str, node: str, others: Iterable[str]) -> int:
    """How many nodes of these act before this one about a transfer."""
    nodes = sorted(dict.fromkeys([node, *others]))
    first = crc32(transfer.encode()) % len(nodes)
    return (nodes.index(node) - first) % len(nodes)


def tell(replica: Replica, now_ms: int, transfers: Sequence[str]) -> int:
    """Tell each location of these transfers what it has not heard of. Return the number of notices written."""
    written = 0
    for name in transfers:
        transfer = replica.transfers.find(name)
        for location, (told, voided) in (missing(transfer) if transfer is not None else {}).items():
            for some in _in_parts(told) if told else [[]]:
                facts = {TRANSFER: name, TOLD: [as_told(fact) for fact in some], VOIDED: voided}
                replica.record(location, Draft(kind=NOTICE, facts=facts), b"", now_ms)
                written += 1
    return written


def _in_parts(facts: Sequence[Fact]) -> Iterator[list[Fact]]:
    """Facts in parts that fit into one entry each. A fact alone fits, because its own entry does."""
    part: list[Fact] = []
    units = 0
    for fact in facts:
        if part and units + len(fact.units) + 1 > NOTICE_UNITS_MAX:
            yield part
            part, units = [], 0
        part.append(fact)
        units += len(fact.units) + 1
    yield part
