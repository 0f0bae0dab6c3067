"""The batches of a node in a trial: the real core makes them from requests of the node and from entries of a peer.

The node repeats requests that were lost in a power loss, with the same keys, as tills do. Both writers use some keys;
some entries have no key. Everything depends on the random numbers of the caller.
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
    """A replica that makes random requests, which the real core decides."""

    def __init__(self, writer: str, chance: Random, image: Image | None = None) -> None:
        self.replica = Replica(writer, (NODE,), image, open_catalog=True)
        self._chance = chance

    def act(self, key: bytes, now_ms: int) -> None:
        """Make one request, with a key or with none. The core refuses a key that was used before."""
        with suppress(KeyReused):
            self._request(key, now_ms)

    def _request(self, key: bytes, now_ms: int) -> None:
        chance = self._chance
        kind = chance.random()
        if kind < 0.1:
            value = pack_value({"name": "n" * chance.choice((1, 100, 3_000))})
            decisions.write(self.replica, DocumentWrite("sku", self._item(), value, key), now_ms)
        elif kind < 0.4:
            lines = tuple(GoodsLine(chance.randint(1, 500), item=self._item()) for _ in range(chance.randint(1, 4)))
            request = GoodsReceipt(lines=lines, reference="r" * chance.choice((0, 10, 250)))
            decisions.execute(self.replica, Command(NODE, request, key), now_ms)
        else:
            lines = tuple(SkuLine(chance.randint(1, 9), self._item()) for _ in range(chance.randint(1, 3)))
            decisions.execute(self.replica, Command(NODE, Sale(lines=lines), key), now_ms)

    def _item(self) -> str:
        return f"item-{self._chance.randrange(self._chance.choice((5, 200)))}"


class Workload:
    """The node of the trial, and the peer that sends entries to it."""

    def __init__(self, chance: Random) -> None:
        self.tried: dict[bytes, None] = {}
        """Every key that was ever in a batch."""
        self._chance = chance
        self._now_ms = START_MS
        self._own = Author(WRITER, chance)
        self._peer = Author(PEER, chance)
        self._sent: dict[Stream, list[Entry]] = {}
        self._repeated: list[bytes] = []

    def restart(self, image: Image, lost: list[Entry]) -> None:
        """Continue from the image of the journal. The node will repeat its own requests among the lost entries."""
        self._own = Author(WRITER, self._chance, image)
        self._repeated += [entry.content.key for entry in lost if entry.stream.writer == WRITER and entry.content.key]

    def next_batch(self) -> Batch:
        """A batch as the driver takes it: mostly small, sometimes longer than a segment."""
        chance = self._chance
        self._now_ms += chance.choice((0, 1, 1_000))
        if chance.random() < 0.3:
            self._receive(chance.randint(1, 5))
        for _ in range(chance.randint(1, 3) if chance.random() < 0.998 else 300):
            self._own.act(self._key(), self._now_ms)
        batch = self._own.replica.take_batch()
        self.tried.update((entry.content.key, None) for entry in batch.entries if entry.content.key)
        return batch

    def _key(self) -> bytes:
        if self._repeated:
            return self._repeated.pop()
        return b"" if self._chance.random() < 0.05 else self._chance.randbytes(16)

    def _receive(self, count: int) -> None:
        """Let the peer record some requests and send the entries that the node does not have."""
        for _ in range(count):
            is_used = self._chance.random() < 0.1 and bool(self.tried)
            self._peer.act(next(reversed(self.tried)) if is_used else self._chance.randbytes(16), self._now_ms)
        for entry in self._peer.replica.take_batch().entries:
            self._sent.setdefault(entry.stream, []).append(entry)
        for stream in (Stream(PEER, NODE), Stream(PEER, CHAIN)):
            sent = self._sent.get(stream, [])
            sequence = self._own.replica.head(stream).sequence
            previous = sent[sequence - 1].hash if sequence else start(stream).hash
            decisions.merge(
                self._own.replica, [ReceivedRun(stream, sequence + 1, previous, sent[sequence:])], self._now_ms
            )
