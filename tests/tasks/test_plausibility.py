"""Data that can be used and yet are hardly what was meant are told; good data are not."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from check_configs import DATED, apart, config_of

from sigmalake.config.checks import MaxRejected
from sigmalake.errors import ConfigError
from sigmalake.sources.schema import DATES, FLAGS, MAPS, NAMES, NUMBERS
from sigmalake.tasks.sources.exposures.checked_exposures import checked_exposures
from sigmalake.tasks.sources.fingerprints import by_date, file_fingerprints, fingerprint_rows
from sigmalake.tasks.sources.needed_columns import needed_columns
from sigmalake.tasks.sources.plausibility import (
    column_sums,
    dates_never_meet,
    ids_never_meet,
    ids_of,
    implausible_values,
    joined_column_sums,
)
from sigmalake.tasks.sources.raw_rows import RawRows
from sigmalake.tasks.sources.rejected_rows import problem_counts
from sigmalake.tasks.sources.rejection_limits import beyond_limits, unusable_files
from sigmalake.tasks.sources.returns.checked_returns import checked_returns

DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(20)]
N = 30
PANEL = {"path": "/no", "columns": {**DATED, "ret": "ret", "cap": "cap"}}
CONFIG = config_of([{"styles": ["size"], "as_given": True}, {"styles": {"raw": {}}, "as_given": False}], panel=PANEL)


def panel(**columns):
    random = np.random.default_rng(1)
    n = N * len(DAYS)
    good = {
        "day": [str(day) for day in DAYS for _ in range(N)], "asset": [f"A{i}" for i in range(N)] * len(DAYS),
        "ret": random.standard_t(3, n) * 0.02,
        "cap": np.exp(np.tile(random.normal(8, 1.5, N), len(DAYS)) + random.normal(0, 0.02, n)),
        "size": random.normal(-1.5, 1, n), "raw": random.normal(300, 80, n),
    }  # fmt: skip
    return pa.table(good | {name: change(np.array(good[name])) for name, change in columns.items()})


def warnings_of(table, splits=1):
    sums = []
    for part in np.array_split(np.random.default_rng(2).permutation(table.num_rows), splits):
        raw = RawRows(table.take(pa.array(part)))
        sums += [column_sums(check(raw, CONFIG), CONFIG) for check in (checked_exposures, checked_returns)]
    return implausible_values(joined_column_sums(sums))


def by_dates(factor, first):
    return lambda values: values * np.repeat(np.where(np.arange(len(DAYS)) >= first, factor, 1.0), N)


IMPLAUSIBLE = {
    "returns in percent": ({"ret": lambda x: np.abs(x) * 100}, "of the returns are above 100 % in size"),
    "no return at all": ({"ret": lambda x: x * np.nan}, "all 600 returns are missing"),
    "caps of another unit from a date on": ({"cap": by_dates(1000.0, 7)}, "factor of about 10^3 from 2024-01-07 to 2024-01-08"),
    "a style in raw numbers": ({"size": lambda x: x * 40 + 100}, "style size is far from standardised on 20 of 20 dates"),
    "a style that is almost constant": ({"size": lambda x: x * 0.001}, "style size is far from standardised"),
}


@pytest.mark.parametrize("sentence", IMPLAUSIBLE)
@pytest.mark.parametrize("splits", [1, 5])
def test_implausible_values_give_one_warning(sentence, splits):
    columns, expected = IMPLAUSIBLE[sentence]
    (told,) = warnings_of(panel(**columns), splits)
    assert expected in told


def test_plausible_values_give_no_warning():
    assert warnings_of(panel()) == []
    assert warnings_of(panel(ret=lambda x: np.where(np.arange(len(x)) % 40 == 0, 1.5, x))) == []  # a wild month
    assert warnings_of(panel(cap=by_dates(2.0, 5))) == []
    assert implausible_values(joined_column_sums([])) == []


def test_sums_are_those_of_the_usable_rows():
    table = panel(ret=lambda x: np.where(np.arange(len(x)) % 10 == 3, -5.0, x))
    found = joined_column_sums([column_sums(checked_returns(RawRows(table), CONFIG), CONFIG)]).to_pylist()
    ret = np.array(table.column("ret").to_pylist()).reshape(len(DAYS), N)
    for row, of_day in zip(found, ret, strict=True):
        used = of_day[of_day >= -1]
        assert (row["n"], row["n_missing"], row["n_beyond_half"]) == (len(used), 0, (np.abs(used) > 0.5).sum())
        assert row["total"] == pytest.approx(used.sum(), abs=1e-15)
        assert row["squares"] == pytest.approx((used**2).sum(), rel=1e-12)


def test_ids_that_never_meet_are_told_with_one_of_each_side():
    ids = ids_of(checked_returns(RawRows(panel()), CONFIG))
    assert sorted(ids.to_pylist()) == sorted(f"A{i}" for i in range(N))
    (told,) = ids_never_meet(("exposures", pa.array(["A0.0", "B"])), ("returns", ids))
    assert "'A0.0' in exposures" in told
    assert "'A0' in returns" in told
    assert ids_never_meet(("exposures", pa.array(["A0", "B"])), ("returns", ids)) == []
    assert ids_never_meet(("exposures", pa.array([], pa.string())), ("returns", ids)) == []


def test_dates_of_exposures_that_are_none_of_the_returns_are_told_with_their_neighbours():
    returns = [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 28), date(2024, 4, 30)]
    month_ends = [date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31)]
    (told,) = dates_never_meet(month_ends, returns, 1)
    assert told.startswith(
        "1 of 4 dates of exposures are no dates of the returns, e.g. 2024-03-31, which lies between the returns of"
    )
    assert "2024-03-28 and 2024-04-30" in told
    assert "exposures_max_age: 2" in told
    assert dates_never_meet(returns, returns, 1) == []


def test_too_many_rejected_rows_of_a_date_or_a_source_are_told_with_reasons():
    spoilt = panel(ret=lambda x: np.where((np.arange(len(x)) < N * 2) & (np.arange(len(x)) % 4 == 0), -66.0, x))
    checked = checked_returns(RawRows(spoilt), CONFIG)
    prints, counts = by_date(file_fingerprints([fingerprint_rows(checked)])), problem_counts(checked)
    found = beyond_limits("panel.returns", prints, counts, MaxRejected())
    assert [(one.day, one.rows, one.rejected) for one in found] == [(DAYS[0], 30, 8), (DAYS[1], 30, 7)]
    assert found[0].message == (
        "panel.returns on 2024-01-01: 8 of 30 rows rejected (27%; checks.max_rejected.date is 20%): "
        "8 with ret below -100 % (e.g. '-66.0')"
    )
    (whole,) = beyond_limits("panel.returns", prints, counts, MaxRejected(date=1.0, source=0.02))
    assert (whole.day, whole.rows, whole.rejected) == (None, 600, 15)
    assert "checks.max_rejected.source is 2%" in whole.message
    assert beyond_limits("panel.returns", prints, counts, MaxRejected(date=0.3)) == []


def test_rows_without_a_date_count_in_the_source():
    table = panel()
    days = pa.array([None if n % 5 == 0 else day for n, day in enumerate(table.column("day").to_pylist())], pa.string())
    checked = checked_returns(RawRows(table.set_column(0, "day", days)), CONFIG)
    prints = by_date(file_fingerprints([fingerprint_rows(checked)]))
    (found,) = beyond_limits("panel.returns", prints, problem_counts(checked), MaxRejected())
    assert (found.day, found.rejected) == (None, 120)
    assert "120 with day missing" in found.message


def test_a_file_of_which_no_row_can_be_used_is_named():
    table = panel(ret=lambda x: np.where(np.arange(len(x)) % 3 == 0, -9.0, x))
    files = pa.array([f"{n % 3}.csv" for n in range(table.num_rows)])
    checked = checked_returns(RawRows(table.append_column("_source_file", files)), CONFIG)
    assert unusable_files(file_fingerprints([fingerprint_rows(checked)])) == [("0.csv", 200)]


def test_the_columns_that_checks_read_are_named_with_their_use():
    assert needed_columns(CONFIG, "panel") == {
        "day": DATES, "asset": NAMES, "size": NUMBERS, "raw": NUMBERS, "cap": NUMBERS, "ret": NUMBERS
    }  # fmt: skip
    long = {**DATED, "factor": "f", "value": "v"}
    styles = [{"styles": ["size"], "as_given": True}]
    caps = {"caps": {"path": "/no", "columns": {**DATED, "cap": "mcap"}}}
    config = config_of(styles, **apart(long, **caps))
    assert needed_columns(config, "exposures") == {"day": DATES, "asset": NAMES, "f": NAMES, "v": NUMBERS}
    assert needed_columns(config, "returns") == {"day": DATES, "asset": NAMES, "ret": NUMBERS}
    assert needed_columns(config, "caps") == {"day": DATES, "asset": NAMES, "mcap": NUMBERS}
    mapped = config_of([*styles, {"membership": "c", "map": "shares"}], **apart({**DATED, "map": "m", "in_estimation": "flag"}))
    expected = {"day": DATES, "asset": NAMES, "m": MAPS, "shares": MAPS, "flag": FLAGS}
    assert needed_columns(mapped, "exposures") == expected
    with pytest.raises(
        ConfigError, match=r"a long source has only date, asset, factor and value, and the group sector is column gics"
    ):
        needed_columns(config_of([*styles, {"membership": "sector", "column": "gics"}], **apart(long)), "exposures")


def test_a_described_model_reads_no_column_for_what_is_computed():
    sources = {
        "panel": {"path": "/no", "columns": DATED}, "prices": {"path": "/no", "columns": {"cap": "cap"}},
        "fundamentals": {"path": "/no"}, "segments": {"path": "/no", "columns": {"sales": "sales"}},
        "rates": {"path": "/no"}, "calendar": {"path": "/no"},
    }  # fmt: skip
    config = config_of([{"styles": {"size": {}, "own": {}}, "as_given": False}], **sources)
    assert needed_columns(config, "panel") == {"day": DATES, "asset": NAMES, "own": NUMBERS, "ret": NUMBERS}
    assert needed_columns(config, "prices") == {"date": DATES, "asset_id": NAMES, "ret": NUMBERS, "cap": NUMBERS}
    figures = {"known_at": DATES, "period_end": DATES, "asset_id": NAMES, "item": NAMES, "value": NUMBERS}
    assert needed_columns(config, "fundamentals") == figures
    segments = {"known_at": DATES, "period_end": DATES, "asset_id": NAMES, "industry": NAMES, "sales": NUMBERS}
    assert needed_columns(config, "segments") == segments
    assert needed_columns(config, "rates") == {"date": DATES, "rate": NUMBERS}
    assert needed_columns(config, "calendar") == {"date": DATES}
