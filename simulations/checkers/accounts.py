"""Each kind of entry moves units only between the accounts that are allowed for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from replica.core.base.names import CUSTOMER, FREE, HELD, QUARANTINE, account, bucket_of, node_of, owner_of
from replica.core.ledger.cells import Move
from replica.core.log.entry import Content
from replica.core.log.voids import RETURN_CORRECTION
from replica.core.orders.requests import ORDER
from replica.core.rights.grants import ALLOTMENT, GRANT
from replica.core.stock.adjustments import ADJUSTMENT
from replica.core.stock.counts import CORRECTION, COUNT
from replica.core.stock.goods_receipts import GOODS_RECEIPT
from replica.core.stock.quarantine import QUARANTINE_STEP
from replica.core.stock.till_receipts import RETURN, SALE
from replica.core.stock.transfer import Act
from replica.core.stock.transfers import ACTS, NOTICE
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine

KNOWN = (
    SALE,
    RETURN,
    GOODS_RECEIPT,
    COUNT,
    ADJUSTMENT,
    QUARANTINE_STEP,
    RETURN_CORRECTION,
    GRANT,
    ALLOTMENT,
    CORRECTION,
    ORDER,
    *ACTS,
    NOTICE,
)

TAKING = ("hold", "reserve", "exchange")
GIVING = ("adjust", "exchange", "decline", "cancel", "expire")
LEAVING = ("ship", "collect")
"""Events of an order that take free units, return them, and hand them out."""


class AccountsChecker(Checker):
    """Each kind of entry moves units only between allowed accounts, by a table of the checker's own."""

    invariant = 5

    def entry(self, machine: Machine, stored: Stored) -> None:
        entry, content = stored.entry, stored.entry.content
        node = node_of(entry.stream.writer)
        free, quarantine = account(node, FREE), account(node, QUARANTINE)
        if content.kind not in KNOWN:
            return
        allowed = {
            SALE: [(free, "customer")],
            RETURN: [("customer", quarantine if content.reason == "quarantine" else free)],
            GOODS_RECEIPT: [("supplier", free)],
            COUNT: [("found", free), (free, "loss")],
            CORRECTION: [("found", free), (free, "loss")],
            ADJUSTMENT: [("found", free), (free, "loss")],
            QUARANTINE_STEP: [(free, quarantine), (quarantine, free), (quarantine, "loss"), (free, "loss")],
            RETURN_CORRECTION: [(one, "customer") for one in (free, quarantine)]
            + [("customer", one) for one in (free, quarantine)],
            GRANT: [(free, move.target) for move in content.moves if _is_of_another(FREE, move.target, node)],
            ORDER: list(_routes_of_order(entry.content, node)),
            **_routes_of_transfer(content, node),
            ALLOTMENT: [route for name in _quotas(content.moves, node) for route in ((free, name), (name, free))],
        }[content.kind]
        for move in content.moves:
            if (move.source, move.target) not in allowed:
                self.fail(f"a {content.kind} moved from {move.source} to {move.target}")


def _routes_of_transfer(content: Content, node: str) -> dict[str, list[tuple[str, str]]]:
    """Where each step of a transfer may move units. All of a transfer are in its own transit account."""
    free, quarantine = account(node, FREE), account(node, QUARANTINE)
    transit = f"transit.{content.facts.get('transfer', '')}"
    ways = {
        Act.SHIP: [(free, transit)],
        Act.RECEIVE: [(transit, free), (transit, quarantine)],
        Act.SETTLE: [(transit, "loss"), ("loss", transit), ("found", transit), (free, transit)],
    }
    return {NOTICE: [], **{act.value: ways.get(act, []) for act in Act}}


def _routes_of_order(content: Content, node: str) -> Iterator[tuple[str, str]]:
    free, held, event = account(node, FREE), account(node, HELD), content.reason
    act = content.facts.get("act", "")
    if act == "hand_over":
        yield from ((held, move.target) for move in content.moves if _is_of_another(HELD, move.target, node))
    if act == "take_back":
        yield CUSTOMER, account(node, QUARANTINE)
    if act == "void":
        yield account(node, QUARANTINE), CUSTOMER
    if act not in ("step", "split"):
        return
    if event in TAKING:
        yield from ((name, held) for name in (free, *_quotas(content.moves, node)))
    if event in GIVING:  # back to the source account, which belongs to another node after a handover
        yield from ((held, move.target) for move in content.moves if _is_promised_from(move.target))
    if event in LEAVING:
        yield held, CUSTOMER
    if event == "return":
        yield CUSTOMER, account(node, QUARANTINE)


def _is_of_another(bucket: str, target: str, node: str) -> bool:
    return bucket_of(target) == bucket and owner_of(target) != node


def _quotas(moves: Iterable[Move], node: str) -> list[str]:
    names = [name for move in moves for name in (move.source, move.target)]
    return [name for name in names if owner_of(name) == node and bucket_of(name).startswith("channel.")]


def _is_promised_from(name: str) -> bool:
    return bucket_of(name) == FREE or bucket_of(name).startswith("channel.")
