"""Flaws on purpose. The trials must catch each of them, because a checker without findings may be broken itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from msgspec.structs import replace

from replica.core.base.errors import Unknown
from replica.core.state.batch import Batch
from replica.runtime.journal.sqlite_journal import SqliteJournal
from simulations.mutations.boundaries import OF_SQLITE
from simulations.mutations.mutation import Mutation
from tests.core.runs import runs_of


@dataclass(frozen=True, slots=True)
class Flaw:
    """A flaw of the journal or of its disk; none by default."""

    synchronous: str = "FULL"
    is_disk_lying: bool = False
    is_log_left: bool = False
    """Whether the journal reads an existing log without making it durable first."""
    append: Callable[[SqliteJournal, Batch], Awaitable[int]] = SqliteJournal.append
    mutation: Mutation | None = None
    """A bug planted in the code of the journal."""


async def append_in_halves(journal: SqliteJournal, batch: Batch) -> int:
    """Append a batch in two transactions instead of one."""
    middle = len(batch) // 2
    if middle:
        await journal.append(Batch(runs=runs_of(batch.entries[:middle]), cells={}, checkpoint={}))
    return await journal.append(replace(batch, runs=runs_of(batch.entries[middle:])))


async def append_and_hope(journal: SqliteJournal, batch: Batch) -> int:
    """Treat a failed commit as successful."""
    try:
        return await journal.append(batch)
    except Unknown:
        return 0


async def append_another_fold(journal: SqliteJournal, batch: Batch) -> int:
    """Append wrong cells with the right sum."""
    cells = dict(batch.cells)
    if len(cells) > 1:
        first, second = list(cells)[:2]
        cells[first] += 1
        cells[second] -= 1
    return await journal.append(replace(batch, cells=cells))


async def append_without_keys(journal: SqliteJournal, batch: Batch) -> int:
    """Append entries without their keys."""
    bare = [replace(entry, content=replace(entry.content, key=b"")) for entry in batch.entries]
    return await journal.append(replace(batch, runs=runs_of(bare)))


SOUND = Flaw()

FLAWS = {
    "synchronous-normal": Flaw(synchronous="NORMAL"),
    "synchronous-off": Flaw(synchronous="OFF"),
    "lying-disk": Flaw(is_disk_lying=True),
    "log-left": Flaw(is_log_left=True),
    "batch-in-halves": Flaw(append=append_in_halves),
    "failure-ignored": Flaw(append=append_and_hope),
    "keys-forgotten": Flaw(append=append_without_keys),
    "another-fold": Flaw(append=append_another_fold),
    **{mutation.name: Flaw(mutation=mutation) for mutation in OF_SQLITE},
}
