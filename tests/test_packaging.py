"""What is installed from a wheel is whole: the image in `docker/` has no checkout to fall back on."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("console", "edge_node", "hub", "replica", "shelfsync", "simulations")
INSTALLED = (".py", ".sql", ".json", ".toml", ".html", ".mjs", ".js", ".css", ".svg", ".txt")


def test_wheel_contains_every_module_and_data_file(tmp_path: Path) -> None:
    source = tmp_path / "source"
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=unwanted)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)),
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")

    built = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    files = [path for package in PACKAGES for path in (source / package).rglob("*") if path.suffix in INSTALLED]
    assert len(files) > 200
    assert built == {path.relative_to(source).as_posix() for path in files}
