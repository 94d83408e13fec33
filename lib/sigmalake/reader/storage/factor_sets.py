"""Which factor each position of the arrays in packed tables belongs to."""

from itertools import groupby

import pyarrow as pa

from sigmalake.numerics.factors import Factor, Given, Kind


def factor_sets_from(rows: pa.Table) -> dict[str, list[Factor]]:
    """The factors of each set, in the model's order, from the rows of `factors`; small: K rows a set."""
    ordered = rows.sort_by([("factor_set", "ascending"), ("position", "ascending")]).to_pylist()
    return {
        name: [Factor(row["factor"], row["factor_group"], Kind(row["kind"]), _given(row["given"])) for row in run]
        for name, run in groupby(ordered, key=lambda row: row["factor_set"])
    }


def _given(value: str | None) -> Given | None:
    return None if value is None else Given(value)
