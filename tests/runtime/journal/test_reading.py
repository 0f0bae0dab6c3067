"""The bound of a page that a peer gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from replica.core.log.entry import Stream
from replica.runtime.journal import reading
from replica.runtime.journal.sqlite_journal import open_journal
from tests.contract.test_journal import INCARNATION, WRITER, commit, receive, replica_of


async def test_a_page_holds_exactly_as_many_bytes_as_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, replica = await open_journal(tmp_path, "store-1", INCARNATION), replica_of()
    entries = [receive(replica, f"r{number}", 1) for number in range(3)]
    await commit(journal, replica)
    bound = sum(len(entry.body) for entry in entries[:2])
    numbers = []
    for bytes_max in (bound, bound - 1):
        monkeypatch.setattr(reading, "PAGE_BYTES_MAX", bytes_max)
        numbers.append(len(await journal.missing({Stream(WRITER, "store-1"): 0}, 10, 10)))
    await journal.close()
    assert numbers == [2, 1]
