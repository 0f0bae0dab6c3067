"""`shelfsync holidays`: a year's holidays of three countries as a calendar that a node accepts."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from replica.core.catalog.calendars import CALENDAR, CalendarDocument, Calendars, check_calendar
from replica.core.catalog.documents import pack_value
from replica.core.catalog.openings import Opening
from replica.core.catalog.registers import Register
from replica.core.catalog.validity import moment_ms
from replica.runtime.time_zones import time_zone
from shelfsync.holidays import write_holidays

WORKDAYS = {"start": "09:00", "end": "17:00", "days": ["mon", "tue", "wed", "thu", "fri"]}


def written(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(write_holidays, arguments)
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.output)
    check_calendar(msgspec.convert(value, CalendarDocument))
    return value


def open_days(zone: str, holidays: dict[str, Any], *days: str) -> list[bool]:
    """On which days a shop that works from Monday to Friday is open."""
    calendars = Calendars()
    for name, value in (("holidays", holidays), ("shop", {"windows": [WORKDAYS], "includes": ["holidays"]})):
        calendars.put(Register(CALENDAR, name, 0, "", 1, 1, "hub-east#0000000a", pack_value(value)))
    opening = Opening(calendars, ("shop",), time_zone(zone))
    moments = [moment_ms(datetime.fromisoformat(f"{day} 12:00").replace(tzinfo=time_zone(zone))) for day in days]
    return [opening.closed(moment) is None for moment in moments]


def test_year_in_china_has_holidays_and_the_weekends_that_make_up_for_them() -> None:
    value = written("cn", "2026")
    assert value["days"]["2026-02-14"] == {"like": "mon"}
    shown = ["2026-02-14", "2026-02-17", "2026-02-21", "2026-10-01", "2026-10-10", "2026-10-11", "2026-10-12"]
    assert open_days("Asia/Shanghai", value, *shown) == [True, False, False, False, True, False, True]


def test_year_in_germany_has_the_holidays_of_the_state() -> None:
    women = ["2027-03-08", "2027-05-06", "2027-10-31"]
    assert open_days("Europe/Berlin", written("DE", "2027", "--subdivision", "BE"), *women) == [False, False, False]
    assert open_days("Europe/Berlin", written("DE", "2027", "--subdivision", "BY"), *women) == [True, False, False]


def test_year_in_the_united_states_has_observed_holidays() -> None:
    value = written("US", "2026")
    assert open_days("America/New_York", value, "2026-07-03", "2026-07-06", "2026-11-26") == [False, True, False]
    assert value["days"]["2026-11-26"]["reasons"] == {"en-US": "Thanksgiving Day"}


def test_several_years_are_in_one_calendar() -> None:
    years = {day[:4] for day in written("CN", "2026", "2025", "2026", "--language", "zh_CN")["days"]}
    assert years == {"2025", "2026"}


@pytest.mark.parametrize("arguments", [("XX", "2026"), ("DE", "2026", "--subdivision", "ZZ"), ("CN", "1")])
def test_unknown_country_part_or_year_is_one_clear_line(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(write_holidays, arguments)
    assert result.exit_code == 2
    assert result.output.strip().splitlines()[-1].startswith("Error: ")


def test_without_the_package_the_command_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    result = CliRunner().invoke(write_holidays, ["CN", "2026"])
    assert (result.exit_code, "shelfsync[holidays]" in result.output) == (2, True)
