"""The report: complete pages without outside references, with lanes, stock, violation and replay."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from simulations.__main__ import simulate
from simulations.checkers.floor import FloorChecker
from simulations.faults import FAULTS, OF_IDENTITY
from simulations.outcome import Outcome, play_out
from simulations.plan import Fault, Plan, Trade
from simulations.report.drawing import TOKENS
from simulations.report.lanes import FAMILIES, Span, lanes, links, panels
from simulations.report.pages import Pages
from simulations.scenario import Scenario, read_scenario, write_scenario

CUT = Plan(
    seed=3,
    seconds=40.0,
    stores=("store-1", "store-2"),
    trade=Trade(clients=1, items=1, think_ms=400.0),
    faults=(
        Fault(kind="isolate", at_s=5.0, for_s=25.0, who=("store-1",)),
        Fault(kind="kill", at_s=8.0, for_s=4.0, who=("store-2",)),
        Fault(kind="pause", at_s=14.0, for_s=3.0, who=("store-2",)),
        Fault(kind="ring", at_s=20.0, for_s=2.0),
    ),
)

ROOT = Path(__file__).parents[2]

VOID = ("meta", "link", "br", "input", "img", "hr")


class Checked(HTMLParser):
    """Reads a page, and fails if an element is not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return play_out(CUT, watches=True)


@pytest.fixture(scope="module")
def page(outcome: Outcome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Pages(tmp_path_factory.mktemp("report"), "shelfsync simulate").write("cut", "scenario cut", outcome)


def test_watching_does_not_change_the_trace(outcome: Outcome) -> None:
    assert play_out(CUT).digest == outcome.digest


def test_every_kind_of_fault_has_a_family() -> None:
    assert sorted(kind for kinds in FAMILIES.values() for kind in kinds) == sorted({**FAULTS, **OF_IDENTITY})


def test_lanes_show_when_machines_served_and_their_faults(outcome: Outcome) -> None:
    by_name = {lane.name: lane for lane in lanes(outcome)}
    assert list(by_name) == ["chain", "hub-east", "hub-west", "store-1", "store-2"]
    assert [bar.kind for bar in by_name["chain"].bars] == ["ring"]
    assert [(bar.kind, bar.span) for bar in by_name["store-1"].bars] == [("isolate", Span(5.0, 30.0))]
    before, after = by_name["store-2"].serving
    assert before.to_s == 8.0
    assert 12.0 <= after.from_s < 12.5
    assert by_name["store-2"].paused == [Span(14.0, 17.0)]


def test_links_end_when_a_store_is_cut_off_and_return(outcome: Outcome) -> None:
    of_store = [span for (one, _), spans in links(outcome).items() if one == "store-1" for span in spans]
    assert not any(span.from_s < 25.0 < span.to_s for span in of_store)
    assert any(span.from_s < 5.0 for span in of_store)
    assert any(span.from_s >= 30.0 for span in of_store)


def test_stock_of_a_disconnected_store_diverges_and_converges(outcome: Outcome) -> None:
    panel = panels(outcome)[0]
    assert panel.location == "store-1"
    assert panel.apart_s > 10.0
    assert {line.machine for line in panel.lines} == {"hub-east", "hub-west", "store-1"}
    assert len({line.units[-1] for line in panel.lines}) == 1


def test_a_page_is_complete_and_has_no_outside_references(page: Path) -> None:
    for path in (page, page.parent / "index.html"):
        text = path.read_text()
        assert not re.search(r"https?:|//[a-z]", text)
        checked = Checked(text)
        assert all(address.startswith("#") or (page.parent / address).exists() for address in checked.addresses)
    assert "svg" in Checked(page.read_text()).tags


def test_a_page_has_the_colours_of_the_consoles_and_names_no_other_token(page: Path) -> None:
    tokens = (ROOT / "console" / "static" / "look" / "tokens.css").read_text()
    for path in (page, page.parent / "index.html"):
        text = path.read_text()
        assert tokens in text
        assert set(re.findall(r"var\((--[\w-]+)\)", text)) <= set(re.findall(r"(--[\w-]+):", text))


def test_every_colour_of_the_picture_that_depends_on_light_and_dark_is_a_token(page: Path) -> None:
    picture = page.read_text().partition('<svg class="picture"')[2].partition("</svg>")[0]
    assert "var(--pico-color)" in picture
    assert [colour for colour in TOKENS if re.search(f'{colour}[;"]', picture)] == []


def test_a_page_shows_plan_counters_steps_and_replay(page: Path, outcome: Outcome) -> None:
    text = page.read_text()
    for expected in ("scenario cut", "all is well", "isolate", "acknowledged", outcome.digest, "healed: hub-east"):
        assert expected in text
    assert f"shelfsync simulate --plan {page.parent / 'cut.plan.toml'}" in text
    assert read_scenario(page.parent / "cut.plan.toml").plan == CUT
    assert text.count("<tr>") > len(outcome.steps)


def test_a_violation_is_marked_with_its_time_and_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FloorChecker, "moment", lambda self: self.chain.loop.time() > 9 and self.fail("a <plain> lie"))
    write_scenario(tmp_path / "cut.toml", Scenario(CUT))
    result = CliRunner().invoke(simulate, ["--plan", str(tmp_path / "cut.toml"), "--report", str(tmp_path / "report")])
    assert result.exit_code == 1, result.output
    text = (tmp_path / "report" / "cut.html").read_text()
    for expected in ("FloorChecker violated", "invariant 4", "at 9.500 s", "a &lt;plain&gt; lie"):
        assert expected in text
    Checked(text)
    assert "cut-shrunk.html" in (tmp_path / "report" / "index.html").read_text()


def test_the_list_keeps_runs_of_earlier_commands(page: Path, outcome: Outcome) -> None:
    Pages(page.parent, "shelfsync simulate").write("again", "seed 3", outcome)
    index = (page.parent / "index.html").read_text()
    assert "cut.html" in index
    assert "again.html" in index


def test_a_report_without_its_libraries_is_one_line_of_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Mapping[str, Any]) -> Any:
        if name.startswith("simulations.report"):
            raise ImportError("there is no jinja2", name="jinja2")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    result = CliRunner().invoke(simulate, ["--seed", "8", "--report", str(tmp_path)])
    assert result.exit_code == 2
    assert "Error: --report needs jinja2: pip install 'shelfsync[simulations]'" in result.output
