"""A page for each run, and a page that lists them: files that need only a browser."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from simulations import catalogue, failure
from simulations.account import describe_plan, duration
from simulations.faults import FAULTS, OF_IDENTITY
from simulations.outcome import Outcome
from simulations.report.drawing import draw
from simulations.scenario import Scenario, write_scenario

LISTED = "runs.json"
"""The content of the list, for the next command that writes to the same directory."""

TOKENS = "static/look/tokens.css"
"""Fonts, spacing and colours of the consoles. Each page contains them, so that all pages of the product look alike."""


class Listed(Struct, frozen=True):
    """One run in the list."""

    name: str
    origin: str
    found: str
    simulated_s: float
    entries: int
    convergence_s: float


class Pages:
    """Pages in a directory."""

    def __init__(self, directory: Path, command: str) -> None:
        self._directory = directory
        self._command = command
        self._templates = Environment(
            loader=PackageLoader("simulations.report"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["duration"] = duration
        self._templates.globals["tokens"] = Markup(files("console").joinpath(TOKENS).read_text("utf-8"))

    def write(self, name: str, origin: str, outcome: Outcome) -> Path:
        """Write the page and the plan of a run, and add the run to the list. Returns the path of the page."""
        self._directory.mkdir(parents=True, exist_ok=True)
        plan = self._directory / f"{name}.plan.toml"
        write_scenario(plan, Scenario(outcome.plan, about=f"{origin}, at {failure.commit()}"))
        path = self._directory / f"{name}.html"
        kinds = {**FAULTS, **OF_IDENTITY}
        text = self._templates.get_template("run.html").render(
            name=name,
            origin=origin,
            outcome=outcome,
            commit=failure.commit(),
            about=catalogue.checkers().get(outcome.found.checker, "") if outcome.found is not None else "",
            picture=Markup(draw(outcome)),
            plan=list(describe_plan(outcome.plan)),
            faults={kind: count for kind, count in outcome.counts.items() if kind in kinds},
            happened={name: count for name, count in outcome.counts.items() if name not in kinds},
            replay=failure.replay(self._command, plan),
        )
        path.write_text(text)
        self._list(
            Listed(
                name=name,
                origin=origin,
                found=str(outcome.found or ""),
                simulated_s=outcome.simulated_s,
                entries=outcome.entries,
                convergence_s=outcome.convergence_s,
            )
        )
        return path

    def _list(self, listed: Listed) -> None:
        kept = self._directory / LISTED
        runs = msgspec.json.decode(kept.read_bytes(), type=list[Listed]) if kept.exists() else []
        runs = [one for one in runs if one.name != listed.name]
        runs = sorted([*runs, listed], key=lambda one: (not one.found, one.name))
        kept.write_bytes(msgspec.json.format(msgspec.json.encode(runs), indent=1))
        index = self._templates.get_template("index.html").render(runs=runs, commit=failure.commit())
        (self._directory / "index.html").write_text(index)
