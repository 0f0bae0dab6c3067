"""Open a node's data: its journal, and the replica folded from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from replica.core.base.names import writer_of
from replica.core.orders.context import OrderPolicy
from replica.core.state.replica import Replica
from replica.runtime.journal.damage import DAMAGE, DataRefused
from replica.runtime.journal.sqlite_journal import open_journal
from replica.runtime.ports import Entropy, Journal

log = structlog.get_logger(__name__)

INCARNATION_BYTES = 6


async def open_replica(
    directory: Path,
    name: str,
    locations: Iterable[str],
    entropy: Entropy,
    *,
    open_catalog: bool,
    order_policy: OrderPolicy,
    check: Callable[[Replica], None] = lambda replica: None,
) -> tuple[Replica, Journal]:
    """Open a node's journal, and load its replica. `check` refuses data of another node. Raises DataRefused."""
    journal = await open_journal(directory, name, entropy.random_bytes(INCARNATION_BYTES).hex())
    try:
        image = await journal.load()
        try:
            replica = Replica(
                writer_of(name, journal.incarnation), locations, image, open_catalog, order_policy=order_policy
            )
            check(replica)
            replica.digests()  # the first digest costs the most; no caller waits yet
        except DAMAGE as error:
            raise DataRefused(f"{directory} holds invalid data: {error!r}; restore a backup") from error
    except BaseException:
        await journal.close()  # otherwise its threads keep the process alive, with the lock on the data
        raise
    log.info("journal loaded", writer=replica.writer, entries=replica.arrival, scopes=len(replica.vectors))
    return replica, journal
