"""Plans in files: scenarios that are kept by name, and what a failure was cut down to.

A file is TOML (or the same as JSON): `about`, `expects` and the plan. A shrunk failure is written in the same form, so
it becomes a scenario by being moved to `simulations/scenarios/`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from replica.core.base.errors import Invalid
from replica.core.base.names import check_name
from simulations.faults import FAULTS, OF_IDENTITY
from simulations.observer import CHECKERS
from simulations.plan import Fault, Plan, Trade

DIRECTORY = Path(__file__).parent / "scenarios"

NOTHING = "nothing"
"""Among what a scenario expects: that every guarantee holds."""

BESIDES = ("Liveness", "Process", "Broken", "Stuck", "Simulator")
"""What finds violations besides the checkers: the run, the loop, and the simulator about itself."""

WHO_MIN = {"swap": 2, "clone": 1, "restore": 1, "wipe": 1}
"""Machines that a kind of fault cannot do without."""

STRENGTH_MAX = 1.0


class Unusable(Exception):
    """A file holds no plan that can be played; the text says where and why."""


class Scenario(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A plan, what it tells, and the checkers that may find a violation."""

    plan: Plan
    about: str = ""
    expects: tuple[str, ...] = (NOTHING,)

    @property
    def is_record(self) -> bool:
        """Whether it records what happens where no guarantee holds, rather than demand that all do."""
        return self.expects != (NOTHING,)

    def is_as_expected(self, found: Collection[str]) -> bool:
        """Whether these checkers, and no others, may find violations."""
        return all(checker in self.expects for checker in found or (NOTHING,))


def scenario_names() -> list[str]:
    """Names of the kept scenarios, in order."""
    return sorted(path.stem for path in DIRECTORY.glob("*.toml"))


def scenario(name: str) -> Scenario:
    """Return a kept scenario. Raises Unusable."""
    return read_scenario(DIRECTORY / f"{name}.toml")


def read_scenario(path: Path) -> Scenario:
    """Read a stored plan. Raises Unusable."""
    try:
        text = path.read_text()
        raw = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        found = msgspec.convert(raw, Scenario)
        check_plan(found.plan)
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    except (ValueError, Invalid) as error:  # not text, not TOML, not a plan, or one that cannot be
        raise Unusable(f"{path}: {error}") from None
    known = {*(checker.__name__ for checker in CHECKERS), *BESIDES, NOTHING}
    unknown = [name for name in found.expects if name not in known]
    if unknown:
        raise Unusable(f"{path}: there is no checker {unknown[0]!r}; there are {', '.join(sorted(known))}")
    return found


def write_scenario(path: Path, stored: Scenario) -> None:
    """Write a plan for people to read and edit, and for `--plan` to play."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_toml(stored))


def check_plan(plan: Plan) -> None:
    """Raise ValueError, or Invalid for a name, when a plan cannot be played."""
    names = [*(name for name, _ in plan.hubs), *plan.stores]
    for name in (*names, *(region for _, region in plan.hubs)):
        check_name(name, "name")
    if len(set(names)) != len(names):
        raise ValueError("two machines have the same name")
    if not plan.hubs:
        raise ValueError("there is no hub")
    for field, mentioned in (("core", plan.core), ("newer", plan.newer)):
        _check_known(field, mentioned, names)
    if not plan.seconds > 0 or not plan.look_s > 0:
        raise ValueError("seconds and look_s are more than 0")
    _check_trade(plan.trade)
    for index, fault in enumerate(plan.faults, 1):
        _check_fault(f"fault {index}", fault, names)


def _check_trade(trade: Trade) -> None:
    least = min(trade.clients, trade.opening, trade.patience, trade.orders)
    if least < 0 or trade.items < 1 or trade.quantity < 1:
        raise ValueError("trade has at least 1 item, 1 as the quantity, and nothing below 0")
    if not (trade.think_ms > 0 and trade.timeout_ms > 0):
        raise ValueError("think_ms and timeout_ms are more than 0")
    for field in ("hot", "refuse", "repeat", "theft", "failover"):
        if not 0 <= getattr(trade, field) <= 1:
            raise ValueError(f"{field} is a share, 0 to 1")


def _check_fault(where: str, fault: Fault, names: list[str]) -> None:
    kinds = {**FAULTS, **OF_IDENTITY}
    if fault.kind not in kinds:
        raise ValueError(f"{where}: there is no kind {fault.kind!r}; there are {', '.join(kinds)}")
    _check_known(where, fault.who, names)
    if len(fault.who) < WHO_MIN.get(fault.kind, 0):
        raise ValueError(f"{where}: {fault.kind} needs {WHO_MIN[fault.kind]} in who")
    if fault.at_s < 0 or fault.for_s < 0 or not 0 <= fault.strength <= STRENGTH_MAX:
        raise ValueError(f"{where}: at_s and for_s are 0 or more, strength is 0 to {STRENGTH_MAX:g}")


def _check_known(where: str, mentioned: tuple[str, ...], names: list[str]) -> None:
    unknown = [name for name in mentioned if name not in names]
    if unknown:
        raise ValueError(f"{where}: there is no machine {unknown[0]!r}")


# TOML, for people ----------------------------------------------------------------------------------------------------


def as_toml(stored: Scenario) -> str:
    """Return a scenario as TOML: one fault per line, and only what differs from the defaults."""
    built: dict[str, Any] = msgspec.to_builtins(stored)
    plan: dict[str, Any] = built.pop("plan")
    trade: dict[str, Any] = plan.pop("trade", {})
    lines = [f"{key} = {_value(value)}" for key, value in built.items()]
    lines += ["", "[plan]", *(f"{key} = {_value(value)}" for key, value in plan.items())]
    if trade:
        lines += ["", "[plan.trade]", *(f"{key} = {_value(value)}" for key, value in trade.items())]
    return "\n".join(lines).lstrip("\n") + "\n"


def _value(value: object) -> str:
    """Numbers, texts and lists of them are written in TOML as in JSON."""
    if isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
        return "\n".join(["[", *(f"    {_table(one)}," for one in value), "]"])
    return json.dumps(value, ensure_ascii=False)


def _table(table: Mapping[str, object]) -> str:
    return "{ " + ", ".join(f"{key} = {_value(value)}" for key, value in table.items()) + " }"
