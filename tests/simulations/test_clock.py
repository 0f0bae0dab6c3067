"""Simulated clocks."""

from __future__ import annotations

from simulations.clock import EPOCH_MS, SimulatedClock

now_s = [0.0]


def clock_at(seconds: float) -> SimulatedClock:
    now_s[0] = seconds
    return SimulatedClock(lambda: now_s[0])


def test_a_clock_without_faults_shows_the_true_time() -> None:
    clock = clock_at(0.0)
    now_s[0] = 12.5
    assert clock.now() == (EPOCH_MS + 12_500, 12_500)
    assert clock.error_ms == 0


def test_a_step_moves_wall_time_only() -> None:
    clock = clock_at(0.0)
    clock.step(-60_000)
    now_s[0] = 1.0
    assert clock.now() == (EPOCH_MS - 59_000, 1_000)


def test_a_drifting_clock_never_goes_back_and_can_be_corrected() -> None:
    clock = clock_at(0.0)
    clock.drift(-20_000)
    readings = []
    for seconds in range(100):
        now_s[0] = float(seconds)
        readings.append(clock.now().elapsed_ms)
    assert readings == sorted(readings)
    assert clock.error_ms == -1_980
    clock.correct()
    assert clock.error_ms == 0
    assert clock.now().elapsed_ms >= readings[-1]
