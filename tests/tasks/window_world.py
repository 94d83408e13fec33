"""A small world of returns, exposures, caps and issuers, as matrices and as the rows of tables that a task gets."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from sigmalake.numerics.factors import Factor, Kind, pack_exposures
from sigmalake.numerics.specific_risk.layers import Coverage
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL
from sigmalake.tasks.risk.window_arrays import CAPS_BEFORE, HISTORY, KNOWN

FACTORS = [
    Factor("market", "market", Kind.MARKET), Factor("bank", "sector", Kind.MEMBERSHIP), Factor("tech", "sector", Kind.MEMBERSHIP),
    Factor("size", "style", Kind.STYLE),
]  # fmt: skip
N_DATES, N_ASSETS = 40, 30
CALENDAR = [date(2024, 1, 1) + timedelta(days=n) for n in range(N_DATES)]
IDS = [f"A{n:02d}" for n in range(N_ASSETS)]
GONE, NEW = 4, 29  # without exposures on the last date; without a return so far
LAYERS = {
    "lags": 2, "structural": {"fewest_obs": 5, "ramp_obs": 5}, "size_shrinkage": {"groups": 3}, "regime": {"half_life": 3},
    "linked": {"min_periods": 5},
}  # fmt: skip
TABLES = {HISTORY: (CROSS_SECTIONS, "date"), KNOWN: (PANEL, "exposure_date"), CAPS_BEFORE: (PANEL, "return_date")}


class World:
    """Matrices, and the rows of tables that say the same."""

    def __init__(self, calendar: Sequence[date] = CALENDAR) -> None:
        rng, n_dates = np.random.default_rng(2), len(calendar)
        self.calendar = calendar
        self.u = rng.normal(0, 0.02, (n_dates, N_ASSETS)) * np.exp(rng.normal(0, 0.4, N_ASSETS))
        self.u[:, NEW] = np.nan
        self.u[rng.random(self.u.shape) < 0.02] = np.nan
        self.f = rng.normal(0, 0.01, (n_dates, 4))
        self.statuses = ["ok", "ok"]  # of the sectors, on every date
        self.caps = np.exp(rng.normal(5, 1, (n_dates, N_ASSETS)))  # by the date at which they are known
        self.sector = rng.integers(1, 3, N_ASSETS)
        self.size = rng.standard_normal((n_dates, N_ASSETS))
        self.issuers: list[str | None] = [None, "x", "y", "x", *["z"] * 3, *[f"i{n}" for n in range(7, N_ASSETS)]]

    def exposures(self, day: int, assets: np.ndarray) -> np.ndarray:
        members = (self.sector[assets, None] == [1, 2]).astype(float)
        return np.column_stack([np.ones(len(assets)), members, self.size[day, assets]])

    def history(self, day: int) -> dict[str, object]:
        assets = np.delete(np.arange(N_ASSETS), NEW)
        values = [None if np.isnan(value) else value for value in self.u[day, assets]]
        f = {"factor_return": self.f[day].tolist(), "factor_status": ["ok", *self.statuses, "ok"]}
        return self.row(HISTORY, day, assets, **f, specific_return=values)

    def known(self, day: int) -> dict[str, object]:
        assets = np.delete(np.arange(N_ASSETS), GONE) if day == len(self.calendar) - 1 else np.arange(N_ASSETS)
        return self.row(
            KNOWN, day, assets, styles=self.size[day, assets].tolist(), member_assets=list(range(len(assets))),
            member_factors=self.sector[assets].tolist(), member_shares=[1.0] * len(assets), cap=self.caps[day, assets].tolist(),
            issuer_id=[self.issuers[n] for n in assets],
        )  # fmt: skip

    def caps_before(self, day: int) -> dict[str, object]:
        return self.row(CAPS_BEFORE, day, np.arange(N_ASSETS), cap=self.caps[day - 1].tolist())

    def row(self, role: str, day: int, assets: np.ndarray, **values: object) -> dict[str, object]:
        return {TABLES[role][1]: self.calendar[day], "factor_set": "set", "asset_id": [IDS[n] for n in assets], **values}

    def inputs(self, read: Sequence[int], as_of: Sequence[int], *, shuffled: bool = True) -> dict[str, pa.Table]:
        """What a task gets: the rows of the dates that windows read, and of the as-of dates."""
        rows = {
            HISTORY: [self.history(day) for day in read],
            KNOWN: [self.known(day) for day in as_of],
            CAPS_BEFORE: [self.caps_before(day) for day in read],
        }
        rng = np.random.default_rng(0)
        orders = {role: rng.permutation(len(found)) if shuffled else np.arange(len(found)) for role, found in rows.items()}
        return {
            role: pa.Table.from_pylist([rows[role][n] for n in order], TABLES[role][0].arrow_schema())
            for role, order in orders.items()
        }

    def coverage(self, day: int) -> Coverage:
        is_known = np.ones(N_ASSETS, dtype=bool)
        is_known[GONE] = day != len(self.calendar) - 1
        assets = np.flatnonzero(is_known)
        numbers = {issuer: number for number, issuer in enumerate(dict.fromkeys(self.issuers)) if issuer is not None}
        issuers = np.array([numbers.get(issuer, -1) for issuer in self.issuers])
        return Coverage(
            np.arange(N_ASSETS), is_known, pack_exposures(self.exposures(day, assets), FACTORS), FACTORS,
            np.where(is_known, self.caps[day], np.nan), np.where(is_known, issuers, -1),
        )  # fmt: skip
