"""The demo's report: plain text of 100 columns, but for the lines to paste; annualised percent where it says so."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import numpy as np
import pandas as pd

from sigmalake.demo.market import Defect, Planted
from sigmalake.demo.recovery import Bias, Recovered, SpecificRecovered
from sigmalake.numerics.types import Floats
from sigmalake.report.text.plain_text import note, section, table

DAYS_A_YEAR = 252
KEY_DEFECTS = (Defect.CONFLICT, Defect.COPY, Defect.NULL_DATE, Defect.NULL_ASSET)  # spoil a row's return, too
FAR = 5  # standard errors beyond which an asset is named


class Rejection(NamedTuple):
    """What was planted, and what became of it."""

    defect: str
    planted: int  # rows
    unusable: tuple[int, int]  # rows that cannot be used: as exposures, as returns
    rejected: tuple[int, int]  # rows in `rejected_rows`
    reasons: tuple[str, ...]  # column and reason


def rejections(planted: Sequence[Planted], rejected: pd.DataFrame) -> list[Rejection]:
    """The rejected rows by planted defect, and those that nobody planted.

    Args:
        planted: the record of what was spoilt.
        rejected: source, row_hash, copy, column, reason, date, asset_id of `rejected_rows`.
    """
    defect_of: dict[tuple[object, object], str] = {(p.date, p.asset_id): p.defect.value for p in planted}
    keys = zip(rejected["date"], rejected["asset_id"], strict=True)
    found = rejected.assign(defect=[defect_of.get((_none(day), _none(asset)), "not planted") for day, asset in keys])
    names = list(dict.fromkeys([*(p.defect.value for p in planted), *found["defect"]]))
    return [_rejection(name, [p for p in planted if p.defect.value == name], found[found["defect"] == name]) for name in names]


def _none(value: object) -> object:
    return None if pd.isna(value) else value  # type: ignore[call-overload]  # a scalar


def _rejection(name: str, planted: Sequence[Planted], rejected: pd.DataFrame) -> Rejection:
    once = rejected.drop_duplicates(["source", "row_hash", "copy"])["source"]
    unusable = sum(p.n_unusable for p in planted)
    columns = rejected[rejected["column"] != "key"].groupby("reason", sort=False)["column"].unique()
    reasons = [", ".join(sorted(columns.get(reason, []))) + f" {reason}" for reason in rejected["reason"].unique()]
    return Rejection(
        name,
        len(planted),
        (unusable, unusable if name in KEY_DEFECTS else 0),
        (int((once == "panel.exposures").sum()), int((once == "panel.returns").sum())),
        tuple(reason.strip() for reason in reasons),
    )


def factors_text(rows: Sequence[Recovered], noise_ratio: Floats, variants: Sequence[str]) -> str:
    """Section: factor volatilities and returns."""
    shown = [[*_vols(row), f"{row.correlation:.3f}", f"{ratio:.2f}"] for row, ratio in zip(rows, noise_ratio, strict=True)]
    return section(
        "Factor volatilities as of the last date, annualised %",
        table([*_vol_header("factor", variants), "corr", "noise/se"], shown),
        note(
            f"{_within(rows, variants)} aim: the true volatility and the noise that the regressions leave in factor returns, over "
            "the window. se: the sampling error of the window. corr: of estimated with true factor returns, over all dates. "
            "noise/se: their rms difference over the rms standard error that the regressions state; these take specific "
            "variances as proportional to 1/sqrt(cap), but here they do not depend on the cap: above 1 is right."
        ),
    )


def portfolios_text(rows: Sequence[Recovered], variants: Sequence[str], built: str) -> str:
    """Section: portfolio volatilities."""
    return section(
        "Portfolio volatilities as of the last date, annualised %",
        table(_vol_header("portfolio", variants), map(_vols, rows)),
        note(
            f"{_within(rows, variants)} true: X Sigma X' + Delta of the truth, with the exposures of the date. found: the model's. "
            "Long-short: the upper fifth by exposure against the lower fifth. Random: the same names on all dates, equal weights."
        ),
        note(built),
    )


def _vol_header(first: str, variants: Sequence[str]) -> list[str]:
    return [first, "true", *(cell for name in variants for cell in (f"{name} aim", "found", "se", "z"))]


def _vols(row: Recovered) -> list[str]:
    cells = [row.name, _percent(row.true)]
    for vol in row.found:
        cells += [_percent(vol.expected), _percent(vol.estimated), _percent(vol.se), f"{vol.z:+.1f}"]
    return cells


def _within(rows: Sequence[Recovered], variants: Sequence[str]) -> str:
    counts = [sum(abs(row.found[n].z) <= 2 for row in rows) for n in range(len(variants))]
    within = ", ".join(f"{name} {count} of {len(rows)}" for name, count in zip(variants, counts, strict=True))
    return f"Within 2 se of aim: {within} (z = (found - aim) / se; 19 of 20 by sampling alone)."


def specific_text(found: Mapping[str, SpecificRecovered], assets: Sequence[str], planted: Iterable[Planted]) -> str:
    """Section: specific volatilities."""
    rows = [
        [
            name, f"{len(s.ratios)}", f"{np.median(s.ratios):.3f}", f"{np.median(s.expected):.3f}", f"{np.mean(s.se):.3f}",
            f"{np.mean(np.abs(s.z) <= 2):.1%}", f"{s.correlation:.3f}", f"{s.attainable:.3f}",
        ]
        for name, s in found.items()
    ]  # fmt: skip
    far = {asset for s in found.values() for asset, z in zip(assets, s.z, strict=True) if abs(z) > FAR}
    spoilt = {p.asset_id for p in planted if p.defect is Defect.OUTLIER}
    named = ", ".join(
        f"{asset} ({'a return of +-50 % was planted' if asset in spoilt else 'nothing planted'})" for asset in sorted(far)
    )
    return section(
        "Specific volatilities as of the last date, estimated / true",
        table(["variant", "assets", "median", "median aim", "se of one", "within 2 se", "corr", "attainable"], rows),
        note(
            "Within 2 se of aim: 95 % by sampling alone. aim: what the fit leaves of a specific return. corr: of estimated with "
            f"true, across assets; attainable: if sampling were the only error. Beyond {FAR} se: {named or 'none'}."
        ),
    )


def bias_text(portfolios: Sequence[Bias], factors: Sequence[Bias], aims: Mapping[str, float], variant: str) -> str:
    """Section: forecasts against what came."""
    rows = [[b.name, f"{b.value:.3f}", f"{aims[b.name]:.3f}", str(b.n_dates), _band(b), _judged(b)] for b in portfolios]
    values = [b.value for b in factors]
    inside = sum(abs(b.value - 1) <= b.band for b in factors)
    return section(
        f"Bias statistic of {variant}: B = sd of return / forecast volatility, out of sample",
        table(["portfolio", "B", "aim", "dates", "1 +- sqrt(2/T)", ""], rows),
        note(
            f"The {len(factors)} factors: B from {min(values):.3f} to {max(values):.3f}, median {np.median(values):.3f}, "
            f"{inside} of them in the band, two standard errors about a perfect forecast of normal returns. aim: true / aim of the "
            "table above, for the noise in the factor returns makes a forecast too high, most so for a bet on a style."
        ),
    )


def _band(bias: Bias) -> str:
    return f"{1 - bias.band:.3f} to {1 + bias.band:.3f}"


def _judged(bias: Bias) -> str:
    return "in" if abs(bias.value - 1) <= bias.band else "below" if bias.value < 1 else "above"


def rejected_text(rows: Sequence[Rejection], account: Iterable[Mapping[str, int]], n_rows: int, n_missing: int) -> str:
    """Section: what was planted and rejected, and where every row went."""
    shown = [
        [
            row.defect, str(row.planted), *(f"{r} of {u}" for r, u in zip(row.rejected, row.unusable, strict=True)),
            "; ".join(row.reasons) or "none: the rows are usable",
        ]
        for row in rows
    ]  # fmt: skip
    header = ["planted", "rows", "exposures", "returns", "column and reason"]
    right = sum(row.rejected == row.unusable for row in rows)
    return section(
        "Rows rejected, of those planted",
        table(header, shown, left=(0, 4)),
        note(
            f"{right} of {len(rows)} as planted. A row of the panel is used twice, as exposures and as a return: shown is how many "
            f"were rejected of those that are unusable. {n_missing:,} missing returns are no reason to reject a row."
        ),
        *(note(_account_line(line, n_rows)) for line in account),
    )


def _account_line(line: Mapping[str, int], n_rows: int) -> str:
    parts = {"packed": "packed", "rejected": "rejected", "outside": "outside the dates", "without_exposures": "without exposures"}
    adds_up = line["rows_in"] == n_rows == sum(line[name] for name in parts)
    counted = " + ".join(f"{line[name]:,} {word}" for name, word in parts.items())
    return f"{line['source']}: {n_rows:,} rows = {counted}" + (": adds up" if adds_up else ": DOES NOT ADD UP")


def commands_text(python: Path, lake: Path, config: Path, jars: Path, variant: str) -> str:
    """Section: three lines to paste."""
    opened = f"open_release({json.dumps(str(lake))}).risk(variant={json.dumps(variant)})"  # double quotes: the shell's are single
    read = f"from sigmalake import open_release; print({opened}.asset_cov().iloc[:4, :4])"
    query = f'SELECT * FROM delta.`{lake}/factor_returns` WHERE factor = "market" ORDER BY date DESC LIMIT 5'
    session = (
        f"--driver-class-path {quote(f'{jars}/*')} --conf spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension "
        "--conf spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog"
    )
    us, sql, submit = (quote(str(path)) for path in (python, python.parent / "spark-sql", python.parent / "spark-submit"))
    local = f"SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON={us}"
    return section(
        "To paste",
        f"# Python, without Spark\n{us} -c {quote(read)}",
        f"# SQL; the query also goes into spark.sql(...)\n{local} {sql} {session} -e {quote(query)}",
        f"# the same run by spark-submit, from the project's folder\n{local} {submit} "
        f"--driver-class-path {quote(f'{jars}/*')} jobs/run_model.py --config {quote(str(config))}",
    )


def _percent(vol: float) -> str:
    return f"{vol * 100 * np.sqrt(DAYS_A_YEAR):.2f}"
