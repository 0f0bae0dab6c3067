"""What there is, each in a line: scenarios, kinds of faults, checkers. Read off the code, so it is all there is."""

from __future__ import annotations

from functools import partial

from simulations.faults import LINES, MACHINES, OF_IDENTITY, Begin
from simulations.observer import CHECKERS
from simulations.scenario import scenario, scenario_names

TO_FRAMES = {
    "slow-line": "Frames on the ways to and from these machines take up to seconds.",
    "drop": "Frames on the ways to and from these machines vanish, and the connection stays.",
    "duplicate": "Frames arrive twice.",
    "reorder": "Frames overtake one another.",
    "truncate": "Frames arrive without their end.",
    "corrupt": "Frames arrive with a bit flipped.",
    "oversize": "A frame arrives that is larger than any may be.",
}
"""What one function does in seven ways."""

IN_RUN = {
    "Liveness": "After healing all machines hold the same entries in time, first those of the core, then all.",
    "Process": "No process ends but by a fault, and no exception stays unseen.",
    "Stuck": "Something can always happen, and nothing spins while time stands still.",
    "Broken": "No node finds one of its own assertions broken.",
    "Simulator": "The simulator itself does not break.",
}
"""What the run itself demands, besides the checkers."""

GROUPS = {
    "between machines": LINES,
    "at a machine": MACHINES,
    "disks that went back in time or belong to another (scenarios only; no guarantee covers them yet)": OF_IDENTITY,
}


def scenarios() -> dict[str, str]:
    """The kept scenarios, by name, with what they are about."""
    return {name: scenario(name).about for name in scenario_names()}


def faults() -> dict[str, dict[str, str]]:
    """The kinds of faults, by group and name."""
    return {group: {kind: _line_of(kind, begin) for kind, begin in kinds.items()} for group, kinds in GROUPS.items()}


def checkers() -> dict[str, str]:
    """What can find a violation, by name."""
    return {**{checker.__name__: _first_line(checker.__doc__) for checker in CHECKERS}, **IN_RUN}


def first_sentence(text: str) -> str:
    """The sentence that stands for a paragraph in a list."""
    return " ".join(text.split()).partition(". ")[0].rstrip(".") + "."


def _line_of(kind: str, begin: Begin) -> str:
    return TO_FRAMES.get(kind) or _first_line(begin.func.__doc__ if isinstance(begin, partial) else begin.__doc__)


def _first_line(docstring: str | None) -> str:
    return (docstring or "").strip().partition("\n")[0]
