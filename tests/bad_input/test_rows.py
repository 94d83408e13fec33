"""One bad row in a good panel: it is rejected with its reason and value, the others are used, and the rows add up."""

import math
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pytest
from small_panel import CONFIG, small_panel, swapped, written

from sigmalake.lake.log import open_table, read_columns
from sigmalake.tables.declaration import Table
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import REJECTED_ROWS, RUNS

X, R = "panel.exposures", "panel.returns"  # the sides of a panel: each row is a row of both


class Planted(NamedTuple):
    """A row spoilt, and what `rejected_rows` must say of it."""

    sentence: str
    change: dict[str, str]  # column: text in the CSV
    column: str
    reason: str
    value: str | None
    sides: tuple[str, ...] = (X,)


PLANTED = [
    Planted("a null date", {"date": ""}, "date", "missing", "", (X, R)),
    Planted("a date that does not exist", {"date": "2024-02-30"}, "date", "not a date", "2024-02-30", (X, R)),
    Planted("a date with the day first", {"date": "03/01/2024"}, "date", "not a date", "03/01/2024", (X, R)),
    Planted("a year for a date", {"date": "2024"}, "date", "not a date", "2024", (X, R)),
    Planted("a null asset", {"symbol": ""}, "symbol", "missing", "", (X, R)),
    Planted("a blank asset", {"symbol": '"  "'}, "symbol", "missing", "  ", (X, R)),
    Planted("a return that is text", {"ret": "n/a"}, "ret", "not a number", "n/a", (R,)),
    Planted("a return in percent", {"ret": "1.5%"}, "ret", "not a number", "1.5%", (R,)),
    Planted("a return with a comma", {"ret": '"0,01"'}, "ret", "not a number", "0,01", (R,)),
    Planted("a return that is NaN", {"ret": "NaN"}, "ret", "not finite", "NaN", (R,)),
    Planted("a return that is infinite", {"ret": "-inf"}, "ret", "not finite", "-inf", (R,)),
    Planted("a null cap", {"mcap": ""}, "mcap", "missing", ""),
    Planted("a cap of zero", {"mcap": "0"}, "mcap", "not positive", "0"),
    Planted("a negative cap", {"mcap": "-3.5"}, "mcap", "not positive", "-3.5"),
    Planted("an infinite cap", {"mcap": "Infinity"}, "mcap", "not finite", "Infinity"),
    Planted("a number beyond a double", {"mcap": "1e400"}, "mcap", "not finite", "1e400"),
    Planted("a missing style", {"size": ""}, "size", "missing", ""),
    Planted("a style that is NaN", {"size": "nan"}, "size", "not finite", "nan"),
    Planted("a style that is text", {"beta": "high"}, "beta", "not a number", "high"),
    Planted("a missing sector", {"sector": ""}, "sector", "missing", ""),
    Planted("an unknown sector", {"sector": "oil"}, "sector", "unknown category", "oil"),
    Planted("a share above 1", {"us": "1.2", "jp": "-0.2"}, "us", "share outside 0 to 1", "1.2"),
    Planted("a share below 0", {"us": "1.3", "jp": "-0.3"}, "jp", "share outside 0 to 1", "-0.3"),
    Planted("shares that do not sum to 1", {"us": "0.5", "jp": "0.4"}, "country", "shares do not sum to 1", "0.9"),
    Planted("a share that is missing", {"us": ""}, "us", "missing", ""),
    Planted("a flag that is no flag", {"flag": "maybe"}, "flag", "not true or false", "maybe"),
    Planted("a negative weight", {"w": "-1"}, "w", "negative", "-1"),
    Planted("a row that is cut short", {"cut": "3"}, "line", "too few or too many values", "2024-01-", (X, R)),
    Planted("a row with a value too many", {"more": "7"}, "line", "too few or too many values", "2024-01-", (X, R)),
]  # fmt: skip
COPY, CONFLICT = 14, 15  # lines of the file: A01 and A02 on the second date
OPENING = 1  # a line of the first date, whose returns nothing explains
COPIES = 4  # rows rejected for their key: two copies, and both versions of a third
FIRST = 40  # a row of the second half of the panel's second date; one row is spoilt for each case

TEXT = (
    swapped(
        "{membership: sector, column: sector}",
        "{membership: sector, column: sector, levels: [tech, bank]}\n  - {membership: country, columns: {US: us, JP: jp}}",
        swapped("cap: mcap}", "cap: mcap, in_estimation: flag, weight: w}", swapped("panel.parquet", "panel.csv", CONFIG)),
    )
    + "checks: {max_rejected: {date: 1, source: 1}}\n"
)


def spoilt_panel() -> list[str]:
    """The lines of a CSV file: a spoilt row for each case, and at the end a copy of one row and another version of the next."""
    panel = small_panel(n_dates=12).assign(us="0.75", jp="0.25", flag="true", w="1").astype(str)
    for number, planted in enumerate(PLANTED):
        for column, text in planted.change.items():
            if column in panel.columns:
                panel.loc[FIRST + number, column] = text
    lines = [",".join(panel.columns), *(",".join(row) for row in panel.itertuples(index=False))]
    for number, planted in enumerate(PLANTED):
        at = FIRST + number + 1
        if "cut" in planted.change:
            lines[at] = ",".join(lines[at].split(",")[:3])
        if "more" in planted.change:
            lines[at] += ",7"
    _, _, ret, _, sector, *_ = lines[CONFLICT].split(",")
    return [
        *lines,
        lines[OPENING],
        lines[COPY],
        lines[CONFLICT].replace(ret, "0.5").replace(sector, "tech" if sector == "bank" else "bank"),
    ]


def rows_of(lake: str, table: Table, *columns: str) -> pa.Table:
    return read_columns(open_table(f"{lake}/{table.name}"), list(columns) or table.column_names)


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    """The spoilt panel, ingested once: what was said, the rejected rows, and the account of every row."""
    from sigmalake.config.model import load_config
    from sigmalake.engines.local.engine import LocalEngine
    from sigmalake.engines.local.tables import LocalTables
    from sigmalake.stages.context import writing
    from sigmalake.stages.run import run_stage

    folder = tmp_path_factory.mktemp("rows")
    lines = spoilt_panel()
    (folder / "panel.csv").write_text("\n".join(lines) + "\n")
    config = load_config(written(folder, TEXT))
    said: list[str] = []
    context = writing(LocalEngine(LocalTables(config.lake)), config, "run", say=said.append)
    run_stage(context, "ingest")
    rejected = rows_of(config.lake, REJECTED_ROWS).to_pandas()
    account = {line["source"]: line for line in rows_of(config.lake, RUNS, "account").column(0).to_pylist()[0]}
    return folder, "\n".join(said), rejected, account, len(lines) - 1


def found(rejected: pd.DataFrame, source: str, planted: Planted, number: int) -> pd.DataFrame:
    """What was said of the row that was spoilt: rows are told by their asset and value."""
    of_side = rejected[rejected["source"] == source]
    same = of_side[(of_side["column"] == planted.column) & (of_side["reason"] == planted.reason)]
    return same if "symbol" in planted.change else same[same["asset_id"] == f"A{(FIRST + number) % 12:02d}"]


@pytest.mark.parametrize("number", [pytest.param(n, id=planted.sentence) for n, planted in enumerate(PLANTED)])
def test_a_bad_row_is_rejected_with_its_reason_and_its_value(ingested, number):
    _, _, rejected, _, _ = ingested
    planted = PLANTED[number]
    for side in planted.sides:
        rows = found(rejected, side, planted, number)
        values = [None if value is None or value != value else value for value in rows["value"]]  # noqa: PLR0124 - NaN
        assert any(_same(value, planted.value) for value in values), f"{side}: {rows}"


def _same(seen: str | None, wanted: str | None) -> bool:
    if seen is None or wanted is None:
        return seen == wanted
    return seen.startswith(wanted) or _number(seen) == _number(wanted)


def _number(text: str) -> float | None:
    try:
        return round(float(text), 9) if math.isfinite(float(text)) else None
    except ValueError:
        return None


def test_of_identical_rows_one_is_used_and_of_conflicting_ones_none(ingested):
    folder, _, rejected, _, _ = ingested
    copies = rejected[rejected["column"] == "key"].groupby(["source", "asset_id", "reason"]).size()
    conflict = "key given more than once, with different values"
    assert copies.to_dict() == {
        (X, "A00", "identical copy of a row"): 1,
        (R, "A00", "identical copy of a row"): 1,
        (X, "A01", "identical copy of a row"): 1,
        (R, "A01", "identical copy of a row"): 1,
        (X, "A02", conflict): 2,
        (R, "A02", conflict): 2,
    }
    second = rows_of(f"{folder}/lake", PANEL, "exposure_date", "asset_id").sort_by("exposure_date").column("asset_id")[1].as_py()
    assert "A01" in second
    assert "A02" not in second


def test_every_row_is_packed_or_rejected_or_accounted_for(ingested):
    _, said, rejected, account, n_rows = ingested
    for side in (X, R):
        line = account[side]
        assert line["rows_in"] == n_rows
        assert line["rows_in"] == line["packed"] + line["rejected"] + line["outside"] + line["without_exposures"]
        rows = rejected[rejected["source"] == side].drop_duplicates(["row_hash", "copy", "date"])
        assert line["rejected"] == len(rows)
        assert f"{side}: {n_rows:,} rows = {line['packed']:,} packed + {line['rejected']:,} rejected" in said
        assert "    2 with line too few or too many values, e.g. '2024-01-" in said
    assert account[X]["packed"] == n_rows - COPIES - sum(X in planted.sides for planted in PLANTED)
    assert account[X]["rejected"] == COPIES + sum(X in planted.sides for planted in PLANTED)
    assert account[R]["rejected"] == COPIES + sum(R in planted.sides for planted in PLANTED)


def test_validate_counts_the_same_rows_before_anything_is_written(ingested, asked):
    folder, _, _, account, _ = ingested
    seen = asked("validate", "--config", folder / "model.yaml", "--set", "lake=elsewhere")
    assert seen.exit_code == 0, seen.err
    for side in (X, R):
        assert f"{account[side]['rejected'] - COPIES:,} would be rejected" in seen.out  # the copies are found when rows are packed
    assert "2 with line too few or too many values, e.g. '2024-01-" in " ".join(seen.out.split())
