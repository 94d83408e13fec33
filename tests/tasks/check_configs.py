"""Configurations whose sources the tests of checks make rows for, and readers of what checks find."""

from sigmalake.config.model import Config

DATED = {"date": "day", "asset_id": "asset"}
PANEL_COLUMNS = {**DATED, "ret": "ret", "cap": "cap", "weight": "w", "in_estimation": "flag", "issuer_id": "issuer"}
FACTORS = [
    {"market": "market"},
    {"membership": "sector", "column": "sector", "levels": ["tech", "bank"]},
    {"membership": "country", "columns": {"US": "us", "JP": "jp"}},
    {"styles": ["size"], "as_given": True},
]


def config_of(factors=FACTORS, weights="equal", **sources):
    """A model of these factors; without sources, of a wide panel."""
    sources = sources or {"panel": {"path": "/no", "columns": PANEL_COLUMNS}}
    body = {"model": "m", "lake": "/no", "sources": sources, "factors": factors, "regression": {"weights": weights}}
    return Config.model_validate(body)


def apart(exposures, **others):
    """Sources of exposures with these columns, and of returns."""
    return {"returns": {"path": "/no", "columns": DATED}, "exposures": {"path": "/no", "columns": exposures}, **others}


def problems_of(checked):
    """Of each row, its problems as (column, reason, value)."""
    found = [set() for _ in range(checked.rows.num_rows)]
    for problem in checked.problems.to_pylist():
        found[problem["row"]].add((problem["column"], problem["reason"], problem["value"]))
    return found


def hashes_of(checked):
    """The hash of each row."""
    return checked.rows.column("row_hash").to_pylist()
