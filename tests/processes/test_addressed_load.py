"""Orders to addresses over HTTP, as the benchmark sends them, for two seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.servers import hub
from benchmarks.sustained import names_of, prepare, sustained

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("has_areas", [True, False])
def test_a_hub_takes_orders_to_addresses_at_an_even_rate(tmp_path: Path, has_areas: bool) -> None:
    """Each answer is 201, and each order is in the journal."""
    prepare(tmp_path / "data", 60, has_areas)
    with hub(tmp_path / "data", hosts=names_of(60)) as server:
        figures = sustained(server, 2)
    assert 0 < figures["/min"] < 11_000
    assert figures["p50 ms"] <= figures["p99 ms"]
