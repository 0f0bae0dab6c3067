"""The output of the demo names the goods that are sold."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from shelfsync.screen import LiveScreen, PlainScreen, ScreenRow, Snapshot

NAME = "Kelvane cola 500 ml"


@pytest.fixture
def snapshot() -> Snapshot:
    """A hub, and a store that sold something."""
    rows = [
        ScreenRow(node="hub-east", city="east", is_hub=True, answers=True),
        ScreenRow(node="store-1", city="Berlin", is_hub=False, answers=True, last_sold=NAME),
    ]
    return Snapshot(elapsed_s=3.0, now="all connections work", sales=7, retries=0, hubs=1, rows=rows)


async def test_a_plain_summary_names_what_was_sold_last(snapshot: Snapshot) -> None:
    lines: list[str] = []
    PlainScreen(lines.append).show(snapshot)
    assert NAME in lines[0]


def test_a_live_table_names_what_was_sold_last_below_it(snapshot: Snapshot) -> None:
    output = io.StringIO()
    with LiveScreen(Console(file=output, force_terminal=True, width=80)) as screen:
        screen.show(snapshot)
    assert f"{NAME} in Berlin" in output.getvalue()
