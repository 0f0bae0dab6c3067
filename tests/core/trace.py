"""A small scripted day of a chain, printed as its frames and digests: the same script gives the same trace.

Run as `python -m tests.core.trace`. With `--broken` one step iterates a set of names, so the traces differ.
"""

from __future__ import annotations

import sys
from hashlib import blake2b

from replica.core.base.limits import DIGEST_INTERVAL_MS, HEARTBEAT_MS
from replica.core.base.names import CHAIN
from replica.core.stock.requests import Count, CountLine, OnShortage, Return, SkuLine
from tests.core.chain import STORE, Node, SessionPair, hub, receipt, sale, store

ITEMS = ("cola", "wings", "yoghurt", "leaf", "bread")


def play(broken: bool = False) -> list[str]:
    """The day, frame by frame."""
    shops, hubs = [store(1), store(2)], [hub("hub-east", STORE), hub("hub-west", STORE)]
    nodes: list[Node] = [*shops, *hubs]
    pairs = [(shop, one) for shop in shops for one in hubs] + [(hubs[0], hubs[1])]
    trace: list[str] = []
    for number, item in enumerate(ITEMS):
        hubs[number % 2].write(f"{item}-pack", {"recipe": {item: number + 2}, "barcodes": [f"400{number}"]})
        shops[number % 2].ask(receipt(**{item: 10 + number}), key=f"receipt-{number}")
        hubs[0].ask(receipt(**{item: 1}), key=f"east-{number}")
    for day in range(3):
        for item in set(ITEMS) if broken else ITEMS:
            shops[0].ask(sale(OnShortage.RECORD, **{item: 1 + day}), key=f"sale-{day}-{item}")
            shops[1].ask(sale(OnShortage.RECORD, **{item: 2}), key=f"sale-{day}-{item}-2")
        shops[0].ask(Return(lines=(SkuLine(1, sku="cola"),)), key=f"return-{day}")
        shops[1].ask(Count((CountLine("wings", 7 + day),)), key=f"count-{day}")
        for one, other in pairs:
            one.commit()
            other.commit()
            line = SessionPair(one, other).run(limit=2)
            line.tick(HEARTBEAT_MS)
            line.tick(DIGEST_INTERVAL_MS - HEARTBEAT_MS)
            line.run()
            trace += [blake2b(frame, digest_size=8).hexdigest() for frame in line.frames]
        trace += [f"{node.name} {scope} {digest}" for node in nodes for scope, digest in node.replica.digests().items()]
        trace += [node.replica.vector_digest(CHAIN) for node in nodes]
    return trace


if __name__ == "__main__":
    print("\n".join(play("--broken" in sys.argv)))
