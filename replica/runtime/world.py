"""The real clock and the real source of randomness."""

from __future__ import annotations

import os
import random
import time

from replica.core.base.clock import Moment


class SystemClock:
    """This machine's clocks."""

    def now(self) -> Moment:
        return Moment(time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000)


class SystemEntropy:
    """The kernel's randomness."""

    def random_bytes(self, length: int) -> bytes:
        return os.urandom(length)

    def fraction(self) -> float:
        return random.random()
