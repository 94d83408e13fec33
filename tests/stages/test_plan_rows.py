"""Which rows the panel should have, from what the sources hold on each date."""

from datetime import date

import pytest

from sigmalake.config.model import Config
from sigmalake.errors import DataError
from sigmalake.stages.ingest import plan_rows
from sigmalake.stages.sources.panel_sources import PanelSources
from sigmalake.tasks.sources.fingerprints import DateFingerprint

DAYS = [date(2024, 1, day) for day in (2, 3, 4, 5, 8)]
APART = {"returns": {"path": "/no/r"}, "exposures": {"path": "/no/x"}, "calendar": {"path": "/no/c"}}
CONFIG = Config.model_validate(
    {"model": "m", "lake": "/no/lake", "sources": APART, "factors": [{"market": "market"}], "regression": {"weights": "equal"}}
)


def rows_of(**dates):
    found = {side: {day: DateFingerprint(3, 0, f"{side} {day}") for day in days} for side, days in dates.items()}
    return plan_rows(CONFIG, PanelSources({}, {}, {}, {"exposures": []}, found, countable=True, cap_rates={}))[0]


def test_dates_of_the_calendar_that_are_still_to_come_are_not_in_the_panel():
    rows = rows_of(returns=DAYS[:3], exposures=DAYS[:3], calendar=DAYS)
    assert {day: row.return_date for day, row in rows.items()} == dict(zip(DAYS[:3], [*DAYS[1:3], None], strict=True))


def test_a_calendar_with_none_of_the_returns_is_told():
    with pytest.raises(DataError, match="no return meets the calendar: it begins on 2024-01-05, the returns end on 2024-01-04"):
        rows_of(returns=DAYS[:3], exposures=DAYS[:3], calendar=DAYS[3:])
