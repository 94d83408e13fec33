"""Releases that no longer stand, and what stood at an instant."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from plain_lake import append
from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.lake.releases import Release
from sigmalake.lake.upkeep.withdrawals import ReleaseLedger, Withdrawal
from sigmalake.reader.open_release import open_release
from sigmalake.tables.records import RELEASE_WITHDRAWALS
from two_releases import LAST, write_two_releases

FIRST, SECOND = f"{LAST}.1", f"{LAST}.2"
MADE = [datetime(2024, 3, 8, 21, tzinfo=UTC), datetime(2024, 3, 8, 22, tzinfo=UTC)]  # as `release_row` has them


def withdraw(root, release_id, at, action="withdrawn", why="caps of the old share count"):
    append(root, RELEASE_WITHDRAWALS, [Withdrawal(release_id, action, at, why, "-")._asdict()])


@pytest.fixture
def lake(tmp_path):
    return write_two_releases(tmp_path)


def test_every_instant_has_one_release(lake):
    second = timedelta(seconds=1)
    assert open_release(lake, known_at=MADE[0]).release_id == FIRST
    assert open_release(lake, known_at=MADE[1] - second).release_id == FIRST
    assert open_release(lake, known_at=MADE[1]).release_id == SECOND
    assert open_release(lake, known_at="2030-01-01").release_id == SECOND
    with pytest.raises(
        MissingRiskError, match=rf"no release stood at 2024-03-08T20:59:59.*the first, {FIRST}, was made at 2024-03-08T21"
    ):
        open_release(lake, known_at=MADE[0] - second)


@pytest.mark.parametrize(
    "instant",
    [
        "2024-03-08 21:30",
        "2024-03-08T22:30+01:00",
        pd.Timestamp("2024-03-08 21:30"),
        np.datetime64("2024-03-08T21:30"),
        "2024-03-08T16:30-05:00",
    ],
)
def test_an_instant_is_utc_unless_it_has_a_zone(lake, instant):
    assert open_release(lake, known_at=instant).release_id == FIRST


@pytest.mark.parametrize("instant", ["soon", "", None.__class__, 20240308, float("nan"), pd.NaT])
def test_what_is_no_instant_is_refused(lake, instant):
    with pytest.raises(ConfigError, match="is not an instant; write it as 2024-03-04T17:30"):
        open_release(lake, known_at=instant)


def test_a_release_and_an_instant_are_not_both_given(lake):
    with pytest.raises(ValueError, match="give release or known_at, not both"):
        open_release(lake, FIRST, known_at=MADE[0])


def test_a_withdrawn_release_is_refused_with_its_reason_and_the_one_before_is_the_last(lake):
    withdraw(lake, SECOND, datetime(2024, 3, 9, 8, tzinfo=UTC))
    assert open_release(lake).release_id == FIRST
    with pytest.raises(
        MissingRiskError,
        match=rf"release {SECOND} was withdrawn on 2024-03-09 08:00 UTC: caps of the old share count; open {FIRST}",
    ):
        open_release(lake, SECOND)


def test_what_stood_at_an_instant_does_not_change_when_it_is_withdrawn_later(lake):
    withdrawn = datetime(2024, 3, 9, 8, tzinfo=UTC)
    withdraw(lake, SECOND, withdrawn)
    assert open_release(lake, known_at=withdrawn).release_id == FIRST
    with pytest.raises(MissingRiskError, match=f"release {SECOND} was withdrawn"):
        open_release(lake, known_at=withdrawn - timedelta(microseconds=1))


def test_where_no_release_stands_the_last_says_why(lake):
    for release_id in (FIRST, SECOND):
        withdraw(lake, release_id, datetime(2024, 3, 9, 8, tzinfo=UTC))
    with pytest.raises(MissingRiskError, match=f"release {SECOND} was withdrawn.*no other stands: correct the source"):
        open_release(lake)


def test_a_trimmed_release_says_that_its_files_are_gone(lake):
    withdraw(lake, FIRST, datetime(2024, 3, 9, 8, tzinfo=UTC), "trimmed", "retention: the last 1")
    with pytest.raises(MissingRiskError, match=rf"release {FIRST} was trimmed on .*\(retention: the last 1\).*open {SECOND}"):
        open_release(lake, FIRST)


def test_time_never_goes_back_in_the_ledger():
    late = datetime(2024, 3, 9, tzinfo=UTC)
    release = Release("a", late, late.date(), [], {}, "-", "-", [], 1)
    ledger = ReleaseLedger([release], [Withdrawal("a", "withdrawn", late + timedelta(hours=1), "", "-")])
    assert ledger.next_instant(late - timedelta(days=1)) == late + timedelta(hours=1, microseconds=1)
    assert ledger.next_instant(late + timedelta(days=1)) == late + timedelta(days=1)
