"""The reader: a release's tables as arrays and frames, without Spark.

    model = open_release("lakes/us")
    risk = model.risk()
    risk.risk_of({"AAPL": 0.6, "XOM": 0.4}).vol

A lake in a folder is read through the file system. One behind a URI (s3://, gs://, abfss://) takes the same way, with credentials
from the environment; that is not tested here. Each packed table is read by the row, at the version that the release names.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from sigmalake.config import CATALOG_NAME
from sigmalake.errors import ConfigError, InfrastructureError, MissingRiskError
from sigmalake.lake.format import FORMAT_PROPERTY, check_format
from sigmalake.lake.log import open_table, read_columns
from sigmalake.lake.releases import Release, releases_from
from sigmalake.numerics.arrays import Floats
from sigmalake.numerics.exposures import Factor, Kind, dense_exposures
from sigmalake.numerics.usable_assets import full_symmetric
from sigmalake.risk_model import RiskModel, assemble
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import EXPOSURE_MOMENTS, FACTORS
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.records import RELEASES

Day = date | str  # ISO, or anything that is a date: a pandas Timestamp too
Row = Mapping[str, pa.Scalar]

_EXPOSURES = ("factor_set", "asset_id", "styles", "member_assets", "member_factors", "member_shares")
_BY_ASSET = {"ret": "ret", "cap": "cap", "in_estimation": "in_estimation", "weight_column": "weight", "issuer_id": "issuer_id"}


def open_release(lake: str | Path, release: str | None = None) -> "ReleasedModel":
    """A release of a lake, to be read as it stood.

    Args:
        lake: the folder or URI of the lake.
        release: its id; None for the last one.

    Raises:
        ConfigError: no lake is there, it has another format, or it lies in a catalog.
        MissingRiskError: there is no such release, or none yet.
    """
    root = str(lake).rstrip("/")
    if isinstance(lake, str) and CATALOG_NAME.fullmatch(root):
        raise ConfigError(
            f"{root} names a lake in a catalog, whose files only the platform can read: read it with Spark SQL, at the versions in "
            f"`SELECT tables FROM {root}.releases`, say `{root}.risk_models VERSION AS OF 7`. For a folder write ./{root}"
        )
    releases = _releases(root)
    if not releases:
        raise MissingRiskError(f"the lake {root} has no release yet; make one with `sigmalake release`")
    if release is None:
        return ReleasedModel(root, releases[-1])
    named = {known.release_id: known for known in releases}
    if release not in named:
        listed = ", ".join(known.release_id for known in releases[:-11:-1])
        earlier = f" and {len(releases) - 10} earlier" if len(releases) > 10 else ""
        raise MissingRiskError(f"the lake {root} has no release {release}; it has {listed}{earlier}")
    return ReleasedModel(root, named[release])


class ReleasedModel:
    """A release: every table at the version that it names, whatever the lake has become since."""

    def __init__(self, root: str, release: Release) -> None:
        self.release_id: str = release.release_id
        self.as_of: date = release.as_of
        self.created_at: datetime = release.created_at
        self.variants: tuple[str, ...] = tuple(release.variants)
        self.tables: dict[str, int] = dict(release.tables)
        self._root = root
        self._opened: dict[str, DeltaTable] = {}

    def __repr__(self) -> str:
        return f"<release {self.release_id} of {self._root}: {', '.join(self.variants) or 'no variants'} as of {self.as_of}>"

    def dates(self, variant: str | None = None) -> list[date]:
        """The dates of a variant's risk models, ascending; None for the only variant."""
        wanted = ds.field("variant") == self._variant(variant)
        found: list[date] = self._read(RISK_MODELS, ["date"], wanted).column("date").to_pylist()
        return sorted(found)

    def panel(self, *, exposure_date: Day | None = None, return_date: Day | None = None) -> pd.DataFrame:
        """A date's cross-section, a row an asset: returns, caps, flags, and X, a column a factor.

        Columns that the model does not have (cap, weight, issuer_id) are left out. A factor that is called like one of them is
        prefixed with `factor.`. Both dates are in the frame's `attrs`.

        Args:
            exposure_date: close at which the exposures are known; with neither date, the release's.
            return_date: date of the returns that they explain.

        Raises:
            MissingRiskError: the panel has no such date.
        """
        if exposure_date is not None and return_date is not None:
            raise ValueError("give exposure_date or return_date, not both: each names one row of the panel")
        dated = "exposure_date" if return_date is None else "return_date"
        day = _as_date(return_date or exposure_date or self.as_of)
        row = self._row(PANEL, ["exposure_date", "return_date", *_EXPOSURES, *_BY_ASSET], {dated: day})
        if row is None:
            raise MissingRiskError(f"the panel has no {dated} {day}; {_nearest(day, self._dates_of(PANEL, dated))}")
        X = self._exposures(row)
        given = {name: _values(row[column]) for column, name in _BY_ASSET.items() if row[column].is_valid}
        names = [f"factor.{name}" if name in given else name for name in X.factors]
        index = pd.Index(X.assets, name="asset_id")
        frame = pd.concat([pd.DataFrame(given, index=index), pd.DataFrame(X.exposures, index=index, columns=names)], axis=1)
        frame.attrs = {dated: row[dated].as_py() for dated in ("exposure_date", "return_date")}
        return frame

    def exposure_moments(self, exposure_date: Day | None = None) -> pd.DataFrame:
        """How the styles of a date came about, a row a step, in the order in which they were taken.

        A style that is as given has no row. Columns: style, step, term, mean, sd, coefficient, n_values, n_changed, as in the
        table `exposure_moments`.

        Args:
            exposure_date: close at which the exposures are known; None for the release's.

        Raises:
            MissingRiskError: the panel has no such date.
        """
        day = _as_date(exposure_date or self.as_of)
        row = self._row(PANEL, ["style_steps"], {"exposure_date": day})
        if row is None:
            raise MissingRiskError(f"the panel has no exposure_date {day}; {_nearest(day, self._dates_of(PANEL, 'exposure_date'))}")
        columns = [name for name in EXPOSURE_MOMENTS.column_names if name != "exposure_date"]
        return pd.DataFrame(row["style_steps"].as_py() or [], columns=columns)

    def factor_returns(self) -> pd.DataFrame:
        """Factor returns, a row a date and a column a factor, fractions per period; NaN: not estimated."""
        rows = self._read(CROSS_SECTIONS, ["date", "factor_set", "factor_return"]).sort_by("date")
        days, sets = (rows.column(name).to_pylist() for name in ("date", "factor_set"))
        returns = rows.column("factor_return").combine_chunks()
        frames = []
        for factor_set, run in groupby(range(rows.num_rows), key=lambda row: sets[row]):
            at = list(run)
            names = [factor.name for factor in self._factor_sets[factor_set]]
            frames.append(pd.DataFrame([_values(returns[row]) for row in at], [days[row] for row in at], names))
        return pd.concat(frames).rename_axis("date") if frames else pd.DataFrame()

    def cross_section(self, day: Day) -> pd.DataFrame:
        """A date's regression, a row an asset: specific and fitted return, universe flag, weight.

        Raises:
            MissingRiskError: no regression of that date.
        """
        columns = ["specific_return", "fitted_return", "in_estimation", "weight"]
        row = self._row(CROSS_SECTIONS, ["asset_id", *columns], {"date": _as_date(day)})
        if row is None:
            raise MissingRiskError(f"no regression of {day}; {_nearest(_as_date(day), self._dates_of(CROSS_SECTIONS, 'date'))}")
        index = pd.Index(_values(row["asset_id"]), name="asset_id")
        return pd.DataFrame({column: _values(row[column]) for column in columns}, index=index)

    def risk(
        self, date: Day | None = None, variant: str | None = None, *, exposures: Literal["known", "used"] = "known"
    ) -> RiskModel:
        """Sigma and Delta as of a date, with the exposures known then, or used in its regression.

        Args:
            date: as of this close; None for the release's.
            variant: None for the only one.
            exposures: `known` at the close of `date`, or `used` to explain its returns.

        Raises:
            MissingRiskError: there is no such variant, date or Sigma, or there are no exposures.
        """
        if exposures not in {"known", "used"}:
            raise ValueError(f"exposures is {exposures!r}; give 'known' or 'used'")
        name, day = self._variant(variant), _as_date(date or self.as_of)
        row = self._row(
            RISK_MODELS,
            ["status", "detail", "diagnostics", "factors", "factor_cov", "asset_id", "specific_var"],
            {"variant": name, "date": day},
        )
        if row is None:
            raise MissingRiskError(f"{name} has no risk model as of {day}; {_nearest(day, self.dates(name))}")
        if row["status"].as_py() != "ok":
            raise MissingRiskError(f"{name} has no Sigma as of {day}: {row['status'].as_py()}; {row['detail'].as_py()}")
        dated = "exposure_date" if exposures == "known" else "return_date"
        panel = self._row(PANEL, ["exposure_date", *_EXPOSURES], {dated: day})
        if panel is None or not len(panel["asset_id"]):
            raise MissingRiskError(
                f"no exposures known at {day}: the newest are older than the model allows; exposures='used' takes its regression's"
                if exposures == "known"
                else f"no exposures explain the returns of {day}; exposures='known' takes those known at its close"
            )
        X = self._exposures(panel)
        names = row["factors"].as_py()
        said = {d["name"]: d["detail"] for d in row["diagnostics"].as_py()}
        return assemble(
            variant=name,
            date=day,
            exposure_date=panel["exposure_date"].as_py(),
            assets=X.assets,
            columns=X.factors,
            exposures=X.exposures,
            factors=names,
            factor_cov=full_symmetric(_values(row["factor_cov"]), len(names)),
            specific_var=dict(zip(row["asset_id"].as_py(), _values(row["specific_var"]), strict=True)),
            left_out={key.removeprefix("left_out:"): why for key, why in said.items() if key.startswith("left_out:")},
        )

    def _variant(self, asked: str | None) -> str:
        listed = ", ".join(self.variants)
        if asked is None and len(self.variants) == 1:
            return self.variants[0]
        if asked is None:
            raise MissingRiskError(
                f"release {self.release_id} has several variants; name one of {listed}" if listed else self._bare()
            )
        if asked not in self.variants:
            raise MissingRiskError(f"release {self.release_id} has no variant {asked}; it has {listed}" if listed else self._bare())
        return asked

    def _bare(self) -> str:
        return f"release {self.release_id} has no risk models: the configuration named no variant under risk"

    @cached_property
    def _factor_sets(self) -> dict[str, list[Factor]]:
        rows = self._read(FACTORS, FACTORS.column_names).sort_by([("factor_set", "ascending"), ("position", "ascending")])
        return {
            name: [Factor(row["factor"], row["factor_group"], Kind(row["kind"])) for row in run]
            for name, run in groupby(rows.to_pylist(), key=lambda row: row["factor_set"])
        }

    def _exposures(self, row: Row) -> "_Exposures":
        factors = self._factor_sets[row["factor_set"].as_py()]
        assets = row["asset_id"].as_py()
        X = dense_exposures(
            len(assets), factors, _values(row["member_assets"]), _values(row["member_factors"]), _values(row["member_shares"]),
            _values(row["styles"]),
        )  # fmt: skip
        return _Exposures(assets, [factor.name for factor in factors], X)

    def _dates_of(self, table: Table, column: str) -> list[date]:
        return sorted(day for day in self._read(table, [column]).column(column).to_pylist() if day is not None)

    def _row(self, table: Table, columns: Sequence[str], key: Mapping[str, object]) -> Row | None:
        clauses = [ds.field(name) == value for name, value in key.items()]
        rows = self._read(table, columns, clauses[0] if len(clauses) == 1 else clauses[0] & clauses[1])
        return {name: rows.column(name)[0] for name in columns} if rows.num_rows else None

    def _read(self, table: Table, columns: Sequence[str], rows: ds.Expression | None = None) -> pa.Table:
        try:
            return read_columns(self._open(table), columns, rows)
        except FileNotFoundError as error:
            raise InfrastructureError(
                f"release {self.release_id} reads {table.name} at version {self.tables[table.name]}, of which a file is gone "
                f"({error}); restore it, or open a newer release"
            ) from None

    def _open(self, table: Table) -> DeltaTable:
        if table.name not in self._opened:
            where = f"{self._root}/{table.name}"
            version = self.tables.get(table.name)
            log = None if version is None else open_table(where, version)
            if log is None:
                raise MissingRiskError(f"release {self.release_id} has no table {table.name} ({where}); open another release")
            check_format(log.metadata().configuration.get(FORMAT_PROPERTY), where)
            self._opened[table.name] = log
        return self._opened[table.name]


class _Exposures(NamedTuple):
    """X of one date with its labels."""

    assets: list[str]
    factors: list[str]
    exposures: Floats  # (N, K)


def _releases(root: str) -> list[Release]:
    where = f"{root}/{RELEASES.name}"
    log = open_table(where)
    if log is None:
        if open_table(f"{root}/{PANEL.name}") is None:
            raise ConfigError(f"there is no lake at {root}; give the folder or URI that `lake:` names in the configuration")
        return []
    check_format(log.metadata().configuration.get(FORMAT_PROPERTY), where)
    return releases_from(read_columns(log, RELEASES.column_names))


def _values(cell: pa.ListScalar) -> np.ndarray:
    """An array of a row; null numbers are NaN."""
    values: np.ndarray = cell.values.to_numpy(zero_copy_only=False)
    return values


def _as_date(day: Day) -> date:
    if not isinstance(day, str):
        return pd.Timestamp(day).date()
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise ConfigError(f"{day!r} is not a date; write it as 2024-03-04") from None


def _nearest(day: date, known: Sequence[date]) -> str:
    """What a message says of the dates that there are."""
    if not known:
        return "there are none"
    around = [*[d for d in known if d < day][-1:], *[d for d in known if d > day][:1]]
    return f"nearest: {', '.join(map(str, around))}; newest: {known[-1]}"
