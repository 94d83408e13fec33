"""A child of the benchmark: the regressions of some dates of a lake, in memory, nothing read or written meanwhile.

    python -m bench.kernel LAKE N_DATES

Prints one JSON line: the dates, and the CPU seconds of one date, for factor and specific returns alone and with all statistics.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from bench.limit import Date, alone, whole

from sigmalake.lake.log import open_table, read_columns
from sigmalake.numerics.factors import Factor, Kind, PackedExposures
from sigmalake.numerics.types import Bools

COLUMNS = ["return_date", "factor_set", "n_assets", "ret", "cap", "in_estimation", "styles", "member_assets", "member_factors"]


def main(lake: Path, n_dates: int) -> None:
    """Fit the newest dates once to warm up and once on the clock."""
    panel, factors = open_table(str(lake / "panel")), open_table(str(lake / "factors"))
    if panel is None or factors is None:
        raise SystemExit(f"{lake} has no panel; run the benchmark's stages first")
    listed = read_columns(factors, ["position", "factor", "factor_group", "kind"]).sort_by("position").to_pylist()
    model = [Factor(row["factor"], row["factor_group"], Kind(row["kind"])) for row in listed]
    dates = sorted(day for day in read_columns(panel, ["return_date"]).column("return_date").to_pylist() if day is not None)
    wanted = pc.field("return_date") >= dates[-n_dates]
    rows = [row for row in read_columns(panel, [*COLUMNS, "member_shares"], wanted).to_pylist() if row["return_date"] is not None]
    packed = [_packed(row, model) for row in rows]
    seconds = {}
    for name, fit in {"factor_and_specific_returns": alone, "with_statistics": whole}.items():
        for _ in range(2):  # once to warm up
            started = time.process_time()
            for one in packed:
                fit(*one)
            seconds[name] = (time.process_time() - started) / len(rows)
    print(json.dumps({"n_dates": len(rows), "n_assets": rows[-1]["n_assets"], "cpu": seconds}))


def _packed(row: dict[str, Any], model: list[Factor]) -> tuple[Date, PackedExposures, Bools]:
    """A row of `panel` as the regression takes it."""
    arrays = {name: np.asarray(value) for name, value in row.items() if isinstance(value, list)}
    styles = arrays["styles"].reshape(row["n_assets"], -1)
    members = (arrays["member_assets"], arrays["member_factors"], arrays["member_shares"])
    date = Date(model, arrays["ret"].astype(float), arrays["cap"], arrays["member_factors"] - 1, styles)
    return date, PackedExposures(row["n_assets"], *members, styles), arrays["in_estimation"]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
