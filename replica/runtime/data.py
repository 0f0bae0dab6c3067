"""A node's data: its files opened, its journal folded, ready to drive."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import structlog

from replica.core.names import writer_of
from replica.core.replica import Replica
from replica.runtime.ports import Entropy, Journal
from replica.runtime.sqlite_journal import open_journal

log = structlog.get_logger(__name__)

INCARNATION_BYTES = 6


async def open_replica(
    directory: Path, name: str, locations: Iterable[str], entropy: Entropy, *, open_catalog: bool
) -> tuple[Replica, Journal]:
    """Open a node's data and fold it. Raises DataRefused."""
    journal = await open_journal(directory, name, entropy.random_bytes(INCARNATION_BYTES).hex())
    try:
        replica = Replica(writer_of(name, journal.incarnation), locations, await journal.load(), open_catalog)
    except BaseException:
        await journal.close()  # or its threads would keep the process, and the process the data
        raise
    replica.digests()  # the first costs the most, and nobody waits yet
    log.info("journal loaded", writer=replica.writer, entries=replica.arrival, scopes=len(replica.vectors))
    return replica, journal
