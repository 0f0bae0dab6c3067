"""All scenarios, faults, checkers and knobs, each with one line. Read from the code, so the lists are complete."""

from __future__ import annotations

from functools import partial

from simulations.faults import LINES, MACHINES, OF_IDENTITY, Begin
from simulations.knobs import KNOBS
from simulations.observer import CHECKERS
from simulations.scenario import scenario, scenario_names

TO_FRAMES = {
    "slow-line": "Frames to and from these machines take up to seconds.",
    "drop": "Frames to and from these machines are lost, but the connection stays.",
    "duplicate": "Frames arrive twice.",
    "reorder": "Frames overtake one another.",
    "truncate": "Frames arrive truncated.",
    "corrupt": "Frames arrive with a bit flipped.",
    "oversize": "A frame above the size limit arrives.",
}
"""The seven kinds that one function implements."""

IN_RUN = {
    "Liveness": "After healing, machines agree on their entries in time: first the core, then all.",
    "Checkpoint": "At each start, the state that a node loads is the fold of its entries, with the last clock.",
    "Process": "No process ends except by a fault, and every exception is received.",
    "Stuck": "Some task or timer can always run, and no host spins while time stands still.",
    "Broken": "No assertion of a node fails.",
    "Simulator": "The simulator raises no exception.",
}
"""What the run itself checks, besides the checkers."""

GROUPS = {
    "between machines": LINES,
    "at a machine": MACHINES,
    "disks from the past or of another machine (scenarios only, because no guarantee covers them yet)": OF_IDENTITY,
}


def scenarios() -> dict[str, str]:
    """The descriptions of the stored scenarios, by name."""
    return {name: scenario(name).about for name in scenario_names()}


def faults() -> dict[str, dict[str, str]]:
    """The descriptions of the kinds of faults, by group and name."""
    return {group: {kind: _line_of(kind, begin) for kind, begin in kinds.items()} for group, kinds in GROUPS.items()}


def checkers() -> dict[str, str]:
    """The descriptions of everything that can find a violation, by name."""
    return {**{checker.__name__: _first_line(checker.__doc__) for checker in CHECKERS}, **IN_RUN}


def knobs() -> dict[str, str]:
    """The descriptions of all knobs with their values and defaults, by name."""
    return {name: f"{knob.about} {knob.range}" for name, knob in KNOBS.items()}


def first_sentence(text: str) -> str:
    """The first sentence of a paragraph, for lists."""
    return " ".join(text.split()).partition(". ")[0].rstrip(".") + "."


def _line_of(kind: str, begin: Begin) -> str:
    return TO_FRAMES.get(kind) or _first_line(begin.func.__doc__ if isinstance(begin, partial) else begin.__doc__)


def _first_line(docstring: str | None) -> str:
    return (docstring or "").strip().partition("\n")[0]
