"""The picture of a run: lanes, links and stock over one axis of time, as an SVG element without references."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from simulations.outcome import Outcome
from simulations.report.lanes import FAMILIES, Bar, Lane, Panel, Span, healed_s, lanes, links, panels

WIDTH_IN = 12.4
MARGIN_LEFT_IN, MARGIN_RIGHT_IN, MARGIN_TOP_IN, MARGIN_BOTTOM_IN = 1.35, 1.15, 0.42, 0.75
ROW_IN = 0.17
"""Height of a row: the state of a machine, or faults that do not overlap."""

PANEL_IN = 1.35
GAP_IN = 0.34

LETTER_IN = 0.073
"""Width of a letter of a label, rounded up."""

INK, PALE, RED, GREEN = "#1c2622", "#52605a", "#b3261e", "#0b6b57"
SURFACE, STRIPE, LINE, SERVING, LINK = "#ffffff", "#f6f7f5", "#d8ded9", "#bcc2be", "#44524c"
DARK, BRIGHT = "#1c2623", "#fffffe"
"""Letters on bars. They stay as they are in light and dark, because the bars do."""

TOKENS = {
    INK: "--pico-color",
    "#000000": "--pico-color",  # where matplotlib writes without a colour, and the seventh machine
    PALE: "--pico-muted-color",
    RED: "--bad",
    GREEN: "--good",
    SURFACE: "--surface",
    STRIPE: "--pico-background-color",
    LINE: "--line",
    SERVING: "--serving",
    LINK: "--pico-secondary",
}
"""The colours that are different in light and dark. The page defines these tokens (`look/tokens.css`)."""

PAUSED_LOOK: dict[str, Any] = {"facecolor": "#f0e442", "edgecolor": DARK, "linewidth": 0.4}
DOWN_LOOK: dict[str, Any] = {"facecolor": SURFACE, "edgecolor": PALE, "hatch": "/////", "linewidth": 0.4}

FAMILY_COLOURS = dict(
    zip(FAMILIES, ("#e69f00", "#cc79a7", "#d55e00", "#0072b2", "#009e73", "#56b4e9", "#6b7a73"), strict=True)
)
"""The palette of Okabe and Ito and a grey, which people with colour blindness can distinguish."""

MACHINE_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f")
MACHINE_STYLES = ("-", "--", "-.", ":")

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "shelfsync",
    "svg.fonttype": "path",  # labels have the same width with any fonts
    "font.size": 8,
    "font.family": "DejaVu Sans",
}

UNITS = ((172_800.0, 86_400.0, "days"), (7_200.0, 3_600.0, "hours"), (0.0, 1.0, "seconds"))
"""By minimum duration: the length of the unit, and its name."""


class Picture:
    """Draws one run."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._lanes, self._links, self._panels = lanes(outcome), links(outcome), panels(outcome)
        self._scale, self._unit = next((scale, unit) for least, scale, unit in UNITS if outcome.simulated_s >= least)
        self._end = max(outcome.simulated_s, 0.001) / self._scale
        self._letter = LETTER_IN / (WIDTH_IN - MARGIN_LEFT_IN - MARGIN_RIGHT_IN) * self._end

    def draw(self) -> str:
        """Return the picture as an SVG element."""
        rows = [_packed(self._labelled(lane.bars)) for lane in self._lanes]
        heights = [sum(len(packed) + 1.6 for packed in rows) * ROW_IN]
        heights += [max(1, len(self._links)) * ROW_IN] if self._links else []
        heights += [PANEL_IN] * len(self._panels)
        total = sum(heights) + GAP_IN * (len(heights) - 1) + MARGIN_TOP_IN + MARGIN_BOTTOM_IN
        with mpl.rc_context(STYLE):
            figure = Figure(figsize=(WIDTH_IN, total))
            grid = figure.add_gridspec(
                len(heights),
                1,
                height_ratios=heights,
                left=MARGIN_LEFT_IN / WIDTH_IN,
                right=1 - MARGIN_RIGHT_IN / WIDTH_IN,
                top=1 - MARGIN_TOP_IN / total,
                bottom=MARGIN_BOTTOM_IN / total,
                hspace=GAP_IN * len(heights) / sum(heights),
            )
            axes = [figure.add_subplot(grid[index]) for index in range(len(heights))]
            self._draw_lanes(axes[0], rows)
            if self._links:
                self._draw_links(axes[1])
            for panel, one in zip(self._panels, axes[len(axes) - len(self._panels) :], strict=True):
                self._draw_panel(one, panel)
            self._finish(figure, axes, total)
            return _as_element(figure)

    # lanes -------------------------------------------------------------------------------------------------------

    def _labelled(self, bars: Sequence[Bar]) -> list[tuple[float, float, Bar]]:
        """Bars with the space for them and their labels."""
        made = []
        for bar in bars:
            start, end = self._scaled(bar.span)
            width = self._letter * (len(bar.kind) + 1.5)
            if end - start < width:  # the label is beside the bar, on the side with space
                start, end = (start, end + width) if end + width <= self._end else (start - width, end)
            made.append((start, end, bar))
        return made

    def _draw_lanes(self, axes: Axes, rows: list[list[list[tuple[float, float, Bar]]]]) -> None:
        top, ticks = 0.0, []
        for index, (lane, packed) in enumerate(zip(self._lanes, rows, strict=True)):
            height = len(packed) + 1.6
            if index % 2 == 0:
                axes.axhspan(top, top + height, color=STRIPE, zorder=0)
            ticks.append((top + height / 2, lane.name))
            self._draw_state(axes, lane, top + 0.3)
            for row, bars in enumerate(packed):
                for start, end, bar in bars:
                    self._draw_bar(axes, bar, top + 1.3 + row, (start, end))
            top += height
        axes.set_ylim(top, 0)
        axes.set_yticks([at for at, _ in ticks], [name for _, name in ticks])

    def _draw_state(self, axes: Axes, lane: Lane, top: float) -> None:
        if not lane.is_machine:
            return
        axes.broken_barh([(0, self._end)], (top, 0.7), **DOWN_LOOK)
        axes.broken_barh([self._measured(span) for span in lane.serving], (top, 0.7), facecolor=SERVING)
        axes.broken_barh([self._measured(span) for span in lane.paused], (top, 0.7), **PAUSED_LOOK)

    def _draw_bar(self, axes: Axes, bar: Bar, top: float, room: tuple[float, float]) -> None:
        start, end = self._scaled(bar.span)
        colour = FAMILY_COLOURS[bar.family]
        axes.broken_barh([(start, max(end - start, self._end / 900))], (top + 0.08, 0.84), facecolor=colour)
        pad = self._letter / 2
        if room == (start, end):
            axes.text(start + pad, top + 0.53, bar.kind, color=_ink_on(colour), va="center", fontsize=7)
        elif room[0] < start:
            axes.text(start - pad, top + 0.53, bar.kind, color=INK, va="center", ha="right", fontsize=7)
        else:
            axes.text(end + pad, top + 0.53, bar.kind, color=INK, va="center", fontsize=7)

    def _draw_links(self, axes: Axes) -> None:
        for row, ((_, other), spans) in enumerate(self._links.items()):
            axes.hlines(row, 0, self._end, color=LINE, linewidth=0.6, zorder=0)
            axes.broken_barh([self._measured(span) for span in spans], (row - 0.22, 0.44), facecolor=LINK)
            axes.text(self._end * 1.008, row, other, va="center", color=INK, fontsize=7)
        axes.set_ylim(len(self._links) - 0.4, -0.6)
        axes.set_yticks(range(len(self._links)), [one for one, _ in self._links])
        _title(axes, "links, as both ends see them")

    # stock -------------------------------------------------------------------------------------------------------

    def _draw_panel(self, axes: Axes, panel: Panel) -> None:
        names = [lane.name for lane in self._lanes if lane.is_machine]
        count = len(panel.lines)
        for rank, line in enumerate(panel.lines):
            index = names.index(line.machine)
            axes.step(
                [at_s / self._scale for at_s in line.times_s],
                [units if units is not None else float("nan") for units in line.units],
                where="post",
                label=line.machine,
                color=MACHINE_COLOURS[index % len(MACHINE_COLOURS)],
                linestyle=MACHINE_STYLES[rank % len(MACHINE_STYLES)] if rank else "-",
                linewidth=1.1 + 1.3 * (count - 1 - rank),  # so equal curves are all visible
            )
        axes.margins(y=0.12)
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        _title(axes, f"{panel.item} at {panel.location}: units on hand, as each machine shows them")
        beside = (1.004, 1.04)
        axes.legend(
            loc="upper left", bbox_to_anchor=beside, frameon=False, fontsize=7, handlelength=2.2, borderaxespad=0
        )

    # the whole ---------------------------------------------------------------------------------------------------

    def _finish(self, figure: Figure, axes: list[Axes], height_in: float) -> None:
        for one in axes:
            one.set_xlim(0, self._end)
            one.spines[["top", "right", "left"]].set_visible(False)
            one.spines["bottom"].set_color(PALE)
            one.tick_params(colors=INK, length=2, labelbottom=one is axes[-1])
            one.tick_params(axis="y", length=0)
        axes[-1].set_xlabel(f"simulated {self._unit}", color=INK)
        self._mark(axes)
        handles = [Patch(color=FAMILY_COLOURS[family], label=family) for family in self._families()]
        handles += [
            Patch(facecolor=SERVING, label="serves"),
            Patch(**DOWN_LOOK, label="down"),
        ]
        if any(lane.paused for lane in self._lanes):
            handles.append(Patch(**PAUSED_LOOK, label="paused"))
        below = (0.5, 0.06 / height_in)
        figure.legend(
            handles=handles, loc="lower center", bbox_to_anchor=below, ncols=len(handles), frameon=False, fontsize=7.5
        )

    def _families(self) -> list[str]:
        met = [bar.family for lane in self._lanes for bar in lane.bars]
        return [family for family in FAMILIES if family in met]

    def _mark(self, axes: list[Axes]) -> None:
        """Mark the healing and the violation across all parts."""
        healed, found = healed_s(self._outcome), self._outcome.found
        marks = [(found.at_s, f"{found.checker} violated", RED)] if found is not None else []
        marks += [(healed, "healed", GREEN)] if healed is not None else []
        for index, (at_s, text, colour) in enumerate(marks):
            at = at_s / self._scale
            for one in axes:
                one.axvline(at, color=colour, linewidth=1.2, linestyle=(0, (4, 2)), zorder=5)
            is_late = at > self._end * 0.8
            axes[0].annotate(
                text,
                (at, 1),
                (-3 if is_late else 3, 3 + 11 * index),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                color=colour,
                fontweight="bold",
                ha="right" if is_late else "left",
            )

    def _scaled(self, span: Span) -> tuple[float, float]:
        return span.from_s / self._scale, span.to_s / self._scale

    def _measured(self, span: Span) -> tuple[float, float]:
        start, end = self._scaled(span)
        return start, end - start


def draw(outcome: Outcome) -> str:
    """Return the picture of a run as an SVG element without references to other files."""
    return Picture(outcome).draw()


def _packed(bars: list[tuple[float, float, Bar]]) -> list[list[tuple[float, float, Bar]]]:
    """Put bars into as few rows as possible, without overlaps."""
    rows: list[list[tuple[float, float, Bar]]] = []
    for bar in sorted(bars, key=lambda one: one[0]):
        row = next((row for row in rows if row[-1][1] <= bar[0]), None)
        if row is None:
            rows.append([bar])
        else:
            row.append(bar)
    return rows


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=8, color=INK)


def _ink_on(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return BRIGHT if 0.299 * red + 0.587 * green + 0.114 * blue < 140 else DARK


def _as_element(figure: Figure) -> str:
    """The SVG element without prologue, metadata and namespaces, because HTML does not need them."""
    text = StringIO()
    figure.savefig(
        text, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"#[0-9a-f]{6}\b(?=[;\"])", lambda found: _painted(found[0]), svg)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    return re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', r'<svg class="picture" role="img" viewBox="\1">', svg, count=1)


def _painted(colour: str) -> str:
    return f"var({TOKENS[colour]})" if colour in TOKENS else colour
