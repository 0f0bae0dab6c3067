"""Shared packages do not ask whether the node is a hub or a store: what differs is handed in."""

from __future__ import annotations

import ast

import pytest

from tests.imports import SOURCES, is_under, parsed

SHARED = ("replica.core", "replica.runtime")
"""Packages that both kinds of node run. `edge_node` and `hub` hand in what differs."""

ROLES = "replica.runtime.peering.roles"
"""The one shared module that compares roles: those of peers, as their hello says."""


def is_called_role(node: ast.AST) -> bool:
    """Whether an expression is a name or an attribute such as `role` or `my_role`."""
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return name.split("_")[-1] == "role"


def roles_asked(module: str, source: str) -> list[str]:
    """Where a source asks whether a node is a hub or a store, line by line."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(parsed(source)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                if name.strip("_") in ("is_hub", "is_store"):
                    found.append((node.lineno, f"has {name}"))
            case ast.Compare(left=left, comparators=others) if any(is_called_role(one) for one in (left, *others)):
                found.append((node.lineno, "compares a role"))
            case ast.Match(subject=subject) if is_called_role(subject):
                found.append((node.lineno, "matches a role"))
    return [f"{module}:{line} {what}" for line, what in sorted(found)]


def test_shared_packages_do_not_ask_whether_the_node_is_a_hub_or_a_store() -> None:
    shared = {
        module: source
        for module, source in SOURCES.items()
        if any(is_under(module, package) for package in SHARED) and module != ROLES
    }
    assert len(shared) > 50
    assert [found for module, source in shared.items() for found in roles_asked(module, source)] == []
    assert len(roles_asked(ROLES, SOURCES[ROLES])) == 2


@pytest.mark.parametrize(
    "source",
    [
        "if replica.is_hub:\n    pass",
        "self._is_store = True",
        "def answer(*, is_store: bool) -> None: ...",
        "answer(is_store=True)",
        "if peers.identity.role == 'hub':\n    pass",
        "if 'edge' != hello.role:\n    pass",
        "own = scopes if role == HUB else ()",
        "if node_role in ('hub', 'edge'):\n    pass",
        "match self.role:\n    case 'hub':\n        pass",
    ],
)
def test_a_question_whether_the_node_is_a_hub_or_a_store_is_caught(source: str) -> None:
    assert roles_asked("replica.runtime.broken", source) != []
