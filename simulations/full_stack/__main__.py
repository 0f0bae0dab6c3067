"""`python -m simulations.full_stack`: play seeds with whole nodes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import click

from simulations.full_stack.plan import draw_stack_plan
from simulations.full_stack.run import play
from simulations.run import Result

REPLAY = "python -m simulations.full_stack --seed {seed}"


class Seeds(click.ParamType[range]):
    """A range of seeds, both ends included."""

    name = "A..B"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> range:
        if isinstance(value, range):
            return value
        first, dots, last = str(value).partition("..")
        if not (dots and first.isdigit() and last.isdigit() and int(first) <= int(last)):
            self.fail(f"{value!r} is not a range. Use one such as 1..100", param, ctx)
        return range(int(first), int(last) + 1)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  python -m simulations.full_stack --seed 7
  python -m simulations.full_stack --seeds 1..100
""",
)
@click.option("--seed", type=click.IntRange(0), help="Play one seed and print each step.")
@click.option(
    "--seeds", type=Seeds(), default="1..10", show_default=True, help="Play many seeds and print the failures."
)
def full_stack(seed: int | None, seeds: range) -> None:
    """Simulate whole nodes with HTTP, WebSockets and SQLite files, in virtual time, with all kinds of faults."""
    played = list(_play([seed] if seed is not None else seeds))
    if seed is not None:
        for step in played[0].steps:
            click.echo(f"{step.at_s:10.6f}  {step.who:<14} {step.what}")
        click.echo(f"trace {played[0].digest}")
    failed = [result for result in played if result.violation is not None]
    for result in failed:
        click.echo(f"seed {result.plan.seed}: {result.violation}", err=True)
        click.echo(f"  play it again: {REPLAY.format(seed=result.plan.seed)}", err=True)
    click.echo(_summary(played, len(failed)))
    raise SystemExit(1 if failed else 0)


def _play(seeds: Iterable[int]) -> Iterator[Result]:
    began, simulated_s = time.monotonic(), 0.0
    with click.progressbar(
        list(seeds), label="seeds", item_show_func=lambda seed: "" if seed is None else f"{seed}"
    ) as bar:
        for seed in bar:
            result = play(draw_stack_plan(seed))
            simulated_s += result.simulated_s
            yield result
    spent_s = time.monotonic() - began
    click.echo(
        f"{simulated_s:.0f} simulated seconds in {spent_s:.1f} s: {simulated_s / spent_s:.1f} a second", err=True
    )


def _summary(played: list[Result], failed: int) -> str:
    counts: dict[str, int] = {}
    for result in played:
        for what, times in result.counts.items():
            counts[what] = counts.get(what, 0) + times
    happened = ", ".join(f"{times} {what}" for what, times in sorted(counts.items()))
    return f"{len(played)} seeds, {failed} failed: {happened}"


if __name__ == "__main__":
    full_stack()
