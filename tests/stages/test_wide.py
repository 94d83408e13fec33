"""A date of 10,000 assets and 40 styles: 3.5 MB a row, in a heap of 2 GB, with default settings."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from processes import run
from sigmalake.reader.open_release import open_release

N_ASSETS, N_STYLES, N_DATES = 10_000, 40, 12


def write_wide_panel(path):
    rng = np.random.default_rng(11)
    X = rng.standard_normal((N_ASSETS, N_STYLES))
    ids = [f"A{n:05d}" for n in range(N_ASSETS)]
    fixed = {"asset_id": ids, "cap": rng.lognormal(8, 1.5, N_ASSETS), "sector": [f"sector {n % 60}" for n in range(N_ASSETS)]}
    fixed |= {f"s{k}": X[:, k] for k in range(N_STYLES)}
    table = pa.table(fixed)
    writer = None
    for n in range(N_DATES):
        day = pa.array([date(2024, 1, 1) + timedelta(days=n)] * N_ASSETS)
        returns = pa.array(X @ rng.normal(0, 0.003, N_STYLES) + rng.normal(0, 0.02, N_ASSETS))
        rows = table.append_column("date", day).append_column("ret", returns)
        writer = writer or pq.ParquetWriter(path, rows.schema)
        writer.write_table(rows)
    writer.close()


def test_a_wide_market_runs_in_a_heap_of_2_gb(tmp_path):
    write_wide_panel(tmp_path / "panel.parquet")
    estimators = {"estimator": "ewma", "half_life": 5, "window": 10, "min_periods": 5}
    body = {
        "model": "wide",
        "lake": "lake",
        "sources": {"panel": {"path": "panel.parquet", "columns": {"cap": "cap"}}},
        "factors": [
            {"market": "market"},
            {"membership": "sector", "column": "sector"},
            {"styles": [f"s{k}" for k in range(N_STYLES)]},
        ],
        "risk": {"short": {"factor_cov": estimators, "specific_var": estimators}},
        "spark": {"spark.driver.memory": "2g"},
    }
    (tmp_path / "wide.yaml").write_text(yaml.safe_dump(body))
    done = run("run", "--config", tmp_path / "wide.yaml", timeout=600)
    assert done.returncode == 0, done.stderr
    risk = open_release(tmp_path / "lake").risk()
    assert risk.exposures.shape == (N_ASSETS, 101)
    assert risk.refused == {}
