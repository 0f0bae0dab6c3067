"""Schedules of balancing: when a plan is due."""

from __future__ import annotations

import pytest

from replica.core.planning.balancing_schedules import BalancingScheduleDocument


@pytest.mark.parametrize(
    ("minute", "is_due"),
    [(149, False), (150, True), (151, True), (270, True), (271, False), (0, False), (1_439, False)],
)
def test_a_plan_is_due_at_its_time_and_a_little_later(minute: int, is_due: bool) -> None:
    assert BalancingScheduleDocument(hub="hub-east", at="02:30").is_due(minute) is is_due
