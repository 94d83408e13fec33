"""The reader: a release's tables as arrays and frames, without Spark.

    model = open_release("lakes/us")
    risk = model.risk()
    risk.risk_of({"AAPL": 0.6, "XOM": 0.4}).vol

A lake in a folder is read through the file system. One behind a URI (s3://, gs://, abfss://) takes the same way, with credentials
from the environment; that is not tested here. Each packed table is read by the row, at the version that the release names.
"""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow.dataset as ds

from sigmalake.config.types import CATALOG_NAME
from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.lake.releases import Release
from sigmalake.numerics.portfolio.coverage import full_symmetric
from sigmalake.numerics.windows.calendar import Frequency
from sigmalake.reader.attribution import RealisedAttribution, attribute_returns
from sigmalake.reader.factor_premia import READ, factor_return_frame, premia_frame
from sigmalake.reader.holdings import Holdings, Missing
from sigmalake.reader.risk_model import RiskModel, assemble
from sigmalake.reader.tables import EXPOSURE_COLUMNS, ReleasedTables, Row, nearest, releases_of, values_of
from sigmalake.tables.long import EXPOSURE_MOMENTS
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS

Day = date | str  # ISO, or anything that is a date: a pandas Timestamp too
_RISK = ("status", "detail", "diagnostics", "factors", "zero_factors", "factor_cov", "asset_id", "specific_var")
_OF_DATE = (
    "date", "status", "detail", "n_estimation", "rank", "dof", "r2", "adj_r2", "r2_uncentred", "residual_var", "condition_number",
    "market_return", "n_reweighted", "outliers",
)  # fmt: skip
_LINKED = ("linked_1", "linked_2", "linked_cov")
_FREQUENCY = "frequency"
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
    releases = releases_of(root)
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
        self._lake = ReleasedTables(root, release.release_id, self.tables)

    def __repr__(self) -> str:
        return f"<release {self.release_id} of {self._lake.root}: {', '.join(self.variants) or 'no variants'} as of {self.as_of}>"

    def dates(self, variant: str | None = None) -> list[date]:
        """The dates of a variant's risk models, ascending; None for the only variant."""
        wanted = ds.field("variant") == self._variant(variant)
        found: list[date] = self._lake.read(RISK_MODELS, ["date"], wanted).column("date").to_pylist()
        return sorted(found)

    def frequency(self, variant: str | None = None) -> Frequency:
        """What a period of a variant is, for which its risk and horizon are: `month`, or `period`, a step of the calendar.

        Args:
            variant: None for the only one.
        """
        wanted = ds.field("variant") == self._variant(variant)
        rows = self._lake.read(RISK_MODELS, ["date", _FREQUENCY], wanted).sort_by("date")
        return rows.column(_FREQUENCY)[-1].as_py() or "period" if rows.num_rows else "period"

    def calendar(self) -> list[date]:
        """The dates of the returns, ascending."""
        return self._lake.dates_of(PANEL, "return_date")

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
        row = self._lake.row(PANEL, ["exposure_date", "return_date", *EXPOSURE_COLUMNS, *_BY_ASSET], {dated: day})
        if row is None:
            raise MissingRiskError(f"the panel has no {dated} {day}; {nearest(day, self._lake.dates_of(PANEL, dated))}")
        X = self._lake.exposures(row)
        given = {name: values_of(row[column]) for column, name in _BY_ASSET.items() if row[column].is_valid}
        names = [f"factor.{name}" if name in given else name for name in X.names]
        index = pd.Index(X.assets, name="asset_id")
        frame = pd.concat([pd.DataFrame(given, index=index), pd.DataFrame(X.values, index=index, columns=names)], axis=1)
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
        row = self._lake.row(PANEL, ["style_steps"], {"exposure_date": day})
        if row is None:
            known = self._lake.dates_of(PANEL, "exposure_date")
            raise MissingRiskError(f"the panel has no exposure_date {day}; {nearest(day, known)}")
        columns = [name for name in EXPOSURE_MOMENTS.column_names if name != "exposure_date"]
        return pd.DataFrame(row["style_steps"].as_py() or [], columns=columns)

    def factor_returns(self) -> pd.DataFrame:
        """Factor returns, a row a date and a column a factor, fractions per period; NaN: not estimated."""
        return factor_return_frame(self._lake.read(CROSS_SECTIONS, READ), self._lake.factor_sets)

    def factor_premia(self, start: Day | None = None, end: Day | None = None, lags: int | None = None) -> pd.DataFrame:
        """What each factor earned on average per period, with plain and Newey-West standard errors; see `fama_macbeth`.

        A row a factor. Columns: n_periods, first_date, last_date, mean, std_error, t_stat, nw_lags, nw_std_error, nw_t_stat.

        Args:
            start: first date of the returns, itself included; None for the release's first.
            end: last date, itself included; None for its last.
            lags: of Newey-West, periods; None: floor(4 (T / 100)^(2/9)), T being the number of dates.

        Raises:
            MissingRiskError: no regression from `start` to `end`.
            ValueError: lags below 0, or not below the number of dates.
        """
        returns = self.factor_returns()
        first, last = _as_date(start or date.min), _as_date(end or date.max)
        asked = returns[(returns.index >= first) & (returns.index <= last)]
        if asked.empty:
            known = f"they go from {returns.index[0]} to {returns.index[-1]}" if len(returns) else "there are none"
            raise MissingRiskError(f"no regression from {start or 'the first'} to {end or 'the last'}; {known}")
        return premia_frame(asked, lags)

    def regression(self, day: Day) -> pd.DataFrame:
        """A date's regression, a row a factor: factor_return, std_error, t_stat, vif, n_members, status.

        NaN: not estimated, and status says why: empty, constant, collinear or thin; the date's status where the date failed.
        What is of the date is in the frame's `attrs`: date, status, detail, n_estimation, rank, dof, r2, adj_r2,
        r2_uncentred, residual_var, condition_number, market_return, n_reweighted, and outliers, a list of assets.

        Raises:
            MissingRiskError: no regression of that date.
        """
        wanted = (*_OF_DATE, "factor_set", "factor_return", "std_error", "vif", "n_members", "factor_status")
        row = self._cross_section_row(day, wanted)
        factors = [factor.name for factor in self._lake.factor_sets[row["factor_set"].as_py()]]
        frame = pd.DataFrame(
            {name: values_of(row[name]) for name in ("factor_return", "std_error", "vif", "n_members")},
            index=pd.Index(factors, name="factor"),
        )
        frame.insert(2, "t_stat", (frame["factor_return"] / frame["std_error"]).where(frame["std_error"] > 0))
        status = row["status"].as_py()
        frame["status"] = row["factor_status"].as_py() if status == "ok" else status
        frame.attrs = {name: row[name].as_py() for name in _OF_DATE}
        return frame

    def cross_section(self, day: Day) -> pd.DataFrame:
        """A date's regression, a row an asset: specific and fitted return, universe flag, weight.

        Raises:
            MissingRiskError: no regression of that date.
        """
        columns = ["specific_return", "fitted_return", "in_estimation", "weight"]
        row = self._cross_section_row(day, ["asset_id", *columns])
        index = pd.Index(values_of(row["asset_id"]), name="asset_id")
        return pd.DataFrame({column: values_of(row[column]) for column in columns}, index=index)

    def risk(
        self,
        date: Day | None = None,
        variant: str | None = None,
        *,
        exposures: Literal["known", "used"] = "known",
        horizon: float = 1,
    ) -> RiskModel:
        """Sigma and Delta as of a date, with the exposures known then, or used in its regression.

        Args:
            date: as of this close; None for the release's.
            variant: None for the only one.
            exposures: `known` at the close of `date`, or `used` to explain its returns.
            horizon: periods of the variant that the risk is for, see `frequency`. Sigma, Delta and the covariances of linked
                issues are stored for one, and multiplied by it, as if returns had no memory.

        Raises:
            MissingRiskError: there is no such variant, date or Sigma, or there are no exposures.
            DataError: the horizon is not above 0.
        """
        if exposures not in {"known", "used"}:
            raise ValueError(f"exposures is {exposures!r}; give 'known' or 'used'")
        name, day = self._variant(variant), _as_date(date or self.as_of)
        row = self._lake.row(RISK_MODELS, [*_RISK, *_LINKED, _FREQUENCY], {"variant": name, "date": day})
        if row is None:
            raise MissingRiskError(f"{name} has no risk model as of {day}; {nearest(day, self.dates(name))}")
        if row["status"].as_py() != "ok":
            raise MissingRiskError(f"{name} has no Sigma as of {day}: {row['status'].as_py()}; {row['detail'].as_py()}")
        dated = "exposure_date" if exposures == "known" else "return_date"
        panel = self._lake.row(PANEL, ["exposure_date", *EXPOSURE_COLUMNS], {dated: day})
        if panel is None or not len(panel["asset_id"]):
            raise MissingRiskError(
                f"no exposures known at {day}: the newest are older than the model allows; exposures='used' takes its regression's"
                if exposures == "known"
                else f"no exposures explain the returns of {day}; exposures='known' takes those known at its close"
            )
        X = self._lake.exposures(panel)
        names = row["factors"].as_py()
        said = {d["name"]: d["detail"] for d in row["diagnostics"].as_py()}
        return assemble(
            variant=name,
            date=day,
            exposure_date=panel["exposure_date"].as_py(),
            assets=X.assets,
            columns=X.names,
            groups=[factor.group for factor in X.factors],
            exposures=X.values,
            factors=names,
            factor_cov=full_symmetric(values_of(row["factor_cov"]), len(names)),
            specific_var=dict(zip(row["asset_id"].as_py(), values_of(row["specific_var"]), strict=True)),
            left_out={key.removeprefix("left_out:"): why for key, why in said.items() if key.startswith("left_out:")},
            zero_factors=row["zero_factors"].as_py(),
            linked=_linked(row),
            frequency=row[_FREQUENCY].as_py() or "period",
        ).over(horizon)

    def attribution(
        self,
        holdings: Holdings | pd.DataFrame,
        start: Day | None = None,
        end: Day | None = None,
        *,
        missing: Missing = "raise",
    ) -> RealisedAttribution:
        """Where the returns of holdings came from, from `start` to `end`, both included; see `attribute_returns`."""
        first, last = (None if day is None else _as_date(day) for day in (start, end))
        return attribute_returns(self._lake, holdings, first, last, missing)

    def _cross_section_row(self, day: Day, columns: Sequence[str]) -> Row:
        row = self._lake.row(CROSS_SECTIONS, columns, {"date": _as_date(day)})
        if row is None:
            raise MissingRiskError(f"no regression of {day}; {nearest(_as_date(day), self._lake.dates_of(CROSS_SECTIONS, 'date'))}")
        return row

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


def _as_date(day: Day) -> date:
    if not isinstance(day, str):
        return pd.Timestamp(day).date()
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise ConfigError(f"{day!r} is not a date; write it as 2024-03-04") from None


def _linked(row: Row) -> dict[tuple[str, str], float]:
    """Specific covariances by pair of assets; null: none are linked."""
    if not row["linked_cov"].is_valid:
        return {}
    assets = row["asset_id"].as_py()
    first, second = ([assets[position] for position in row[name].as_py()] for name in _LINKED[:2])
    return dict(zip(zip(first, second, strict=True), values_of(row["linked_cov"]).tolist(), strict=True))
