"""A bad panel from a seed: its files, its configuration, and how many of its rows have to be rejected where that is known."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import yaml

from fuzz.draws import NUMBERS, OTHER_NAMES, SHOWN_NAMES, happens, one_of

Columns = dict[str, list[Any]]
NUMERIC = ("ret", "cap", "size", "beta", "weight", "us", "jp")
STARTS = [date(2024, 1, 2)] * 6 + [
    date(1, 1, 1), date(9999, 12, 24), date(1969, 12, 29), date(1899, 12, 29), date(1677, 9, 20), date(2262, 4, 9), date(1582, 10, 3),
]  # fmt: skip
DATE_TYPES = (
    pa.date32(), pa.date32(), pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns"),
    pa.timestamp("us", "UTC"), pa.timestamp("us", "America/New_York"), pa.string(), pa.large_string(), pa.int32(),
    pa.dictionary(pa.int32(), pa.string()),
)  # fmt: skip
NUMBER_TYPES = (
    *[pa.float64()] * 5, pa.float32(), pa.float16(), pa.string(), pa.int64(), pa.int8(), pa.uint64(), pa.decimal128(38, 6),
    pa.decimal256(60, 10), pa.bool_(), pa.null(), pa.list_(pa.float64()), pa.dictionary(pa.int8(), pa.string()), pa.binary(),
)  # fmt: skip
TEXT_TYPES = (
    *[pa.string()] * 5, pa.large_string(), pa.dictionary(pa.int16(), pa.string()), pa.binary(), pa.int64(), pa.uint64(), pa.null(),
    pa.bool_(), pa.float64(), pa.list_(pa.string()), pa.string_view(),
)  # fmt: skip


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
    *(_Planted("ret", value, "r") for value in ("inf", "-inf", "nan", "1e400", "1,5", "1.5%", "0x10", "<b>", "-1.5", "9" * 400, "１２")),
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
    as_text = certain or happens(rng, 0.4)
    table = _as_text(rows) if as_text else _typed(rng, rows, names)
    _write(rng, table, body, folder)
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
        "sources": {"panel": {"path": "panel.parquet", "columns": used}},
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
    return {"factor_cov": factor_cov, "specific_var": specific_var, **({"frequency": "month"} if happens(rng, 0.1) else {})}


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
    """Spoil cells, rows and columns with anything at all."""
    n = len(columns["date"])
    for _ in range(int(rng.integers(0, 6))):
        name = one_of(rng, NUMERIC)
        some = rng.random(n) < one_of(rng, [0.02, 0.1, 0.5, 1.0])
        value, same = one_of(rng, NUMBERS), happens(rng, 0.6)
        columns[name] = [
            (value if same else one_of(rng, NUMBERS)) if hit else old for old, hit in zip(columns[name], some, strict=True)
        ]
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
    for name, values in columns.items():  # a null here and there
        if happens(rng, 0.15):
            columns[name] = [None if happens(rng, 0.1) else value for value in values]


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


def _as_text(rows: Columns) -> pa.Table:
    return pa.table(
        {name: pa.array([None if value is None else str(value) for value in values], pa.string()) for name, values in rows.items()}
    )


def _typed(rng: np.random.Generator, rows: Columns, names: dict[str, str]) -> pa.Table:
    """The rows in types that databases and frames export; a column that a type does not hold stays as it is."""
    kinds = {
        names["date"]: DATE_TYPES,
        names["asset_id"]: TEXT_TYPES,
        names["sector"]: TEXT_TYPES,
        names["flag"]: (pa.bool_(), pa.string()),
    }
    arrays = {}
    for name, values in rows.items():
        kind = one_of(rng, kinds.get(name, NUMBER_TYPES)) if happens(rng, 0.3) else None
        arrays[name] = _array(values, kind)
    if happens(rng, 0.1):
        arrays.pop(one_of(rng, list(arrays)))
    if happens(rng, 0.1):
        arrays[one_of(rng, SHOWN_NAMES)] = pa.nulls(len(rows[names["date"]]))
    return pa.table(arrays)


def _array(values: list[Any], kind: pa.DataType | None) -> pa.Array:
    natural = _natural(values)
    if kind is None:
        return natural
    try:
        if pa.types.is_null(kind):
            return pa.nulls(len(values))
        if pa.types.is_list(kind):
            return pa.array([[value] for value in natural.to_pylist()], kind)
        if pa.types.is_dictionary(kind):
            return natural.cast(pa.string()).dictionary_encode().cast(kind)
        return natural.cast(kind, safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, ValueError, OverflowError):
        return natural


def _natural(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values])


def _write(rng: np.random.Generator, table: pa.Table, body: dict[str, Any], folder: Path) -> None:
    """The table as a file or several, in one of the formats; some files are cut or changed."""
    place = body["sources"]["panel"]
    name = one_of(rng, ["panel", "a b", "ü'x", "100%", "x=1"])
    if all(pa.types.is_string(kind) for kind in table.schema.types):
        form = one_of(rng, ["csv", "csv", "parquet"])
    else:
        form = one_of(rng, ["parquet", "parquet", "parquet", "delta"])
    place["path"] = f"{name}.{form}"
    path = folder / place["path"]
    if form == "csv":
        pv.write_csv(table, path)
    elif form == "delta":
        _write_delta(table, place, path)
    else:
        half = table.num_rows // 2
        if happens(rng, 0.2) and half:
            path.mkdir()
            for number, part in enumerate((table.slice(0, half), table.slice(half))):
                _write_parquet(part, path / f"{number}.parquet")
        else:
            _write_parquet(table, path)
    if form != "delta" and path.is_file() and happens(rng, 0.03):
        content = bytearray(path.read_bytes())
        for at in rng.integers(0, len(content), 5):
            content[int(at)] = int(rng.integers(256))
        path.write_bytes(bytes(content[: int(rng.integers(len(content) + 1))] if happens(rng, 0.5) else content))


def _write_parquet(table: pa.Table, path: Path) -> None:
    try:
        pq.write_table(table, path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        pq.write_table(pa.table({n: pa.array(list(map(str, table.column(n).to_pylist()))) for n in table.column_names}), path)


def _write_delta(table: pa.Table, place: dict[str, Any], path: Path) -> None:
    from deltalake import write_deltalake

    place["format"] = "delta"
    try:
        write_deltalake(str(path), table)
    except Exception:  # a type or a name that Delta does not hold
        place.pop("format")
        place["path"] = "panel.parquet"
        _write_parquet(table, path.parent / "panel.parquet")
