"""A scripted day of a store and two hubs that uses every kind of entry. An earlier release recorded its frames."""

from __future__ import annotations

from replica.core.base.limits import DIGEST_INTERVAL_MS, HEARTBEAT_MS
from replica.core.base.names import parse_key
from replica.core.orders.requests import Handover, Housekeeping, OrderEvent, OrderRequest, PlacedLine, Placement
from replica.core.rights.requests import Allotment, AllotmentLine, Grant, GrantLine
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.stock.requests import (
    Action,
    Adjustment,
    AdjustmentLine,
    Count,
    CountLine,
    Disposition,
    OnShortage,
    Quarantine,
    QuarantineLine,
    Return,
    Sale,
    SkuLine,
)
from tests.core.chain import NOW_MS, STORE, Node, SessionPair, hub, receipt, sale, store


class Day:
    """The day, and every frame of its sessions."""

    def __init__(self) -> None:
        self.shop, self.east, self.west = store(1), hub("hub-east", "w-1"), hub("hub-west", "w-1")
        self.frames: list[bytes] = []

    def meet(self, one: Node, other: Node) -> None:
        """Let two nodes sync until nothing is left to send."""
        one.commit()
        other.commit()
        pair = SessionPair(one, other).run(limit=3)
        pair.tick(HEARTBEAT_MS)
        pair.tick(DIGEST_INTERVAL_MS - HEARTBEAT_MS)
        pair.run()
        self.frames += pair.frames

    def meet_all(self) -> None:
        """Let what the store wrote reach both hubs, and what they wrote reach the store."""
        self.meet(self.shop, self.east)
        self.meet(self.east, self.west)
        self.meet(self.shop, self.east)

    def order(self, node: Node, request: OrderRequest, key: str, after_ms: int) -> None:
        """Ask a node about an order."""
        found = parse_key(key) if key else b""
        decisions.execute(node.replica, Command("", request, found), NOW_MS + after_ms, node.find(found))

    def play(self) -> Day:
        """Play the whole day."""
        self._describe()
        self._trade()
        self._take_orders()
        self._hand_out()
        return self

    def digests(self) -> dict[str, dict[str, str]]:
        """The digest of each scope at each node."""
        return {node.name: node.replica.digests() for node in (self.shop, self.east, self.west)}

    def _describe(self) -> None:
        six = {"recipe": {"cola": 6}, "barcodes": ["4001"], "names": {"en": "six-pack"}}
        policy = {"mode": "both", "safety_stock": 2, "share": 0.5, "channels": {"web": 0.5}}
        self.east.write("six", six, key="sku")
        self.east.write("menu", {"recipe": {"cola": 1, "wings": 200}}, key="sku-2")
        self.east.write("default", policy, key="p", kind="policy")
        self.west.write("menu", {"recipe": {"cola": 1, "wings": 250}}, key="sku-3", now_ms=NOW_MS + 5)
        self.meet_all()

    def _trade(self) -> None:
        shop, east, west = self.shop, self.east, self.west
        shop.ask(receipt(cola=60, wings=5_000), key="delivery")
        east.ask(receipt(cola=20, wings=2_000), key="east-delivery")
        west.ask(receipt(cola=9), key="both")
        east.ask(receipt(cola=5), key="twin")
        west.ask(receipt(cola=5), key="twin")
        shop.ask(sale(six=2, cola=1), key="s-1")
        shop.ask(
            Sale(lines=(SkuLine(1, barcode="4001"),), on_shortage=OnShortage.REFUSE, till="t-1", receipt="R-1"),
            key="s-2",
        )
        shop.ask(Return(lines=(SkuLine(1, sku="cola"),), original="R-1", disposition=Disposition.QUARANTINE), key="r-1")
        shop.ask(Quarantine((QuarantineLine("cola", 1, Action.RESTOCK),)), key="q-1")
        shop.ask(Adjustment((AdjustmentLine("wings", -300, "spoiled"),), "A-1"), key="a-1")
        shop.ask(Count((CountLine("cola", 46),)), key="c-1", now_ms=NOW_MS + 50)
        grant = Grant("hub-east", (GrantLine("cola", 12), GrantLine("wings", 900)), "policy")
        shop.ask(grant, key="g-1", now_ms=NOW_MS + 60)
        east.ask(Allotment((AllotmentLine("web", "cola", 4),)), key="al-1")
        self.meet(shop, east)
        self.meet(east, west)

    def _take_orders(self) -> None:
        east, west = self.east, self.west
        lines = (PlacedLine(2, "cola", location=STORE), PlacedLine(1, "menu"))
        twice = Placement(order="o-2", lines=(PlacedLine(3, "cola"),), ttl_s=60)
        one, two = (SkuLine(1, "cola"),), (SkuLine(2, "cola"),)
        self.order(east, Placement(order="o-1", lines=lines, channel="web", customer="c"), "o-1", 100)
        self.order(east, twice, "o-2", 101)
        self.order(west, twice, "o-2", 102)
        self.order(east, OrderEvent(order="o-1", event="pay"), "pay", 110)
        self.order(east, OrderEvent(order="o-1", event="adjust", lines=one), "adj", 111)
        self.order(east, OrderEvent(order="o-1", event="exchange", lines=one, replacement=two), "ex", 112)
        self.order(east, OrderEvent(order="o-9", event="ship"), "early", 113)
        east.ask(receipt(cola=9), key="both-2")
        self.shop.ask(sale(six=40), key="breach", now_ms=NOW_MS + 120)
        self.meet_all()

    def _hand_out(self) -> None:
        shop, east = self.shop, self.east
        order = east.replica.orders.find("o-1")
        assert order is not None
        for fulfilment in list(order.fulfilments.values()):
            if fulfilment.location == STORE:
                self.order(east, Handover("o-1", fulfilment.id, STORE), "hand", 130)
        self.order(east, Housekeeping("o-2"), "", 70_000)
        self.meet_all()
        self.order(shop, OrderEvent(order="o-1", event="pick"), "pick", 80_000)
        self.order(east, OrderEvent(order="o-1", event="cancel"), "cancel", 80_001)
        self.meet_all()
        self.meet(east, self.west)
        self.order(shop, OrderEvent(order="o-1", event="collect"), "collect", 90_000)
        self.order(shop, OrderEvent(order="o-1", event="return", lines=(SkuLine(1, "cola"),)), "ret", 90_001)
        self.meet_all()
