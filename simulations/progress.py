"""Progress: a bar on a terminal, or a line every few seconds in other output."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from simulations.account import duration, say

LINE_S = 5.0
"""Minimum time between two lines."""

REDRAW_S = 0.1
"""Minimum time between two updates of the bar."""


class Meter:
    """The progress of one long task. Use it as a context. Other output can go to the console as usual."""

    def __init__(self, to: Console) -> None:
        self._console = to
        self._began_s = time.monotonic()
        self._least_s = REDRAW_S if to.is_terminal else LINE_S
        self._next_s = self._began_s + (0.0 if to.is_terminal else LINE_S)
        self._bar = Progress(
            SpinnerColumn(), BarColumn(24), TextColumn("{task.description}"), console=to, transient=True
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Meter:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    @property
    def elapsed_s(self) -> float:
        """Wall time since the beginning."""
        return time.monotonic() - self._began_s

    def show(self, done: float, total: float, text: str) -> None:
        """Show the progress, unless it was shown a moment ago."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + self._least_s
        if self._console.is_terminal:
            self._bar.update(self._task, completed=min(done, total), total=total, description=text)
        else:
            say(self._console, f"  {text}")

    def left(self, done: float, total: float) -> str:
        """Estimate how long the rest takes."""
        return f"{duration(self.elapsed_s / done * max(0.0, total - done))} left" if done else "…"
