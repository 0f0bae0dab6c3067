"""Runs of entries for tests that write a journal."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter

from replica.core.log.entry import Entry
from replica.core.log.entry_run import EntryRun


def runs_of(entries: Iterable[Entry]) -> list[EntryRun]:
    """Split entries in order of arrival into runs of one stream each."""
    return [EntryRun.of(list(run)) for _, run in groupby(entries, attrgetter("stream"))]
