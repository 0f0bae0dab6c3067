"""Settings of hypothesis (no deadlines; in CI the same examples in each run), and what each test leaves as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings

pytest_plugins = ("tests.callers", "tests.components", "tests.virtual_time")

settings.register_profile("local", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None, print_blob=True)
settings.register_profile(
    "mutants", settings.get_profile("ci"), max_examples=20, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Restore how logs are written. A simulation in this process turns them off."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
