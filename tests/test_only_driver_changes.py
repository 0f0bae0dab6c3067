"""Only the driver changes a replica."""

from __future__ import annotations

import ast

import pytest

from tests.imports import SOURCES, is_under, parsed

DRIVING = ("replica.runtime.driver",)
"""Modules that may change a replica."""

CHANGES = (
    "apply",
    "begin",
    "due",
    "execute",
    "execute_all",
    "execute_requests",
    "keep_orders",
    "learn",
    "learn_location_owners",
    "load",
    "merge",
    "next_correction",
    "observe",
    "put",
    "put_run",
    "record",
    "record_run",
    "remind",
    "remind_of",
    "restore",
    "settled",
    "take",
    "take_batch",
    "take_changes",
    "take_duplicated",
    "take_in",
    "take_lost",
    "take_newly_supplied",
    "write",
)
"""Functions of the core that change a replica, or a part of one."""


def reaches_replica(node: ast.expr, aliases: dict[str, None]) -> bool:
    """Whether an expression is a replica or a part of one: `driver.replica.orders`, or a name that was given one."""
    while True:
        match node:
            case ast.Name(id=name):
                return name == "replica" or name in aliases
            case ast.Attribute(attr=name) if name.strip("_") == "replica":
                return True
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                node = value
            case _:
                return False


def replica_aliases(tree: ast.AST) -> dict[str, None]:
    """Names that a source gives to a replica or to a part of one."""
    aliases: dict[str, None] = {}
    for node in ast.walk(tree):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=True))
            for name, value in pairs:
                if isinstance(name, ast.Name) and reaches_replica(value, aliases):
                    aliases[name.id] = None
    return aliases


def direct_changes(module: str, source: str) -> list[str]:
    """Where a source changes a replica itself, line by line."""
    tree = parsed(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    outside = [one for one in tree.body if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    scopes = [ast.Module(outside, []), *functions]
    found = dict.fromkeys(one for scope in scopes for one in changes_of(scope))
    return [f"{module}:{line} {what}" for line, what in sorted(found)]


def changes_of(scope: ast.AST) -> list[tuple[int, str]]:
    """Where a function changes a replica itself."""
    aliases = replica_aliases(scope)
    found: list[tuple[int, str]] = []
    for node in ast.walk(scope):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in CHANGES and any(
                reaches_replica(argument, aliases) for argument in node.args
            ):
                found.append((node.lineno, f"calls {name}"))
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in CHANGES:
                if any(reaches_replica(one, aliases) for one in (value, *node.args)):
                    found.append((node.lineno, f"calls {name}"))
            case ast.Attribute(value=value) | ast.Subscript(value=value) if not isinstance(node.ctx, ast.Load):
                if reaches_replica(value, aliases):
                    found.append((node.lineno, "assigns to a replica"))
    return found


def test_only_the_driver_changes_a_replica() -> None:
    packages = ("replica.runtime", "edge_node", "hub")
    modules = {
        module: source
        for module, source in SOURCES.items()
        if any(is_under(module, package) for package in packages) and module not in DRIVING
    }
    assert len(modules) > 40
    assert [found for module, source in modules.items() for found in direct_changes(module, source)] == []
    for module in DRIVING:
        assert direct_changes(module, SOURCES[module]) != []


def test_every_function_that_changes_a_replica_is_one_of_the_core() -> None:
    core = [parsed(source) for module, source in SOURCES.items() if is_under(module, "replica.core")]
    defined = [node.name for tree in core for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [name for name in CHANGES if name not in defined] == []


@pytest.mark.parametrize(
    "source",
    [
        "self._driver.replica.learn_location_owners(*met)",
        "names = self._driver.replica.orders.due(now_ms, 32)",
        "self._driver.replica.orders.remind(names)",
        "def look(replica):\n    return replica.merge(runs, 0)",
        "driver.look(lambda replica: replica.execute(command, 0))",
        "driver.look(lambda replica: decisions.execute(replica, command, 0))",
        "orders = replica.orders\norders.remind(names)",
        "node, orders = 'n', self._driver.replica.orders\norders.settled('o-1', 0)",
        "keep_orders(driver.replica, 0, stores={}, hubs=(), limit=1)",
        "replica.order_policy = policy",
        "node.replica.catalog.is_open = False",
        "replica.vectors[scope] = {}",
        "replica.repeated += 1",
        "del replica.heard[scope]",
    ],
)
def test_a_direct_change_of_a_replica_is_caught(source: str) -> None:
    assert direct_changes("replica.runtime.background.broken", source) != []


@pytest.mark.parametrize(
    "source",
    [
        "await self._driver.change(partial(keep_orders, stores=stores, hubs=hubs, limit=32))",
        "self.replica = replica",
        "stock = replica.ledger.stock(location, item)",
        "self._session.merged(number)\nimage = await self._journal.load()",
    ],
)
def test_a_change_through_the_driver_passes(source: str) -> None:
    assert direct_changes("replica.runtime.background.sound", source) == []
