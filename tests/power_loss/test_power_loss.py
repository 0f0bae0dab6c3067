"""No power loss, kill, failed sync or full disk loses an acknowledged batch; the trials catch each flaw.

Run more trials with `python -m tests.power_loss --help`.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest

from tests.components import skip_without
from tests.power_loss.flaws import FLAWS
from tests.power_loss.runner import Report, describe, run_chunk, run_spread, run_trials
from tests.power_loss.sqlite_tables import SqliteHidden, loaded_sqlite

SEEDS = range(2_000)
PROCESSES = 2
SEEDS_TO_CATCH_A_FLAW = 500

try:
    loaded_sqlite()
except SqliteHidden as error:
    skip_without("a Python that exports the functions of its SQLite", str(error))


@pytest.fixture(scope="module")
def report() -> Report:
    return run_spread(SEEDS, PROCESSES)


@pytest.mark.timeout(300)
def test_no_acknowledged_batch_is_lost_in_two_thousand_trials(report: Report) -> None:
    assert report.trials == len(SEEDS)
    assert not report.violations, "\n".join(map(describe, report.violations[:5]))


@pytest.mark.parametrize(
    "event",
    [
        "cut in opening",
        "cut in migration",
        "cut in making the log durable",
        "cut in commit",
        "cut in checkpoint",
        "cut in closing",
        "sectors kept",
        "sectors lost",
        "sectors torn",
        "files grown without their bytes",
        "power loss: batch in flight survived",
        "power loss: batch in flight vanished",
        "kill: batch in flight survived",
        "kill: batch in flight vanished",
        "syncs failed",
        "failed sync: batch in flight survived",
        "failed sync: batch in flight vanished",
        "writes without space",
        "full disk: batch in flight vanished",
    ],
)
@pytest.mark.timeout(300)
def test_trials_reach_the_event(event: str, report: Report) -> None:
    assert report.events[event] >= 10


@pytest.mark.timeout(300)
def test_batch_refused_by_a_full_disk_is_never_in_the_journal(report: Report) -> None:
    assert report.events["full disk: batch in flight survived"] == 0


@pytest.mark.parametrize("flaw", FLAWS)
def test_trials_catch_the_flaw(flaw: str) -> None:
    for first in range(0, SEEDS_TO_CATCH_A_FLAW, 10):
        if run_chunk(range(first, first + 10), flaw).violations:
            return
    pytest.fail(f"{SEEDS_TO_CATCH_A_FLAW} trials did not catch {flaw}")


def test_same_seed_has_the_same_story_with_threads_and_without() -> None:
    inline, threaded = run_trials(range(10)), run_trials(range(10), has_threads=True)
    assert [(one.story, one.events) for one in inline] == [(one.story, one.events) for one in threaded]


def test_sqlite_uses_real_files_again_after_a_trial(tmp_path: os.PathLike[str]) -> None:
    run_trials(range(1))
    path = os.path.join(tmp_path, "real.sqlite")
    sqlite3.connect(path).execute("CREATE TABLE t (a)").connection.close()
    assert os.path.getsize(path) > 0


def test_command_prints_the_seed_and_exits_with_1_after_a_violation() -> None:
    command = [sys.executable, "-m", "tests.power_loss", "--processes", "1", "--seeds"]
    sound = subprocess.run([*command, "0..1"], capture_output=True, text=True, check=False)
    assert (sound.returncode, "2 trials, 0 violations" in sound.stdout) == (0, True)
    broken = subprocess.run([*command, "0", "--flaw", "lying-disk"], capture_output=True, text=True, check=False)
    assert broken.returncode == 1
    assert "python -m tests.power_loss --seeds 0 --flaw lying-disk" in broken.stdout
