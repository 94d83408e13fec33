"""A child of the benchmark: the regressions of some dates of a lake, in memory, nothing read or written meanwhile.

    python -m bench.kernel LAKE N_DATES

Prints one JSON line: the dates, and the wall and CPU seconds of one date.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from sigmalake.lake.log import open_table, read_columns
from sigmalake.numerics.factors import Factor, Kind, PackedExposures
from sigmalake.numerics.regression.cross_section import fit_cross_section
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.weights import regression_weights

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
    rows = [
        {name: np.asarray(value) if isinstance(value, list) else value for name, value in row.items()}
        for row in read_columns(panel, [*COLUMNS, "member_shares"], wanted).to_pylist()
        if row["return_date"] is not None
    ]
    rules = RegressionRules()

    def fit_all() -> None:
        for row in rows:
            members = (row["member_assets"], row["member_factors"], row["member_shares"])
            exposures = PackedExposures(row["n_assets"], *members, row["styles"].reshape(row["n_assets"], -1))
            weights = regression_weights(rules.weights, row["cap"], None, row["in_estimation"])
            fit_cross_section(row["ret"].astype(float), exposures, row["cap"], weights, row["in_estimation"], model, rules)

    fit_all()
    wall, cpu = time.perf_counter(), time.process_time()
    fit_all()
    seconds = {"wall": (time.perf_counter() - wall) / len(rows), "cpu": (time.process_time() - cpu) / len(rows)}
    print(json.dumps({"n_dates": len(rows), "n_assets": rows[-1]["n_assets"], **seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
