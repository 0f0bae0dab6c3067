"""Who may import whom, read off the source.

Top-level packages import by `MAY_IMPORT`, rooms within them by `ORDERS` of `tests/imports.py`.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import partial

import pytest

from tests.imports import (
    DRAWN,
    ORDERS,
    PACKAGES,
    PAGE,
    ROOT,
    SOURCES,
    Graph,
    against_order,
    all_circles,
    circles,
    is_under,
    module_graph,
    parsed,
    picture,
    read_sources,
    room_graph,
    shown_picture,
    summary,
    with_picture,
)
from tests.imports import imports as imports_among

MAY_IMPORT = {
    "replica.core": ("replica.core",),
    "replica.version": (),
    "replica.runtime": ("replica.core", "replica.runtime", "replica.version"),
    "console": ("console",),
    "edge_node": ("edge_node", "console", "replica"),
    "hub": ("hub", "console", "replica"),
    "simulations": ("simulations", "edge_node", "hub", "replica"),
    "simulations.reference": ("simulations.reference",),
    "shelfsync": ("shelfsync", "console", "edge_node", "hub", "replica"),
    "benchmarks": ("benchmarks", "shelfsync", "edge_node", "hub", "replica"),
}
"""Which of our packages each of them may import. The longest name counts. Tests may import all.

The reference model imports nothing of the node that it is compared with.
"""

ADAPTERS = ("sqlite3", "aiosqlite", "asyncpg", "aiohttp", "uvloop", "nats")
"""What a simulation replaces, and so must never reach."""

FULL_STACK = "simulations.full_stack"
"""The one simulation that runs the adapters themselves; see docs/decisions/0009."""

LOADER = "simulations.outcome"
"""The one module that loads it, and only for a plan that asks for it."""

MODULES = module_graph(SOURCES)

imports = partial(imports_among, known=SOURCES)


def wrong_imports(module: str, source: str) -> list[str]:
    """Imports of ours that the module's package may not make."""
    packages = [package for package in MAY_IMPORT if is_under(module, package)]
    allowed = MAY_IMPORT[max(packages, key=len)] if packages else ("replica",)
    ours = [name for name in imports(module, source) if name.partition(".")[0] in (*PACKAGES, "tests")]
    wrong = [name for name in ours if name != "replica" and not any(is_under(name, package) for package in allowed)]
    return [f"{module} imports {name}" for name in wrong]


def names_of_simulations(source: str) -> list[str]:
    """Strings that name a module of the simulations, as a table of lazily loaded commands does."""
    strings = [node.value for node in ast.walk(parsed(source)) if isinstance(node, ast.Constant)]
    return [text for text in strings if isinstance(text, str) and re.match(r"simulations(\.[\w.]+)?(:\w+)?$", text)]


def reached(module: str, known: dict[str, str]) -> list[str]:
    """All that a module imports, and what those of ours import, and so on."""
    seen: dict[str, None] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen[name] = None
        if name in known:
            waiting += imports_among(name, known[name], known)
            waiting += [name.rpartition(".")[0]] if "." in name else []
    return list(seen)


def adapters_reached(module: str, known: dict[str, str]) -> list[str]:
    """Adapters that a module reaches, directly or through others."""
    return [name for name in reached(module, known) if name.partition(".")[0] in ADAPTERS]


# ---------------------------------------------------------------------------------------------------------------------
# import directions


def test_the_source_was_found() -> None:
    for module in (
        "replica.core.sync.session",
        "replica.runtime.driver",
        "edge_node.assembly",
        "hub.assembly",
        "simulations",
    ):
        assert module in SOURCES


def test_imports_run_one_way() -> None:
    assert [wrong for module, source in SOURCES.items() for wrong in wrong_imports(module, source)] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("replica.core.sync.session", "from replica.runtime.driver import Driver"),
        ("replica.core.sync.session", "def late():\n    import replica.runtime.driver"),
        ("replica.core.sync.session", "from ...runtime import driver"),
        ("replica.core.sync.session", "from replica import runtime"),
        ("replica.runtime.driver", "import edge_node.api"),
        ("replica.runtime.driver", "from hub import assembly"),
        ("replica.runtime.driver", "import simulations"),
        ("replica.runtime.driver", "import tests.core.chain"),
        ("edge_node.api", "from hub.availability import locations_with"),
        ("edge_node.api", "import simulations.journal"),
        ("hub.api", "from edge_node.admission import admit_hub"),
        ("hub.api", "from shelfsync.chain import Chain"),
        ("simulations.journal", "from shelfsync.proxy import Proxy"),
        ("simulations.reference.node", "from replica.core.log.entry import Entry"),
        ("simulations.reference.node", "from simulations.history import History"),
        ("shelfsync.demo", "import simulations"),
        ("shelfsync.demo", "from benchmarks import load"),
        ("benchmarks.load", "from simulations.journal import SimulatedJournal"),
    ],
)
def test_an_import_the_wrong_way_is_caught(module: str, source: str) -> None:
    assert wrong_imports(module, source) != []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("replica.core.sync.session", "from replica.core.sync.wire import Hello"),
        ("replica.runtime.driver", "from replica.core import session\nfrom replica.version import VERSION"),
        ("edge_node.api", "from edge_node import admission\nfrom replica.runtime import driver"),
        ("simulations.world", "from hub.admission import admit_peer\nfrom replica.runtime.ports import Clock"),
    ],
)
def test_an_import_the_right_way_passes(module: str, source: str) -> None:
    assert wrong_imports(module, source) == []


# ---------------------------------------------------------------------------------------------------------------------
# rooms


def with_source(module: str, source: str) -> Graph:
    """Who imports whom, were there another module, or another source of one."""
    return module_graph({**SOURCES, module: source})


@pytest.mark.parametrize("package", ORDERS)
def test_rooms_import_only_rooms_before_them(package: str) -> None:
    assert against_order(package, MODULES) == []
    assert sum(map(len, room_graph(package, MODULES).values())) > 15


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("replica.core.base.broken", "from replica.core.ledger import cells", "base imports ledger"),
        ("replica.core.ledger.broken", "import replica.core.catalog.skus", "ledger imports catalog"),
        ("replica.core.catalog.broken", "from replica.core.log.entry import Entry", "catalog imports log"),
        ("replica.core.log.broken", "from replica.core.stock import counts", "log imports stock"),
        ("replica.core.stock.broken", "from replica.core.rights.grants import prepare_grant", "stock imports rights"),
        ("replica.core.rights.broken", "from ..orders import order", "rights imports orders"),
        ("replica.core.orders.broken", "import replica.core.planning.costs", "orders imports planning"),
        ("replica.core.planning.costs", "import replica.core.identity.branches", "planning imports identity"),
        ("replica.core.identity.branches", "from replica.core.state.replica import Replica", "identity imports state"),
        ("replica.core.state.broken", "def late():\n    from replica.core.sync import session", "state imports sync"),
        ("replica.core.misplaced", "", "misplaced has no place"),
        ("replica.runtime.ports", "from replica.runtime.driver import Driver", "ports imports driver"),
        ("replica.runtime.world", "import replica.runtime.configuration", "world imports configuration"),
        ("replica.runtime.logs", "from replica.runtime import configuration", "logs imports configuration"),
        ("replica.runtime.journal.broken", "from replica.runtime.driver import Driver", "journal imports driver"),
        ("replica.runtime.driver", "from replica.runtime.journal.data import open_data", "driver imports journal"),
        ("replica.runtime.driver", "from replica.runtime.peering import link", "driver imports peering"),
        ("replica.runtime.peering.broken", "from replica.runtime import background", "peering imports background"),
        ("replica.runtime.background.broken", "from replica.runtime.node import Node", "background imports node"),
        ("replica.runtime.node", "from replica.runtime.http import answers", "node imports http"),
        ("replica.runtime.http.broken", "def late():\n    import replica.runtime.process", "http imports process"),
        ("replica.runtime.misplaced", "", "misplaced has no place"),
        ("simulations.plan", "from simulations.faults import FAULTS", "plan imports faults"),
        ("simulations.history", "from simulations.checkers.checker import Violation", "history imports checkers"),
        ("simulations.account", "from simulations.report import pages", "account imports report"),
        ("simulations.misplaced", "", "misplaced has no place"),
    ],
)  # fmt: skip
def test_an_import_against_the_order_of_rooms_is_caught(module: str, source: str, found: str) -> None:
    (package,) = [package for package in ORDERS if is_under(module, package)]
    stubs = {"replica.core.planning.costs": "", "replica.core.identity.branches": ""}
    wrong = against_order(package, module_graph({**SOURCES, **stubs, module: source}))
    assert wrong == [f"{package}.{found}"]


def test_nothing_imports_in_a_circle() -> None:
    assert all_circles(module_graph({**SOURCES, **read_sources("tests")})) == []


@pytest.mark.parametrize(
    ("module", "source", "circle"),
    [
        ("replica.core.base.limits", "import replica.core.base.clock", "replica.core.base.clock"),
        ("replica.runtime.http.problems", "from replica.runtime.http.operations import Call", "replica.runtime.http"),
        ("edge_node.pickups", "from edge_node import api", "edge_node.api"),
        ("hub.availability", "def late():\n    import hub.api", "hub.api"),
        ("simulations.history", "from simulations.checkers.checker import Checker", "simulations.checkers"),
        ("simulations.full_stack.worker", "from .disk import StackDisk", "simulations.full_stack.disk"),
        ("simulations.plan", "if TYPE_CHECKING:\n    import simulations.chain", "simulations.chain"),
        ("shelfsync.screen", "from shelfsync.demo import main", "shelfsync.demo"),
        ("benchmarks.measure", "import benchmarks.load", "benchmarks.load"),
        ("tests.imports", "import tests.test_architecture", "tests.test_architecture"),
    ],
)
def test_a_circle_is_caught(module: str, source: str, circle: str) -> None:
    graph = module_graph({**SOURCES, **read_sources("tests"), module: source})
    assert any(is_under(name, circle) for found in all_circles(graph) for name in found)


def test_a_circle_of_rooms_without_a_circle_of_modules_is_caught() -> None:
    sources = {"a.one.x": "import a.two.x", "a.two.x": "", "a.two.y": "import a.one.y", "a.one.y": ""}
    assert circles(module_graph(sources)) == []
    assert all_circles(module_graph(sources)) == [["a.one", "a.two"]]


# ---------------------------------------------------------------------------------------------------------------------
# the pictures and the map in ARCHITECTURE.md


@pytest.mark.parametrize("package", DRAWN)
def test_architecture_page_shows_the_rooms_as_they_are(package: str) -> None:
    assert shown_picture(package, PAGE.read_text()) == picture(package, MODULES), "make graph ARGS=--write draws it"


def test_a_picture_changes_with_the_imports() -> None:
    changed = with_source("replica.core.base.broken", "import replica.core.sync.wire")
    assert picture("replica.core", changed) != picture("replica.core", MODULES)
    assert summary("replica.core", MODULES).endswith("0 against the order; circles: 0 of rooms, 0 of modules")
    assert "1 against the order; circles: 1 of rooms, 0 of modules" in summary("replica.core", changed)


def test_a_picture_is_written_in_its_place_and_nowhere_else() -> None:
    page = "before\n<!-- graph: replica/core -->\n<!-- end -->\n<!-- graph: other -->\n<!-- end -->\nafter\n"
    once = with_picture("replica.core", page, "old")
    assert with_picture("replica.core", once, "new") == page.replace("core -->\n", "core -->\nnew\n")


def misnamed(page: str, known: Graph) -> list[str]:
    """Modules that are not listed under the heading of their package, and listed ones that are not there."""
    listed: set[str] = set()
    package = ""
    for line in page.partition("## Where code lives")[2].partition("\n## ")[0].splitlines():
        if line.startswith("#"):
            found = re.search(r"`([\w/]+)/`", line)
            package = found[1].replace("/", ".") if found else ""
        elif row := re.match(r"\| `(\w+)` \|", line):
            listed.add(f"{package}.{row[1]}")
    packages = {name.rpartition(".")[0] for name in known}
    modules = {name for name in known if any(is_under(name, one) for one in DRAWN) and name not in packages}
    return sorted(modules ^ listed)


def test_architecture_page_names_every_module_of_core_and_runtime_and_no_other() -> None:
    assert misnamed(PAGE.read_text(), MODULES) == []


def test_a_module_that_the_page_does_not_name_is_caught() -> None:
    page = PAGE.read_text()
    for module in ("replica.core.stock.pallets", "replica.core.ledger.replica", "replica.runtime.inbox"):
        assert misnamed(page, with_source(module, "")) == [module]
    assert misnamed(page.replace("| `driver` |", "| driver |"), MODULES) == ["replica.runtime.driver"]
    assert misnamed(page.replace("| `driver` |", "| `driver` |\n| `engine` |"), MODULES) == ["replica.runtime.engine"]


def unknown_names(page: str, known: dict[str, str]) -> list[str]:
    """What the table of guarantees names that is not there: code by `module.function` or `Class.method`, and tests."""
    table = page.partition("## Guarantees")[2].partition("\n### ")[0]
    defined = {name.rpartition(".")[2] for name in known}
    for module, source in known.items():
        last = module.rpartition(".")[2]
        for node in parsed(source).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                defined |= {node.name, f"{last}.{node.name}"}
            if isinstance(node, ast.ClassDef):
                methods = [one.name for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
                defined |= {f"{node.name}.{method}" for method in methods}
                defined |= {f"{last}.{method}" for method in methods}
    unknown = []
    for row in re.findall(r"^\| \d+ \|(.*)\|$", table, re.MULTILINE):
        _, kept_by, tests, _ = row.split(" | ")
        unknown += [name for name in re.findall(r"`([\w.]+)`", kept_by) if name not in defined]
        unknown += [path for path in re.findall(r"`(tests/[\w/.]+)`", tests) if not (ROOT / path).exists()]
    return unknown


def test_table_of_guarantees_names_code_and_tests_that_are_there() -> None:
    page = PAGE.read_text()
    assert unknown_names(page, SOURCES) == []
    assert unknown_names(page.replace("`decisions.execute`", "`Replica.execute`"), SOURCES) == ["Replica.execute"]
    assert unknown_names(page.replace("/test_model.py", "/test_gone.py", 1), SOURCES) == [
        "tests/core/state/test_gone.py"
    ]


# ---------------------------------------------------------------------------------------------------------------------
# the simulations


def test_only_the_table_of_commands_names_the_simulations() -> None:
    naming = [module for module, source in SOURCES.items() if names_of_simulations(source)]
    assert [name for name in naming if not is_under(name, "simulations") and name != "shelfsync.__main__"] == []


def test_a_name_of_the_simulations_in_a_string_is_caught() -> None:
    assert names_of_simulations('import_module("simulations.__main__")') == ["simulations.__main__"]
    assert names_of_simulations('TABLE = {"simulate": "simulations.__main__:simulate"}') != []
    assert names_of_simulations('"""Runs under simulations too."""') == []


def test_simulations_reach_no_adapter() -> None:
    modules = [module for module in SOURCES if is_under(module, "simulations") and not is_under(module, FULL_STACK)]
    known = {module: source for module, source in SOURCES.items() if not is_under(module, FULL_STACK)}
    assert {module: adapters_reached(module, known) for module in modules} == {module: [] for module in modules}


def importers(package: str, known: dict[str, str]) -> list[str]:
    """Modules outside a package that import anything of it."""
    return [
        module
        for module, source in known.items()
        if not is_under(module, package)
        and any(is_under(name, package) for name in imports_among(module, source, known))
    ]


def test_one_module_imports_the_simulation_that_reaches_adapters() -> None:
    assert adapters_reached(f"{FULL_STACK}.run", SOURCES) != []
    assert importers(FULL_STACK, SOURCES) == [LOADER]


def test_a_plan_without_whole_nodes_loads_no_adapter() -> None:
    play = (
        "import sys; from simulations.outcome import play_out; from simulations.profiles import PROFILES;"
        "play_out(PROFILES['quiet'](1)); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", play], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert f"{LOADER} " in loaded
    assert [name for name in loaded.split() if name in ADAPTERS or is_under(name, FULL_STACK)] == []


@pytest.mark.parametrize("source", ["from simulations.full_stack import run", "import simulations.full_stack.loop"])
def test_an_import_of_the_simulation_that_reaches_adapters_is_caught(source: str) -> None:
    assert importers(FULL_STACK, {**SOURCES, "simulations.broken": source}) == [LOADER, "simulations.broken"]


@pytest.mark.parametrize("source", ["import aiohttp", "def late():\n    import sqlite3", "from hub import api"])
def test_a_simulation_that_reaches_an_adapter_is_caught(source: str) -> None:
    assert adapters_reached("simulations.broken", {**SOURCES, "simulations.broken": source}) != []
