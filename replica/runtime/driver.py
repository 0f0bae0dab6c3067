"""The driver: only it changes a replica.

Requests and peers' entries wait in a bounded inbox. The driver takes them, lets the core decide, commits once, and then
sends the answers. It computes the next batch while one is being committed; batches commit in order. Clients go before
bulk merges. A read waits for the commit of the state it saw, or leaves out what is not durable yet. So no caller sees
state that a crash could undo.
Background work that changes a replica gives the driver a function (`change`), and the driver calls it.

If a commit finds the disk full, the driver refuses that batch and the one computed after it, and reloads the core from
the journal. If a commit fails in any other way, it is unknown what is durable: `run` raises Unknown, and the process
ends. After the restart a retry with the same idempotency key gets the answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from replica.core.base.errors import Overloaded, PeerFault, Refused, Stopping, StorageFull, Unchanged
from replica.core.base.limits import BATCH_ENTRIES_MAX, FRAME_ENTRIES_MAX
from replica.core.log.entry import Entry
from replica.core.log.entry_run import EntryRun, ReceivedRun
from replica.core.state import decisions
from replica.core.state.batch import Batch
from replica.core.state.commands import Command, DocumentWrite, Requests, keys_of, receipts_of
from replica.core.state.decisions import Verdict, Verdicts
from replica.core.state.pending import NOTHING_PENDING, Pending
from replica.core.state.replica import Earlier, Replica
from replica.core.stock.till_receipts import TillReceipt, receipts_in
from replica.core.sync.events import Scopes
from replica.runtime.ports import Clock, Journal

T = TypeVar("T")

INBOX_MAX = 8_192
"""Requests that may wait: about half a second of work. Callers gain nothing from a longer queue."""

BULK_MAX = 64
"""Frames of peers that may wait. Peers hold back more because they get no acknowledgement."""

BULK_PER_TURN = 4
"""Frames merged in one turn while clients wait too."""

GATHER_TURNS_MAX = 64
"""Turns of the event loop for which a batch may gather: a few milliseconds if every turn reads sockets."""

PAIRS_PER_TURN = 256
"""Pairs whose digests and breaches are brought up to date in one turn of the event loop: about two milliseconds."""

RELOAD_SHARE = 10
"""After a full disk the driver waits this many times the duration of the reload, so reads get most of the time."""

FULL_MS_MAX = 10_000
"""The longest such wait, in milliseconds. A reload may look long because the process or its machine was suspended."""


FULL_LATELY = "the disk was full a moment ago: free some space, then retry"
"""Why the driver refuses a write without trying it."""


class Counters:
    """Counters of the driver. Every scrape of the metrics reads them; nothing resets them."""

    def __init__(self) -> None:
        self.commits = 0
        self.entries_written = 0
        self.entries_merged = 0
        self.refused = 0
        self.overloaded = 0
        self.storage_full = 0
        self.commit_seconds = 0.0


class _Ask(Struct):
    """Requests of one caller that wait together, and the future of their verdicts."""

    requests: Requests
    answer: asyncio.Future[Verdicts]


class _Look(Struct):
    query: Callable[[Replica], Any]
    answer: asyncio.Future[Any]


class _Change(Struct):
    apply: Callable[[Replica, int], Any]
    answer: asyncio.Future[Any]


_Client = _Ask | _Look | _Change
"""What waits in the inbox, apart from peers' entries."""


class Ingress:
    """The order of one peer's frames. After a failed frame none is accepted, because later ones may depend on it."""

    def __init__(self) -> None:
        self.is_shut = False


class _Merge(Struct):
    runs: list[ReceivedRun]
    ingress: Ingress
    answer: asyncio.Future[int]


class _Watcher(Struct, eq=False):
    scopes: Scopes
    event: asyncio.Event


Answers = list[tuple[_Client | _Merge, Any]]
"""Each request with its answer, which is sent once the batch is durable."""


class Driver:
    """Drives one replica on one journal. It answers only while `run` is running."""

    def __init__(self, replica: Replica, journal: Journal, clock: Clock) -> None:
        self.replica = replica
        self.counters = Counters()
        self.arrival = replica.arrival
        """Arrival number of the newest durable entry."""
        self._journal = journal
        self._clock = clock
        self._clients: deque[_Client] = deque()
        self._bulk: deque[_Merge] = deque()
        self._waiting = 0
        self._wake = asyncio.Event()
        self._watchers: list[_Watcher] = []
        self.on_durable: list[Callable[[Batch], None]] = []
        """Called with every batch once it is durable. Each must return immediately."""
        self._bulk_room = asyncio.Semaphore(BULK_MAX)
        self._commit: asyncio.Task[None] | None = None
        self._committing: Sequence[EntryRun] = ()
        """The entries that are being committed, and of which nobody has an answer yet."""
        self._stopping = False
        self._full_until_ms = 0
        """Elapsed time until which new writes are refused without a try, because the disk was just full."""

    @property
    def watching(self) -> int:
        """Number of callers waiting in `moved_past`."""
        return len(self._watchers)

    @property
    def waiting(self) -> int:
        """Number of requests in the inbox."""
        return self._waiting

    async def submit(self, command: Command | DocumentWrite) -> Entry:
        """Have one request decided and made durable. Raises Refused."""
        (verdict,) = await self.submit_all((command,))
        if isinstance(verdict, Refused):
            raise verdict
        return verdict

    def submit_all(self, requests: Requests) -> asyncio.Future[Verdicts]:
        """Have requests decided in order, each separately, and made durable together.

        Raises Overloaded or Stopping if they are not accepted.
        """
        self._check_open(len(requests))
        answer: asyncio.Future[Verdicts] = asyncio.get_running_loop().create_future()
        self._clients.append(_Ask(requests, answer))
        self._waiting += len(requests)
        self._wake.set()
        return answer

    async def look(self, query: Callable[[Replica], T]) -> T:
        """Read the replica. The state that `query` saw is durable when this returns."""
        if self._commit is None and not self.replica.uncommitted:
            return query(self.replica)
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue(_Look(query, answer))
        return await answer

    async def look_now(self, query: Callable[[Replica, Pending], T]) -> T:
        """Read the replica without waiting for a commit. `query` has to leave out what is pending.

        If that is too much, or concerns documents, this waits as `look` does, and then nothing is pending.
        """
        pending = Pending.of([*self._committing, *self.replica.open_runs])
        if pending is None:
            return await self.look(lambda replica: query(replica, NOTHING_PENDING))
        return query(self.replica, pending)

    async def refreshed(self) -> None:
        """Wait until digests and breaches are so far up to date that whoever asks for them next waits only briefly."""
        while self.replica.ledger.is_stale:
            self.replica.ledger.refresh(PAIRS_PER_TURN)
            await asyncio.sleep(0)

    async def change(self, apply: Callable[[Replica, int], T]) -> T:
        """Have `apply` change the replica in a turn of the driver, after the requests of that turn.

        `apply` gets the replica and the wall time in milliseconds. The entries that it records are durable when this
        returns. Its other changes are not journalled. An exception from it ends the driver, because the replica may
        be partly changed.

        Raises:
            Refused: definite; nothing changed.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue(_Change(apply, answer))
        return await answer

    async def take_in(self, runs: list[ReceivedRun], ingress: Ingress) -> asyncio.Future[int]:
        """Queue a peer's entries; wait for room first. Once they are durable, the future gives the number of new ones.

        The future raises PeerFault or Refused. Frames are merged in the order in which they were queued.
        """
        await self._bulk_room.acquire()
        if self._stopping:
            self._bulk_room.release()
            raise Stopping("the node is going down")
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_ignore_unread_refusal)
        self._bulk.append(_Merge(runs, ingress, answer))
        self._wake.set()
        return answer

    async def moved_past(self, arrival: int, scopes: Scopes = None) -> None:
        """Wait until an entry newer than `arrival` is durable in one of these scopes (None: in any).

        May return early, so callers check again.
        """
        if self.arrival > arrival:
            return
        watcher = _Watcher(scopes, asyncio.Event())
        self._watchers.append(watcher)
        try:
            await watcher.event.wait()
        finally:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

    def stop(self) -> None:
        """Accept nothing new. `run` returns once all waiting requests are answered."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Drive until stopped. Raises Unknown if a commit failed and the process has to end."""
        while True:
            if not self._clients and not self._bulk:
                if self._commit is not None and self._commit.done():
                    await self._settle()
                if self.replica.ledger.is_stale and not self._stopping:
                    self.replica.ledger.refresh(PAIRS_PER_TURN)
                    await asyncio.sleep(0)
                    continue
                if self._commit is not None and not self._commit.done():
                    await self._rest(self._commit)
                    continue
                await self._settle()
                if self._stopping and not self._clients and not self._bulk:
                    return
                await self._wake.wait()
                self._wake.clear()
                continue
            await self._gather()
            asks, merges = self._take()
            earlier = await self._find_earlier(asks, merges)
            answers = self._compute(asks, merges, earlier)
            if await self._settle():
                self._start_commit(answers)
            else:
                self._refuse(answers, StorageFull("the disk is full: free some space, then retry"))

    async def _rest(self, commit: asyncio.Task[None]) -> None:
        """Sleep until something waits in the inbox, or the running commit ends."""
        self._wake.clear()
        commit.add_done_callback(lambda _: self._wake.set())
        await self._wake.wait()

    async def _gather(self) -> None:
        """Let more requests arrive, as long as every turn of the event loop brings some.

        A commit costs about the same for one request as for fifty. A single request waits only one turn.
        """
        waiting, turns = 0, 0
        while waiting < self._waiting < BATCH_ENTRIES_MAX and turns < GATHER_TURNS_MAX:
            waiting = self._waiting
            turns += 1
            await asyncio.sleep(0)

    def _take(self) -> tuple[list[_Client], list[_Merge]]:
        asks: list[_Client] = []
        merges: list[_Merge] = []
        room = BATCH_ENTRIES_MAX
        while self._clients and room > 0:
            ask = self._clients.popleft()
            weight = len(ask.requests) if isinstance(ask, _Ask) else 1
            room -= weight
            self._waiting -= weight
            asks.append(ask)
        frames = BULK_PER_TURN if asks else BATCH_ENTRIES_MAX // FRAME_ENTRIES_MAX
        while self._bulk and (
            not merges or (len(merges) < frames and room > 0)
        ):  # at least one, so that peers make progress
            room -= FRAME_ENTRIES_MAX
            merges.append(self._bulk.popleft())
            self._bulk_room.release()
        return asks, merges

    async def _find_earlier(self, asks: Sequence[_Client], merges: Sequence[_Merge]) -> Earlier:
        """Look up the keys of requests and of peers' entries, because another node may have used the same key.

        Also look up the till receipts that returns name. The sale of such a receipt may arrive after its return.
        """
        if not self.arrival:
            return {}
        known, receipts = self.replica.keys, self.replica.receipts
        keys: list[bytes] = []
        named: list[TillReceipt] = []
        returned: list[TillReceipt] = []
        for ask in asks:
            if isinstance(ask, _Ask):
                asked = keys_of(ask.requests)
                keys += asked if known.is_disjoint(asked) else [key for key in asked if key not in known]
                of_sales, of_returns = receipts_of(ask.requests)
                named += of_sales
                returned += of_returns
        for merge in merges:
            for run in merge.runs:
                keys += [key for entry in run.entries if (key := entry.content.key) and key not in known]
                named += receipts_in(run.entries)
        found: dict[bytes | TillReceipt, Sequence[Entry]] = {}
        if keys:
            found.update((await self._journal.find(keys)).items())
        if named:
            returned += self._journal.likely_returned(named) + [one for one in named if receipts.is_returned(one)]
        if returned:
            found.update((await self._journal.find_receipts(returned)).items())
        return found

    def _compute(self, asks: Sequence[_Client], merges: Sequence[_Merge], earlier: Earlier) -> Answers:
        replica, now_ms, answers = self.replica, self._clock.now().wall_ms, Answers()
        decided = iter(self._decide_all([ask.requests for ask in asks if isinstance(ask, _Ask)], now_ms, earlier))
        for ask in asks:
            match ask:
                case _Ask():
                    answers.append((ask, next(decided)))
                case _Look(query):
                    answers.append((ask, _look(query, replica)))
                case _Change(apply):
                    answers.append((ask, StorageFull(FULL_LATELY) if self._is_full else apply(replica, now_ms)))
        for merge in merges:
            before = replica.uncommitted
            answers.append((merge, _turn_away(merge) if self._is_full else _merge(replica, merge, now_ms, earlier)))
            self.counters.entries_merged += replica.uncommitted - before
        return answers

    def _decide_all(self, asked: Sequence[Requests], now_ms: int, earlier: Earlier) -> list[Verdicts]:
        """Decide the requests in order. While the disk counts as full, only repeated requests get an answer."""
        replica = self.replica
        if self._is_full:
            decided = [self._decide_repeated(requests, now_ms, earlier) for requests in asked]
        else:
            decided = decisions.execute_all(replica, asked, now_ms, earlier)
        for verdicts in decided:
            if isinstance(verdicts, list):
                refused = sum(isinstance(one, Refused) and not isinstance(one, Unchanged) for one in verdicts)
                self.counters.refused += refused
        return decided

    def _decide_repeated(self, requests: Requests, now_ms: int, earlier: Earlier) -> Verdicts:
        verdicts: list[Verdict] = []
        for request in requests:
            if request.key in self.replica.keys or request.key in earlier:
                verdicts += decisions.execute_requests(self.replica, [request], now_ms, earlier)
            else:
                verdicts.append(StorageFull(FULL_LATELY))
        return verdicts

    @property
    def _is_full(self) -> bool:
        return self._clock.now().elapsed_ms < self._full_until_ms

    def _start_commit(self, answers: Answers) -> None:
        batch = self.replica.take_batch()
        if batch.runs:
            self._committing = batch.runs
            self._commit = asyncio.get_running_loop().create_task(self._write(batch, answers))
        else:
            _release(answers)

    async def _write(self, batch: Batch, answers: Answers) -> None:
        started = self._clock.now().elapsed_ms
        try:
            self.arrival = await self._journal.append(batch)
        except StorageFull as full:
            self.counters.storage_full += 1
            self._refuse(answers, full)
            raise
        counters = self.counters
        counters.commits += 1
        counters.entries_written += len(batch)
        counters.commit_seconds += (self._clock.now().elapsed_ms - started) / 1000
        self._committing = ()  # before the answers: who has one sees its effect
        _release(answers)
        if self._watchers:
            self._wake_watchers(batch)
        for notify in self.on_durable:
            notify(batch)

    def _wake_watchers(self, batch: Batch) -> None:
        moved = dict.fromkeys(run.stream.scope for run in batch.runs)
        staying = []
        for watcher in self._watchers:
            if watcher.scopes is None or any(scope in moved for scope in watcher.scopes):
                watcher.event.set()
            else:
                staying.append(watcher)
        self._watchers = staying

    async def _settle(self) -> bool:
        """Wait for the running commit. False if the disk was full; the core was then reloaded from the journal."""
        if self._commit is None:
            return True
        try:
            await self._commit
        except StorageFull:
            started_ms = self._clock.now().elapsed_ms
            self.replica.restore(await self._journal.load())
            reloaded_ms = self._clock.now().elapsed_ms
            self._full_until_ms = reloaded_ms + min(RELOAD_SHARE * (reloaded_ms - started_ms), FULL_MS_MAX)
            return False
        finally:
            self._commit = None  # only after the reload, because reads have to wait for it
            self._committing = ()
        return True

    def _refuse(self, answers: Answers, why: Refused) -> None:
        """Answer a batch that was not written: refuse its writes and merges, and queue its reads again."""
        for asked, _ in answers:
            if isinstance(asked, _Look):
                self._clients.append(asked)
                self._waiting += 1
                continue
            if isinstance(asked, _Merge):
                asked.ingress.is_shut = True
            if not asked.answer.done():
                asked.answer.set_exception(why)

    def _queue(self, asked: _Look | _Change) -> None:
        self._check_open(1)
        self._clients.append(asked)
        self._waiting += 1
        self._wake.set()

    def _check_open(self, weight: int) -> None:
        if self._stopping:
            raise Stopping("the node is going down")
        if self._waiting + weight > INBOX_MAX:
            self.counters.overloaded += 1
            raise Overloaded(f"{self._waiting} requests wait, the limit is {INBOX_MAX}")


def _look(query: Callable[[Replica], Any], replica: Replica) -> Any:
    """Answer a read. Its exceptions go to its caller, because a read changes nothing."""
    try:
        return query(replica)
    except Exception as failure:
        return failure


def _merge(replica: Replica, merge: _Merge, now_ms: int, earlier: Earlier) -> int | PeerFault:
    if merge.ingress.is_shut:
        return PeerFault("gap", "an earlier frame was not merged")
    try:
        return decisions.merge(replica, merge.runs, now_ms, earlier)
    except PeerFault as fault:
        merge.ingress.is_shut = True
        return fault


def _turn_away(merge: _Merge) -> StorageFull:
    merge.ingress.is_shut = True
    return StorageFull("the disk was full a moment ago: peers' entries are not merged")


def _ignore_unread_refusal(answer: asyncio.Future[int]) -> None:
    """Mark an exception as read. It is no error if nobody waits for it because the link has ended."""
    if not answer.cancelled():
        answer.exception()


def _release(answers: Answers) -> None:
    for asked, answer in answers:
        future: asyncio.Future[Any] = asked.answer
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
