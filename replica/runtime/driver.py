"""The one driver: the only thing that changes a replica.

Requests and peers' entries wait in a bounded inbox. The driver takes what waits, lets the core decide, commits once,
and only then lets answers go. While one batch is being committed the next is computed; batches commit in order.
Clients go before bulk merges. Reads wait for the commit of what they saw, so nobody is shown what a crash could undo.
Background work that changes a replica hands the driver a function (`change`), which it calls in its turn.

When a commit finds the disk full, that batch and the one computed after it are refused and the core is reloaded from
the journal. When it fails in any other way nobody knows what is durable: `run` raises Unknown, the process ends, and
the idempotency key answers after the restart.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from replica.core.base.errors import Overloaded, PeerFault, Refused, Stopping, StorageFull
from replica.core.base.limits import BATCH_ENTRIES_MAX, FRAME_ENTRIES_MAX
from replica.core.log.entry import Entry
from replica.core.log.entry_run import ReceivedRun
from replica.core.state import decisions
from replica.core.state.batch import Batch
from replica.core.state.commands import Command, DocumentWrite, Requests, keys_of
from replica.core.state.decisions import Verdict, Verdicts
from replica.core.state.replica import Earlier, Replica
from replica.core.sync.session import Scopes
from replica.runtime.ports import Clock, Journal

T = TypeVar("T")

INBOX_MAX = 8_192
"""Requests that may wait: about half a second of work, past which waiting helps nobody."""

BULK_MAX = 64
"""Frames of peers that may wait; a session holds back the rest by not acknowledging."""

BULK_PER_TURN = 4
"""Frames merged in one turn while clients wait too."""

GATHER_TURNS_MAX = 64
"""Turns of the loop a batch may be gathered for: a few milliseconds when every turn reads sockets."""

RELOAD_SHARE = 10
"""A full disk is tried again after so many times what the reload took: most of the time then is left for reads."""

FULL_MS_MAX = 10_000
"""But no later than this: what looked like a long reload may have been a process, or its machine, that stood still."""


FULL_LATELY = "no room to write, a moment ago"
"""Why the driver refuses a write without trying it."""


class Counters:
    """What the driver counts; read at every scrape of the metrics, never reset."""

    def __init__(self) -> None:
        self.commits = 0
        self.entries_written = 0
        self.entries_merged = 0
        self.refused = 0
        self.overloaded = 0
        self.storage_full = 0
        self.commit_seconds = 0.0


class _Ask(Struct):
    """Requests of one caller that wait together, and where their verdicts go."""

    requests: Requests
    answer: asyncio.Future[Verdicts]


class _Look(Struct):
    query: Callable[[Replica], Any]
    answer: asyncio.Future[Any]


class _Change(Struct):
    apply: Callable[[Replica, int], Any]
    answer: asyncio.Future[Any]


_Client = _Ask | _Look | _Change
"""What waits in the inbox, beside what peers bring."""


class Ingress:
    """One peer's way in. Once a frame of it failed, none after it is taken: what follows may rest on what is lost."""

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
"""What was asked, and what to say to it once the batch is durable."""


class Driver:
    """Drives one replica on one journal. `run` must be running for anything to be answered."""

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
        """Told of every batch once it is durable; they take note and return at once."""
        self._bulk_room = asyncio.Semaphore(BULK_MAX)
        self._commit: asyncio.Task[None] | None = None
        self._stopping = False
        self._full_until_ms = 0
        """Elapsed time until which new writes are turned away untried, for the disk was just found full."""

    @property
    def watching(self) -> int:
        """Readers that wait for news."""
        return len(self._watchers)

    @property
    def waiting(self) -> int:
        """Requests in the inbox."""
        return self._waiting

    async def submit(self, command: Command | DocumentWrite) -> Entry:
        """Have one request decided and made durable. Raises Refused."""
        (verdict,) = await self.submit_all((command,))
        if isinstance(verdict, Refused):
            raise verdict
        return verdict

    def submit_all(self, requests: Requests) -> asyncio.Future[Verdicts]:
        """Have requests decided in order, each by itself, and made durable together.

        Raises Overloaded or Stopping when they are not taken in.
        """
        self._check_open(len(requests))
        answer: asyncio.Future[Verdicts] = asyncio.get_running_loop().create_future()
        self._clients.append(_Ask(requests, answer))
        self._waiting += len(requests)
        self._wake.set()
        return answer

    async def look(self, query: Callable[[Replica], T]) -> T:
        """Read the replica. What was seen is durable when this returns."""
        if self._commit is None and not self.replica.uncommitted:
            return query(self.replica)
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue(_Look(query, answer))
        return await answer

    async def change(self, apply: Callable[[Replica, int], T]) -> T:
        """Have `apply` change the replica in a turn of the driver, after the requests of that turn.

        `apply` gets the replica and the wall time in milliseconds. The entries that it records are durable when this
        returns. Its other changes are not journalled. An exception from it ends the driver, because the replica may
        then be changed in part.

        Raises:
            Refused: definite; nothing changed.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue(_Change(apply, answer))
        return await answer

    async def take_in(self, runs: list[ReceivedRun], ingress: Ingress) -> asyncio.Future[int]:
        """Queue a peer's entries, waiting for room; the future says how many were new, once they are durable.

        The future raises PeerFault or Refused. Frames are merged in the order in which they were queued.
        """
        await self._bulk_room.acquire()
        if self._stopping:
            self._bulk_room.release()
            raise Stopping("the node is going down")
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_hear)
        self._bulk.append(_Merge(runs, ingress, answer))
        self._wake.set()
        return answer

    async def moved_past(self, arrival: int, scopes: Scopes = None) -> None:
        """Wait until an entry of these scopes (None: of any) is durable that is newer than `arrival`.

        May return early; whoever waits looks again.
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
        """Take nothing new in; `run` returns once all that waits is answered."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Drive until stopped. Raises Unknown when a commit failed and the process has to end."""
        while True:
            if not self._clients and not self._bulk:
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
                self._refuse(answers, StorageFull("no room to write"))

    async def _rest(self, commit: asyncio.Task[None]) -> None:
        """Nothing waits: sleep until something does, or the commit under way is through."""
        self._wake.clear()
        commit.add_done_callback(lambda _: self._wake.set())
        await self._wake.wait()

    async def _gather(self) -> None:
        """Let requests that are on their way come in, for as long as every turn of the loop brings some.

        A commit costs about the same for one request as for fifty; who is alone waits one turn and no longer.
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
        while self._bulk and (not merges or (len(merges) < frames and room > 0)):  # one at least: peers go on too
            room -= FRAME_ENTRIES_MAX
            merges.append(self._bulk.popleft())
            self._bulk_room.release()
        return asks, merges

    async def _find_earlier(self, asks: Sequence[_Client], merges: Sequence[_Merge]) -> Earlier:
        """Look up the keys of requests, and those of peers' entries: another node may have used one too."""
        known = self.replica.keys
        keys: list[bytes] = []
        for ask in asks:
            if isinstance(ask, _Ask):
                asked = keys_of(ask.requests)
                keys += asked if known.is_disjoint(asked) else [key for key in asked if key not in known]
        for merge in merges:
            for run in merge.runs:
                keys += [key for entry in run.entries if (key := entry.content.key) and key not in known]
        return await self._journal.find(keys) if keys and self.arrival else {}

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
        """Decide what callers ask, in order. While the disk counts as full, only repeated requests have an answer."""
        replica = self.replica
        if self._is_full:
            decided = [self._decide_repeated(requests, now_ms, earlier) for requests in asked]
        else:
            decided = decisions.execute_all(replica, asked, now_ms, earlier)
        for verdicts in decided:
            if isinstance(verdicts, list):
                self.counters.refused += sum([isinstance(verdict, Refused) for verdict in verdicts])
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
        _release(answers)
        if self._watchers:
            self._tell_watchers(batch)
        for note in self.on_durable:
            note(batch)

    def _tell_watchers(self, batch: Batch) -> None:
        moved = dict.fromkeys(run.stream.scope for run in batch.runs)
        staying = []
        for watcher in self._watchers:
            if watcher.scopes is None or any(scope in moved for scope in watcher.scopes):
                watcher.event.set()
            else:
                staying.append(watcher)
        self._watchers = staying

    async def _settle(self) -> bool:
        """Wait for the commit under way. False when the disk was full: the core then is what the journal says."""
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
            self._commit = None  # not before the core is reloaded: until then, reads have to wait
        return True

    def _refuse(self, answers: Answers, why: Refused) -> None:
        """Nothing of this batch was written: say so to writers; readers are asked anew of what there is."""
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
            raise Overloaded(f"{self._waiting} requests wait, at most {INBOX_MAX} may")


def _look(query: Callable[[Replica], Any], replica: Replica) -> Any:
    """Answer a read; whatever it raises is its caller's, for it changes nothing."""
    try:
        return query(replica)
    except Exception as failure:
        return failure


def _merge(replica: Replica, merge: _Merge, now_ms: int, earlier: Earlier) -> int | PeerFault:
    if merge.ingress.is_shut:
        return PeerFault("gap", "a frame before this one was not taken")
    try:
        return decisions.merge(replica, merge.runs, now_ms, earlier)
    except PeerFault as fault:
        merge.ingress.is_shut = True
        return fault


def _turn_away(merge: _Merge) -> StorageFull:
    merge.ingress.is_shut = True
    return StorageFull("no room for what peers bring, a moment ago")


def _hear(answer: asyncio.Future[int]) -> None:
    """The link that asked may have ended since: that nobody waits for a refusal any more is no error."""
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
