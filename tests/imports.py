"""Who imports whom: reads it off the source, holds it against the stated order, and draws it.

A *room* of a package is a subpackage of it or a module at its root. Where an order is stated, each room imports only
rooms that stand before it; rooms that share a place do not import each other. No rooms of one package, and no modules,
import each other in a circle.

`python -m tests.imports` prints the rooms of `replica/core` and `replica/runtime` as Mermaid pictures, with the number
of arrows against the order and of circles. `--write` puts the pictures into ARCHITECTURE.md.
"""

from __future__ import annotations

import argparse
import ast
import gc
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]

PACKAGES = ("replica", "console", "edge_node", "hub", "simulations", "shelfsync", "benchmarks")
"""What is delivered."""

ORDERS = {
    "replica.core": "base < ledger < catalog < log < stock < rights < orders < planning < identity < state < sync",
    "replica.runtime": (
        "ports < world < time_zones < pricing < logs < configuration < journal | driver"
        " < peering < background < node < http < process"
    ),
    "simulations": (
        "addressed | checkpoints | clock | doubled_lines | figures | hurricane | loop | plan | pn_counter"
        " | stand_ins | reference"
        " < knobs | names < translation | network | journal | next_release | history < parcels < machine < chain"
        " < delivery_faults < faults | checkers | clients < ordering_clients | observer < workloads < draw"
        " < profiles | run | scenario < full_stack < outcome | catalogue | utilisation < account | shrinking | swarm"
        " < progress < failure < series | report < __main__ | mutations | maelstrom_node < explorer"
    ),
}
"""Rooms in order: each imports only those before it. `|` parts rooms that do not import each other."""

DRAWN = ("replica.core", "replica.runtime")
"""Packages whose pictures stand in ARCHITECTURE.md."""

PAGE = ROOT / "ARCHITECTURE.md"

Graph = Mapping[str, Iterable[str]]
"""Who imports whom, by name."""


# ---------------------------------------------------------------------------------------------------------------------
# reading


def read_sources(*packages: str) -> dict[str, str]:
    """Every module of the packages, by its full name, with its source."""
    return {name: source for package in packages for name, source in _modules_of(package)}


def _modules_of(package: str) -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path.read_text()


SOURCES = read_sources(*PACKAGES)
"""Every module of ours."""


def is_under(module: str, package: str) -> bool:
    """Whether a module is a package or inside it."""
    return module == package or module.startswith(f"{package}.")


def parsed(source: str) -> ast.Module:
    """The syntax tree of a source. The collector waits: a finalizer meanwhile breaks the parser of Python 3.11."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        if was_enabled:
            gc.enable()


def imports(module: str, source: str, known: Mapping[str, str]) -> list[str]:
    """Modules that a source imports, wherever in it, by their full names. `known` tells modules from other names."""
    found: list[str] = []
    for base, level, names in _statements(source):
        package = ".".join(module.split(".")[:-level]) if level else ""
        whole = ".".join(part for part in (package, base) if part)
        # `from package import module` imports the module too
        found += [whole, *(f"{whole}.{name}" for name in names if f"{whole}.{name}" in known)]
    return found


@cache
def _statements(source: str) -> list[tuple[str, int, tuple[str, ...]]]:
    """The imports of a source: from where, how many packages up, and what."""
    found: list[tuple[str, int, tuple[str, ...]]] = []
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            found += [(alias.name, 0, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", node.level, tuple(alias.name for alias in node.names)))
    return found


# ---------------------------------------------------------------------------------------------------------------------
# rooms, their order, and circles


def module_graph(known: Mapping[str, str]) -> dict[str, list[str]]:
    """Who imports whom among the known modules."""
    found = {module: imports(module, source, known) for module, source in known.items()}
    return {module: sorted({name for name in names if name in known} - {module}) for module, names in found.items()}


def room_graph(package: str, modules: Graph) -> dict[str, list[str]]:
    """Who imports whom among the rooms of a package, in the stated order if there is one."""
    graph: dict[str, set[str]] = {}
    for module, names in modules.items():
        if (room := room_of(module, package)) is not None:
            rooms = {other for name in names if (other := room_of(name, package)) is not None}
            graph.setdefault(room, set()).update(rooms - {room})
    places = places_of(package)
    ordered = sorted(graph, key=lambda room: (places.get(room, len(places)), room))
    return {room: [other for other in ordered if other in graph[room]] for room in ordered}


def room_of(module: str, package: str) -> str | None:
    """The room of a package that a module is in; None for the package itself, and for modules outside it."""
    return module[len(package) + 1 :].partition(".")[0] if module.startswith(f"{package}.") else None


def places_of(package: str) -> dict[str, int]:
    """The place of each room in the stated order of a package."""
    shelves = ORDERS.get(package, "").split("<")
    return {room.strip(): place for place, shelf in enumerate(shelves) for room in shelf.split("|") if room.strip()}


def against_order(package: str, modules: Graph) -> list[str]:
    """Imports between rooms that the stated order does not allow, and rooms that have no place in it."""
    places, graph = places_of(package), room_graph(package, modules)
    homeless = [f"{package}.{room} has no place" for room in graph if room not in places]
    wrong = [
        f"{package}.{room} imports {other}"
        for room, others in graph.items()
        for other in others
        if room in places and other in places and places[other] >= places[room]
    ]
    return homeless + wrong


def circles(graph: Graph) -> list[list[str]]:
    """Groups of names each of which imports, by way of others, itself."""
    reached = {name: _reached(name, graph) for name in graph}
    found = {name: sorted(other for other in reached[name] if name in reached.get(other, ())) for name in graph}
    return [list(group) for group in sorted({tuple(group) for group in found.values() if group})]


def _reached(name: str, graph: Graph) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph.get(name, ()))
    while waiting:
        if (one := waiting.pop()) not in seen:
            seen.add(one)
            waiting += graph.get(one, ())
    return seen


def all_circles(modules: Graph) -> list[list[str]]:
    """Circles of modules, and of the rooms of any package."""
    paths = [module.split(".") for module in modules]
    packages = sorted({".".join(path[:depth]) for path in paths for depth in range(1, len(path))})
    rooms = [
        [f"{package}.{room}" for room in one] for package in packages for one in circles(room_graph(package, modules))
    ]
    return circles(modules) + rooms


# ---------------------------------------------------------------------------------------------------------------------
# pictures


def picture(package: str, modules: Graph) -> str:
    """The rooms of a package as a Mermaid picture: an arrow runs from who imports to who is imported."""
    lines = ["```mermaid", "flowchart TD"]
    graph = room_graph(package, modules)
    lines += [f"    {room}" for room in reversed(graph)]
    lines += [f"    {room} --> {other}" for room in reversed(graph) for other in reversed(graph[room])]
    return "\n".join([*lines, "```"])


def summary(package: str, modules: Graph) -> str:
    """How many arrows there are between the rooms of a package, and what is wrong with them."""
    graph = room_graph(package, modules)
    inside = {module: names for module, names in modules.items() if is_under(module, package)}
    arrows = sum(map(len, graph.values()))
    return (
        f"{package}: {len(graph)} rooms, {arrows} arrows, {len(against_order(package, modules))} against the order; "
        f"circles: {len(circles(graph))} of rooms, {len(circles(inside))} of modules"
    )


def shown_picture(package: str, page: str) -> str | None:
    """The picture of a package that a page shows between `<!-- graph: path -->` and `<!-- end -->`."""
    found = _place_of_picture(package).search(page)
    return found[2].strip() if found else None


def with_picture(package: str, page: str, drawn: str) -> str:
    """A page with this picture of a package in its place."""
    return _place_of_picture(package).sub(lambda found: f"{found[1]}{drawn}\n{found[3]}", page)


def _place_of_picture(package: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- graph: {package.replace('.', '/')} -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Print what there is to see, or write it."""
    parser = argparse.ArgumentParser(prog="python -m tests.imports", description="Who imports whom.")
    parser.add_argument("--write", action="store_true", help="put the pictures into ARCHITECTURE.md")
    is_writing = parser.parse_args().write
    modules = module_graph(SOURCES)
    for package in DRAWN:
        drawn = picture(package, modules)
        print(summary(package, modules), "" if is_writing else drawn, sep="\n")
        if is_writing:
            PAGE.write_text(with_picture(package, PAGE.read_text(), drawn))


if __name__ == "__main__":
    main()
