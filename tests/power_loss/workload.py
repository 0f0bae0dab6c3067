"""What a node writes under trial: batches of the real core, of its own requests and of what a peer sent.

Requests that were lost with the power are asked again under the same keys, as tills do. Some keys were used by both
writers; some entries have none. Everything follows from the chance that is handed in.
"""

from __future__ import annotations

from contextlib import suppress
from random import Random

from replica.core.base.errors import KeyReused
from replica.core.base.names import CHAIN
from replica.core.catalog.documents import pack_value
from replica.core.log.entry import Entry, Stream, start
from replica.core.log.entry_run import ReceivedRun
from replica.core.state import decisions
from replica.core.state.batch import Batch, Image
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine, GoodsReceipt, Sale, SkuLine

NODE = "store-1"
INCARNATION = "0000000a"
WRITER = f"{NODE}#{INCARNATION}"
PEER = "hub-east#0000000b"
START_MS = 1_750_000_000_000


class Author:
    """A replica that thinks of requests, and has their entries decided by the real core."""

    def __init__(self, writer: str, chance: Random, image: Image | None = None) -> None:
        self.replica = Replica(writer, (NODE,), image, open_catalog=True)
        self._chance = chance

    def act(self, key: bytes, now_ms: int) -> None:
        """Ask one request under a key, or under none. Under a key that was used before it is refused."""
        with suppress(KeyReused):
            self._ask(key, now_ms)

    def _ask(self, key: bytes, now_ms: int) -> None:
        chance = self._chance
        kind = chance.random()
        if kind < 0.1:
            value = pack_value({"name": "n" * chance.choice((1, 100, 3_000))})
            decisions.write(self.replica, DocumentWrite("sku", self._item(), value, key), now_ms)
        elif kind < 0.4:
            lines = tuple(GoodsLine(chance.randint(1, 500), item=self._item()) for _ in range(chance.randint(1, 4)))
            request = GoodsReceipt(lines, reference="r" * chance.choice((0, 10, 250)))
            decisions.execute(self.replica, Command(NODE, request, key), now_ms)
        else:
            lines = tuple(SkuLine(chance.randint(1, 9), self._item()) for _ in range(chance.randint(1, 3)))
            decisions.execute(self.replica, Command(NODE, Sale(lines), key), now_ms)

    def _item(self) -> str:
        return f"item-{self._chance.randrange(self._chance.choice((5, 200)))}"


class Workload:
    """The node whose journal is under trial, and the peer it hears from."""

    def __init__(self, chance: Random) -> None:
        self.tried: dict[bytes, None] = {}
        """Every key that was ever in a batch."""
        self._chance = chance
        self._now_ms = START_MS
        self._own = Author(WRITER, chance)
        self._peer = Author(PEER, chance)
        self._sent: dict[Stream, list[Entry]] = {}
        self._again: list[bytes] = []

    def restart(self, image: Image, lost: list[Entry]) -> None:
        """Go on from what the journal gave back. Of the lost, the node's own will be asked again."""
        self._own = Author(WRITER, self._chance, image)
        self._again += [entry.content.key for entry in lost if entry.stream.writer == WRITER and entry.content.key]

    def next_batch(self) -> Batch:
        """A batch such as the driver takes: mostly small, now and then longer than a segment."""
        chance = self._chance
        self._now_ms += chance.choice((0, 1, 1_000))
        if chance.random() < 0.3:
            self._hear(chance.randint(1, 5))
        for _ in range(chance.randint(1, 3) if chance.random() < 0.998 else 300):
            self._own.act(self._key(), self._now_ms)
        batch = self._own.replica.take_batch()
        self.tried.update((entry.content.key, None) for entry in batch.entries if entry.content.key)
        return batch

    def _key(self) -> bytes:
        if self._again:
            return self._again.pop()
        return b"" if self._chance.random() < 0.05 else self._chance.randbytes(16)

    def _hear(self, count: int) -> None:
        """The peer records some requests and sends what the node lacks."""
        for _ in range(count):
            is_used = self._chance.random() < 0.1 and bool(self.tried)
            self._peer.act(next(reversed(self.tried)) if is_used else self._chance.randbytes(16), self._now_ms)
        for entry in self._peer.replica.take_batch().entries:
            self._sent.setdefault(entry.stream, []).append(entry)
        for stream in (Stream(PEER, NODE), Stream(PEER, CHAIN)):
            sent = self._sent.get(stream, [])
            held = self._own.replica.head(stream).sequence
            previous = sent[held - 1].hash if held else start(stream).hash
            decisions.merge(self._own.replica, [ReceivedRun(stream, held + 1, previous, sent[held:])], self._now_ms)
