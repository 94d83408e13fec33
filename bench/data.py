"""Generated panels, a Parquet file a month, made once and kept in the cache."""

import shutil
import sys
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from bench.sizes import FIRST_DATE, Size
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SEED = 20140101
TURNOVER = 0.25  # of the names, listed or delisted in the years of the panel
MISSING = 0.005  # of the returns
OUTSIDE = 0.1  # of the names, not in the estimation universe
PERSISTENCE = 0.98  # of styles, from day to day
STYLE_VOL, INDUSTRY_VOL, MARKET_VOL, SPECIFIC_VOL = 0.002, 0.006, 0.01, 0.02  # daily


class _Names(NamedTuple):
    ids: list[str]
    industry: NDArray[np.int64]
    first: NDArray[np.int64]  # position of its first date
    last: NDArray[np.int64]
    outside: NDArray[np.bool_]


def panel_of(size: Size, cache: Path) -> Path:
    """The folder of a size's panel, generated where it is not there yet."""
    folder = cache / "data" / "-".join(map(str, size)) / "panel"
    if not folder.exists():
        print(f"bench: generating {size.n_dates} dates x {size.n_assets} assets", file=sys.stderr)
        unfinished = folder.with_name("unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        _generate(size, unfinished)
        unfinished.rename(folder)
    return folder


def calendar_of(size: Size) -> list[np.datetime64]:
    """Its dates: weekdays."""
    dates = np.busday_offset(np.datetime64(FIRST_DATE), np.arange(size.n_dates), roll="forward")
    return list(dates)


def _generate(size: Size, folder: Path) -> None:
    rng = np.random.default_rng(SEED)
    names = _names(size, rng)
    styles = rng.standard_normal((len(names.ids), size.n_styles))
    log_cap = rng.normal(8, 1.5, len(names.ids))
    explained = np.zeros(len(names.ids))
    days = enumerate(calendar_of(size))
    for month, dated in groupby(days, key=lambda item: str(item[1])[:7]):
        tables = []
        for position, day in dated:
            alive = np.flatnonzero((names.first <= position) & (position <= names.last))
            ret = explained + rng.standard_normal(len(names.ids)) * SPECIFIC_VOL
            log_cap += ret
            shocks = rng.standard_normal(styles.shape)
            styles = PERSISTENCE * styles + np.sqrt(1 - PERSISTENCE**2) * shocks
            given = np.where(rng.random(len(names.ids)) < MISSING, np.nan, ret)
            tables.append(_one_date(size, names, day, alive, given, np.exp(log_cap), styles))
            explained = _explained(size, names, styles, rng)
        pq.write_table(pa.concat_tables(tables), folder / f"{month}.parquet")


def _names(size: Size, rng: np.random.Generator) -> _Names:
    n_moving = int(size.n_assets * TURNOVER)
    n = size.n_assets + n_moving
    first, last = np.zeros(n, dtype=np.int64), np.full(n, size.n_dates)
    moved = rng.integers(1, size.n_dates, n_moving)  # one name leaves as another comes
    last[:n_moving] = moved - 1
    first[-n_moving:] = moved
    ids = [f"A{number:06}" for number in rng.permutation(n)]
    return _Names(ids, rng.integers(0, size.n_industries, n), first, last, rng.random(n) < OUTSIDE)


def _explained(size: Size, names: _Names, styles: Floats, rng: np.random.Generator) -> Floats:
    industries = rng.standard_normal(size.n_industries) * INDUSTRY_VOL
    explained: Floats = rng.standard_normal() * MARKET_VOL + industries[names.industry]
    return explained + styles @ (rng.standard_normal(size.n_styles) * STYLE_VOL)


def _one_date(
    size: Size, names: _Names, day: np.datetime64, alive: NDArray[np.int64], ret: Floats, cap: Floats, styles: Floats
) -> pa.Table:
    columns = {
        "date": pa.array(np.full(alive.size, day)),
        "asset_id": pa.array(names.ids).take(pa.array(alive)),
        "ret": pa.array(ret[alive], from_pandas=True),
        "cap": pa.array(cap[alive]),
        "in_estimation": pa.array(~names.outside[alive]),
        "industry": pa.array(size.industries).take(pa.array(names.industry[alive])),
    }
    return pa.table({**columns, **{name: pa.array(styles[alive, i]) for i, name in enumerate(size.styles)}})
