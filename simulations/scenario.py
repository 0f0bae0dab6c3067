"""Plans in files: named scenarios, and shrunk failures.

A file is TOML or JSON, with `about`, `expects` and the plan. A shrunk failure has the same form, so it becomes a
scenario when you move it to `simulations/scenarios/`.
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
from simulations.knobs import check_setting
from simulations.observer import CHECKERS
from simulations.plan import Fault, Plan, Trade
from simulations.workloads.catalogue import WORKLOADS

DIRECTORY = Path(__file__).parent / "scenarios"

NOTHING = "nothing"
"""In `expects`: every guarantee holds."""

BESIDES = ("Liveness", "Checkpoint", "Process", "Broken", "Stuck", "Simulator")
"""Names of violations that the run, the loop and the simulator find, not the checkers."""

WHO_MIN = {"swap": 2, "clone": 1, "restore": 1, "wipe": 1}
"""The minimum number of machines of a kind of fault."""

STRENGTH_MAX = 1.0


class Unusable(Exception):
    """A file has no plan that can be played. The text says where and why."""


class Scenario(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A plan, its description, and the checkers that may find a violation."""

    plan: Plan
    about: str = ""
    expects: tuple[str, ...] = (NOTHING,)

    @property
    def is_record(self) -> bool:
        """Whether it records present behaviour that no guarantee covers."""
        return self.expects != (NOTHING,)

    def is_as_expected(self, found: Collection[str]) -> bool:
        """Whether the scenario permits violations by these checkers."""
        return all(checker in self.expects for checker in found or (NOTHING,))


def scenario_names() -> list[str]:
    """The names of all scenarios, in order."""
    return sorted(path.stem for path in DIRECTORY.glob("*.toml"))


def scenario(name: str) -> Scenario:
    """Read a scenario by name. Raises Unusable."""
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
    except (ValueError, Invalid) as error:  # not text, not TOML, not a plan, or an invalid one
        raise Unusable(f"{path}: {error}") from None
    known = {*(checker.__name__ for checker in CHECKERS), *BESIDES, NOTHING}
    unknown = [name for name in found.expects if name not in known]
    if unknown:
        raise Unusable(f"{path}: there is no checker {unknown[0]!r}. Use one of {', '.join(sorted(known))}")
    return found


def write_scenario(path: Path, stored: Scenario) -> None:
    """Write a plan that people can edit and `--plan` can play."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_toml(stored))


def check_plan(plan: Plan) -> None:
    """Raise ValueError (for a name: Invalid) if a plan cannot be played."""
    names = [*(name for name, _ in plan.hubs), *plan.stores]
    for name in (*names, plan.warehouse, *(region for _, region in plan.hubs)):
        check_name(name, "name")
    if len(set(names)) != len(names):
        raise ValueError("two machines have the same name")
    if not plan.hubs:
        raise ValueError("there is no hub")
    for field, mentioned in (("core", plan.core), ("newer", plan.newer)):
        _check_known(field, mentioned, names)
    if not plan.seconds > 0 or not plan.look_s > 0:
        raise ValueError("seconds and look_s must be greater than 0")
    _check_trade(plan.trade)
    if plan.full_stack:
        _check_full_stack(plan)
    for setting in plan.knobs:
        check_setting(setting)
    for index, fault in enumerate(plan.faults, 1):
        _check_fault(f"fault {index}", fault, names)


def _check_trade(trade: Trade) -> None:
    least = min(trade.clients, trade.opening, trade.patience, trade.orders)
    if least < 0 or min(trade.items, trade.quantity, trade.flood_asks) < 1:
        raise ValueError("trade: items, quantity and flood_asks must be at least 1, and no value may be below 0")
    if not (trade.think_ms > 0 and trade.timeout_ms > 0):
        raise ValueError("think_ms and timeout_ms must be greater than 0")
    for field in ("hot", "refuse", "repeat", "theft", "failover", "doubled_lines"):
        if not 0 <= getattr(trade, field) <= 1:
            raise ValueError(f"{field} must be from 0 to 1")
    for name in trade.workloads:
        if name not in WORKLOADS:
            raise ValueError(f"there is no workload {name!r}. Use one of {', '.join(WORKLOADS)}")


def _check_full_stack(plan: Plan) -> None:
    if plan.trade.floods or plan.trade.list_bytes:
        raise ValueError("whole nodes take neither floods nor list_bytes: HTTP bounds batches and documents")
    for fault in plan.faults:
        if fault.kind in OF_IDENTITY:
            raise ValueError(f"whole nodes have no {fault.kind}: their disks are directories of their own")


def _check_fault(where: str, fault: Fault, names: list[str]) -> None:
    kinds = {**FAULTS, **OF_IDENTITY}
    if fault.kind not in kinds:
        raise ValueError(f"{where}: there is no kind {fault.kind!r}. Use one of {', '.join(kinds)}")
    _check_known(where, fault.who, names)
    if len(fault.who) < WHO_MIN.get(fault.kind, 0):
        raise ValueError(f"{where}: {fault.kind} needs {WHO_MIN[fault.kind]} names in who")
    if fault.at_s < 0 or fault.for_s < 0 or not 0 <= fault.strength <= STRENGTH_MAX:
        raise ValueError(f"{where}: at_s and for_s must be at least 0, strength from 0 to {STRENGTH_MAX:g}")


def _check_known(where: str, mentioned: tuple[str, ...], names: list[str]) -> None:
    unknown = [name for name in mentioned if name not in names]
    if unknown:
        raise ValueError(f"{where}: there is no machine {unknown[0]!r}")


# TOML, for people ----------------------------------------------------------------------------------------------------


def as_toml(stored: Scenario) -> str:
    """Return a scenario as TOML, with one line for each fault, without default values."""
    built: dict[str, Any] = msgspec.to_builtins(stored)
    plan: dict[str, Any] = built.pop("plan")
    trade: dict[str, Any] = plan.pop("trade", {})
    lines = [f"{key} = {_value(value)}" for key, value in built.items()]
    lines += ["", "[plan]", *(f"{key} = {_value(value)}" for key, value in plan.items())]
    if trade:
        lines += ["", "[plan.trade]", *(f"{key} = {_value(value)}" for key, value in trade.items())]
    return "\n".join(lines).lstrip("\n") + "\n"


def _value(value: object) -> str:
    """TOML writes numbers, texts and lists of them as JSON does."""
    if isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
        return "\n".join(["[", *(f"    {_table(one)}," for one in value), "]"])
    return json.dumps(value, ensure_ascii=False)


def _table(table: Mapping[str, object]) -> str:
    return "{ " + ", ".join(f"{key} = {_value(value)}" for key, value in table.items()) + " }"
