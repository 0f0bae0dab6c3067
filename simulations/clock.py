"""Clocks that faults set wrong, and randomness that repeats."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from replica.core.base.clock import Moment

EPOCH_MS = 1_767_225_600_000
"""Wall time when a simulation begins: 2026-01-01."""


class SimulatedClock:
    """A machine's clocks. Elapsed time can run fast or slow. Wall time can also be set to any value."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._rate = 1.0
        self._since = 0.0
        self._elapsed_ms = 0.0
        self._ahead_ms = 0
        self.errors: list[tuple[float, int]] = [(0.0, 0)]
        """When the clock was set, and how far it was ahead from then on."""

    def error_since_ms(self, since_s: float) -> int:
        """The most that the clock was ahead since a time, apart from what it drifted since it was set."""
        return max(self._errors_since(since_s))

    def is_right_since(self, since_s: float, tolerance_ms: int) -> bool:
        """Whether the clock was never further ahead or behind since a time."""
        return all(abs(error_ms) <= tolerance_ms for error_ms in self._errors_since(since_s))

    def _errors_since(self, since_s: float) -> list[int]:
        before = [error_ms for at_s, error_ms in self.errors if at_s <= since_s][-1:]
        return [*before, *[error_ms for at_s, error_ms in self.errors if at_s > since_s], self.error_ms]

    @property
    def error_ms(self) -> int:
        """Wall time minus true time."""
        return self.now().wall_ms - EPOCH_MS - int(self._time() * 1000)

    def now(self) -> Moment:
        elapsed_ms = int(self._elapsed_ms + (self._time() - self._since) * 1000 * self._rate)
        return Moment(EPOCH_MS + elapsed_ms + self._ahead_ms, elapsed_ms)

    def drift(self, parts_per_million: int) -> None:
        """Run fast from now on, or slow if negative."""
        now = self._time()
        self._elapsed_ms += (now - self._since) * 1000 * self._rate
        self._since, self._rate = now, 1 + parts_per_million / 1_000_000

    def step(self, by_ms: int) -> None:
        """Set wall time forward or back."""
        self._ahead_ms += by_ms
        self.errors.append((self._time(), self.error_ms))

    def correct(self) -> None:
        """Set wall time right, and stop drifting."""
        self.drift(0)
        self._ahead_ms -= self.error_ms
        self.errors.append((self._time(), self.error_ms))


class SimulatedEntropy:
    """The randomness of one machine, from the seed of the simulation."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def random_bytes(self, length: int) -> bytes:
        return self._random.randbytes(length)

    def fraction(self) -> float:
        return self._random.random()
