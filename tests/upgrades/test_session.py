"""Sync sessions of an earlier release: current nodes send the same frames, and end with the same digests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgpack

from replica.core.state.kinds import KINDS
from replica.core.stock.transfers import ACTS, NOTICE
from tests.upgrades.day import Day

RECORDED = Path(__file__).parents[1] / "fixtures" / "earlier_release" / "session.msgpack"


def recorded() -> Any:
    return msgpack.unpackb(RECORDED.read_bytes())


def test_the_same_day_sends_the_same_frames_as_the_earlier_release() -> None:
    day, earlier = Day().play(), recorded()
    assert len(day.frames) == len(earlier["frames"]) > 200
    assert day.frames == earlier["frames"]


def test_the_same_day_leaves_the_digests_of_the_earlier_release() -> None:
    assert Day().play().digests() == recorded()["digests"]


LATER_KINDS = (*ACTS, NOTICE)
"""The kinds of entries that the earlier release did not know."""


def test_the_day_uses_every_kind_of_entry() -> None:
    day = Day().play()
    entries = [entry for node in (day.shop, day.east, day.west) for entry, _ in node.journal]
    assert sorted({entry.content.kind for entry in entries}) == sorted(
        name for name in KINDS.names if name not in LATER_KINDS
    )
