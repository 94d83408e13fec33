"""A bad panel from a seed: its files, its configuration, and how many of its rows have to be rejected where that is known."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import yaml

from fuzz.draws import DATES_AS_TEXT, NUMBERS, NUMBERS_AS_TEXT, OTHER_NAMES, SHOWN_NAMES, happens, one_of
from fuzz.files import Columns, as_text, typed, write

NUMERIC = ("ret", "cap", "size", "beta", "weight", "us", "jp")
STARTS = [date(2024, 1, 2)] * 6 + [
    date(1, 1, 1), date(9999, 12, 24), date(1969, 12, 29), date(1899, 12, 29), date(1677, 9, 20), date(2262, 4, 9),
    date(1582, 10, 3),
]  # fmt: skip

GRIDS = [{"frequency": "month"}, {"every": "week"}, {"every": "month"}]
STARTS_PERIOD = {"exposures_dated": "start_of_period"}
AGES = [{"exposures_max_age": 2}, {"exposures_max_age": 10**9}]


class Panel(NamedTuple):
    """A panel in a folder of its own."""

    config: Path
    lake: Path
    rejected: dict[str, int] | None  # by source, as `runs.account` names it; None: not known beforehand


class _Planted(NamedTuple):
    """A value that is bad for certain, and the sides of the panel whose row it spoils."""

    column: str
    value: str
    sides: str  # x: exposures, r: returns


PLANTED = (
    *(_Planted("ret", value, "r") for value in ("inf", "-inf", "nan", "1e400", "1,5", "1.5%", "0x10", "<b>", "-1.5")),
    *(_Planted("ret", value, "r") for value in ("9" * 400, "\uff11\uff12")),
    *(_Planted("cap", value, "x") for value in ("", "0", "-1", "inf", "nan", "1e400", "-5e-324", "€1", "1e-400")),
    *(_Planted("size", value, "x") for value in ("", "nan", "inf", "--1", "[red]1[/red]", "1e", "\x1b[31m1")),
    *(_Planted("sector", value, "x") for value in ("", "   ", "\t")),
    *(_Planted("asset_id", value, "xr") for value in ("", "  ")),
    *(_Planted("date", value, "xr") for value in ("", "0000-01-01", "10000-01-01", "2024-02-30", "02/01/2024", "<i>", "today")),
)  # fmt: skip


def make_panel(seed: int, folder: Path) -> Panel:
    """The panel of a seed."""
    rng = np.random.default_rng([seed, 1])
    columns = _good(rng)
    certain = happens(rng, 0.35)
    body = _configuration(rng, as_given=certain or happens(rng, 0.5))
    rejected = _plant(rng, columns) if certain else _spoil(rng, columns)
    names = _renamed(rng, body, columns)
    rows = {names[name]: values for name, values in columns.items()}
    kinds = {names["date"]: "date", names["asset_id"]: "text", names["sector"]: "text", names["flag"]: "flag"}
    table = as_text(rows) if certain or happens(rng, 0.4) else typed(rng, rows, kinds)
    if not certain and happens(rng, 0.3):
        _split(rng, body)
    for name, place in body["sources"].items():
        if isinstance(place, dict):
            place.update(write(rng, _side(table, name, names), folder / name))
    (folder / "model.yaml").write_text(yaml.safe_dump(body, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return Panel(folder / "model.yaml", folder / "lake", rejected)


def _good(rng: np.random.Generator) -> Columns:
    """A panel without a defect; a row a date and asset."""
    n_dates, n_assets = int(rng.integers(1, 8)), int(rng.integers(1, 24))
    first, step = one_of(rng, STARTS), one_of(rng, [1, 1, 1, 7, 31])
    dates = [first + timedelta(step * t) for t in range(n_dates) if first.year < 9999 or step * t < 8]
    rows, n = len(dates) * n_assets, n_assets
    ids = [f"A{i:02d}" for i in range(n)]
    if happens(rng, 0.4):
        ids = [one_of(rng, SHOWN_NAMES + OTHER_NAMES) + str(i) for i in range(n)]
    sectors = ["tech", "bank", "oil"][: int(rng.integers(1, 4))]
    if happens(rng, 0.3):
        sectors = list(dict.fromkeys(one_of(rng, SHOWN_NAMES + OTHER_NAMES).strip() or "x" for _ in range(int(rng.integers(1, 5)))))
    us = rng.choice([0.0, 0.25, 1.0], rows)
    return {
        "date": [day for day in dates for _ in range(n)],
        "asset_id": ids * len(dates),
        "ret": rng.normal(0, 0.01, rows).round(6).tolist(),
        "cap": np.exp(rng.normal(3, 1, rows)).round(3).tolist(),
        "sector": [sectors[int(i)] for i in rng.integers(0, len(sectors), rows)],
        "size": rng.normal(size=rows).round(6).tolist(),
        "beta": rng.normal(size=rows).round(6).tolist(),
        "weight": rng.uniform(0.5, 2, rows).round(3).tolist(),
        "us": us.tolist(),
        "jp": (1 - us).tolist(),
        "flag": (rng.random(rows) < 0.9).tolist(),
    }


def _configuration(rng: np.random.Generator, *, as_given: bool) -> dict[str, Any]:
    """A model of some of the columns."""
    used = {"date": "date", "asset_id": "asset_id", "ret": "ret", "cap": "cap"}
    weights = one_of(rng, ["sqrt_cap", "sqrt_cap", "cap", "equal", "column", "inverse_specific_var"])
    if weights == "column":
        used["weight"] = "weight"
    if happens(rng, 0.3):
        used["in_estimation"] = "flag"
    factors: list[dict[str, Any]] = [{"market": one_of(rng, ["market", *SHOWN_NAMES])}] if happens(rng, 0.8) else []
    sector: dict[str, Any] = {"membership": one_of(rng, ["sector", "sector", *SHOWN_NAMES]), "column": "sector"}
    factors.append(sector)
    if happens(rng, 0.3):
        factors.append(
            {"membership": "country", "columns": {"US": "us", "JP": "jp"}, **({"partial": True} if happens(rng, 0.3) else {})}
        )
    factors.append({"styles": ["size", "beta"], "as_given": True} if as_given else {"styles": _styles(rng)})
    regression: dict[str, Any] = {
        "weights": weights,
        "thin": one_of(rng, ["keep", "shrink", "drop"]),
        "portfolios": happens(rng, 0.3),
    }
    if happens(rng, 0.7):
        regression |= {"min_assets": 1, "min_members": one_of(rng, [0, 1, 2])}
    if happens(rng, 0.2):
        regression["huber"] = 1.345
    if happens(rng, 0.2):
        regression["outliers_beyond"] = one_of(rng, [0.1, 3, 5])
    if happens(rng, 0.2):
        regression["ridge"] = one_of(rng, [0.01, 1, 1e300, 5e-324])
    if weights == "inverse_specific_var":
        regression["two_pass"] = {"window": 3, "min_periods": 2}
    checks = {"max_rejected": {"date": 1, "source": 1}}
    return {
        "model": one_of(rng, ["fuzz", *SHOWN_NAMES]),
        "lake": "lake",
        "sources": {"panel": {"columns": used, **one_of(rng, [{}] * 5 + [STARTS_PERIOD])}, **one_of(rng, [{}] * 5 + AGES)},
        "factors": factors,
        "regression": regression,
        "risk": {"short": _variant(rng)},
        **({"covariance": {"cells": happens(rng, 0.3), "dates": one_of(rng, ["last", "month_end"])}} if happens(rng, 0.4) else {}),
        "checks": checks if happens(rng, 0.5) else {**checks, "max_coverage_drop": 1, "min_r2": -9, "max_failed_dates": 999},
        "local": {"workers": 1},
    }


def _styles(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "size": {"missing": one_of(rng, ["reject", "zero", "regress"])},
        "beta": {
            "clip_beyond": one_of(rng, [0, 1, 3]),
            **({"orthogonal_to": ["size"]} if happens(rng, 0.4) else {}),
            **({"descriptors": {"beta": 1, "size": 0.5}} if happens(rng, 0.3) else {}),
            "missing": one_of(rng, ["reject", "zero", "regress"]),
        },
    }


def _variant(rng: np.random.Generator) -> dict[str, Any]:
    sample = {"estimator": "sample", "window": 4, "min_periods": 2}
    ewma = {"estimator": "ewma", "half_life": 2, "window": 4, "min_periods": 2}
    factor_cov, specific_var = (dict(one_of(rng, [sample, ewma])) for _ in range(2))
    if happens(rng, 0.3) and factor_cov["estimator"] == "ewma":
        factor_cov |= {"lags": 1, "regime": {"half_life": 2}, "eigenfactor": {"scale": 1, "simulations": 3}}
    if happens(rng, 0.3) and specific_var["estimator"] == "ewma":
        specific_var |= {
            "lags": 1,
            "structural": {"window": 4, "min_observations": 2, "full_observations": 3},
            "size_shrinkage": {"q": 0.1},
        }
    return {"factor_cov": factor_cov, "specific_var": specific_var, **one_of(rng, [{}] * 7 + GRIDS)}


def _plant(rng: np.random.Generator, columns: Columns) -> dict[str, int]:
    """Spoil some cells, each of another row and for certain; the rows that are rejected by source."""
    n = len(columns["date"])
    rows = rng.permutation(n)[: int(rng.integers(0, max(1, n // 4) + 1))]
    planted = [(int(row), one_of(rng, PLANTED)) for row in rows]
    for row, cell in planted:
        columns[cell.column][row] = cell.value
    return {
        "panel.exposures": sum("x" in cell.sides for _, cell in planted),
        "panel.returns": sum("r" in cell.sides for _, cell in planted),
    }


def _spoil(rng: np.random.Generator, columns: Columns) -> None:
    """Spoil cells with anything at all, and rows."""
    n = len(columns["date"])
    for _ in range(int(rng.integers(0, 6))):
        name = one_of(rng, NUMERIC)
        some = rng.random(n) < one_of(rng, [0.02, 0.1, 0.5, 1.0])
        value, same = one_of(rng, NUMBERS), happens(rng, 0.6)
        columns[name] = [
            (value if same else one_of(rng, NUMBERS)) if hit else old for old, hit in zip(columns[name], some, strict=True)
        ]
    for name, texts in (("date", DATES_AS_TEXT), (one_of(rng, NUMERIC), NUMBERS_AS_TEXT)):
        if happens(rng, 0.15):
            columns[name] = [one_of(rng, texts) if happens(rng, 0.1) else value for value in columns[name]]
    for name, values in columns.items():  # a null here and there
        if happens(rng, 0.15):
            columns[name] = [None if happens(rng, 0.1) else value for value in values]
    _spoil_rows(rng, columns)


def _spoil_rows(rng: np.random.Generator, columns: Columns) -> None:
    """Rows that are repeated, gone or in another order, and columns that say the same or nothing."""
    n = len(columns["date"])
    if happens(rng, 0.2):
        columns["beta"] = list(columns["size"])
    if happens(rng, 0.2):
        columns["sector"] = [f"s{i}" for i in range(n)]
    if happens(rng, 0.15):
        repeated = rng.integers(0, n, int(rng.integers(1, n + 1)))
        for name, values in columns.items():
            columns[name] = values + [values[int(i)] for i in repeated]
    if happens(rng, 0.2):
        kept = np.flatnonzero(rng.random(len(columns["date"])) < one_of(rng, [0.0, 0.1, 0.7]))
        for name, values in columns.items():
            columns[name] = [values[int(i)] for i in kept]
    if happens(rng, 0.3):
        order = rng.permutation(len(columns["date"]))
        for name, values in columns.items():
            columns[name] = [values[int(i)] for i in order]


def _renamed(rng: np.random.Generator, body: dict[str, Any], columns: Columns) -> dict[str, str]:
    """Names of the columns in the source; those that the configuration maps may be any."""
    names = {name: name for name in columns}
    mapped = body["sources"]["panel"]["columns"]
    for key, column in list(mapped.items()):
        if happens(rng, 0.1):
            new = one_of(rng, SHOWN_NAMES)
            if new not in names.values():
                names[column] = mapped[key] = new
    return names


def _split(rng: np.random.Generator, body: dict[str, Any]) -> None:
    """Returns and exposures in the place of a panel, and caps, too, in some cases."""
    panel = body["sources"].pop("panel")
    mapped = panel["columns"]
    key = {name: mapped[name] for name in ("date", "asset_id")}
    body["sources"]["returns"] = {"columns": {**key, "ret": mapped.pop("ret")}}
    if happens(rng, 0.5):
        body["sources"]["caps"] = {"columns": {**key, "cap": mapped.pop("cap")}}
    body["sources"]["exposures"] = panel


def _side(table: pa.Table, source: str, names: dict[str, str]) -> pa.Table:
    """The columns of one source; all of them where it is exposures or a panel."""
    own = {"returns": ("date", "asset_id", "ret"), "caps": ("date", "asset_id", "cap")}.get(source)
    return table if own is None else table.select([names[name] for name in own if names[name] in table.column_names])
