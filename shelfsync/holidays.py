"""`shelfsync holidays`: write the public holidays of a country as a `calendar` document.

The package `holidays` knows them; it is an extra, because only the machine that runs this command needs it. The nodes
read the document, so all of them agree, and people can change it: the notice for a year may come late.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from types import ModuleType
from typing import Any

import click

from replica.core.base.limits import CALENDAR_DAYS_MAX
from replica.core.catalog.weekly_windows import DAYS
from replica.runtime.configuration import CONTEXT

MAKE_UP_DAY = DAYS[0]
"""The day of the week that a working day at a weekend is like."""


def holiday_calendar(
    package: ModuleType, country: str, years: Sequence[int], subdivision: str | None, language: str | None
) -> dict[str, Any]:
    """The value of a calendar document: closed on holidays, and open on the days that make up for them.

    Raises:
        NotImplementedError: the package has no such country, subdivision or year.
    """
    known = package.country_holidays(country, years=list(years), subdiv=subdivision, language=language)
    spoken = (language or known.default_language or "en").replace("_", "-")
    days: dict[str, Any] = {}
    for day, name in known.items():
        if day.year in years:
            days[day.isoformat()] = {"closed": True, "reasons": {spoken: name}}
    for day in getattr(known, "weekend_workdays", ()):
        if isinstance(day, date) and day.year in years:
            days[day.isoformat()] = {"like": MAKE_UP_DAY}
    place = f"{country}-{subdivision}" if subdivision else country
    return {
        "names": {"en": f"Holidays {place} {', '.join(map(str, years))}"},
        "days": dict(sorted(days.items())),
    }


@click.command(
    "holidays",
    context_settings=CONTEXT,
    epilog="""\b
Examples:
  shelfsync holidays CN 2026 > cn-2026.json
  shelfsync holidays DE 2026 2027 --subdivision BE
  curl -X PUT localhost:8700/v1/documents/calendar/cn-2026 -H 'Idempotency-Key: cn-2026' -d @cn-2026.json
""",
)
@click.argument("country")
@click.argument("years", type=click.IntRange(1900, 2200), nargs=-1, required=True)
@click.option("--subdivision", help="A part of the country, such as BE.")
@click.option("--language", help="The language of the names, such as zh_CN.")
def write_holidays(country: str, years: tuple[int, ...], subdivision: str | None, language: str | None) -> None:
    """Write the public holidays of a COUNTRY in some YEARS as a `calendar` document to standard output.

    The country is an ISO 3166-1 code of two letters. Include the document in the calendars of your locations.
    """
    try:
        import holidays
    except ImportError:
        raise click.UsageError("this command needs the package holidays: pip install 'shelfsync[holidays]'") from None
    try:
        value = holiday_calendar(holidays, country.upper(), sorted(set(years)), subdivision, language)
    except NotImplementedError as error:
        raise click.UsageError(str(error)) from None
    if not value["days"]:
        raise click.UsageError(f"no holidays of {country.upper()} are known in these years")
    if len(value["days"]) > CALENDAR_DAYS_MAX:
        raise click.UsageError(f"these are {len(value['days'])} days, and a calendar has at most {CALENDAR_DAYS_MAX}")
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))
