"""What would run, and why: what each row should have been computed from, against what it says it was."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Generic, NamedTuple, TypeVar

import pyarrow as pa

from sigmalake.config.model import Config
from sigmalake.config.staleness import digest_of, settings_hash
from sigmalake.config.variant import Variant
from sigmalake.lake.lake import Lake
from sigmalake.numerics.windows.calendar import Month, complete_months, month_ends, months_until, on_grid
from sigmalake.stages import versions
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tasks.chunks import first_row

Key = TypeVar("Key")

_OTHERS = "+"  # in a version: what follows is of kernels that other packages register


class Why(StrEnum):
    """Why a row is computed."""

    NEW = "new"
    INPUT = "input changed"
    CONFIGURATION = "configuration changed"
    VERSION = "computed by another version"
    UPSTREAM = "upstream changed"
    INTERRUPTED = "an earlier run stopped before it was done"


class Changes(NamedTuple, Generic[Key]):
    """Rows to compute, each with the hash it will carry and why; and rows to remove."""

    compute: dict[Key, str]
    why: dict[Key, Why]
    remove: list[Key]

    def __bool__(self) -> bool:
        return bool(self.compute or self.remove)


class PanelState(NamedTuple):
    """What the panel says, or will say, of one row."""

    exposure_date: date
    return_date: date | None
    inputs_hash: str
    exposures_hash: str


def rules_hash(settings: str, version: str) -> str:
    """What a stage's rows depend on beside their data: its settings, and the version of its kernel."""
    return f"{settings[:8]}.{version}"


def version_with(version: str, kernels: Iterable[object]) -> str:
    """The version of a stage's kernel, with those of the kernels that other packages register.

    Args:
        version: of the stage.
        kernels: what stands in the configuration where another package's may; ours have no version beside the stage's.
    """
    others = [str(found) for one in kernels if (found := getattr(one, "version", ""))]
    return f"{version}{_OTHERS}{digest_of(others)[:8]}" if others else version


def join_hash(data: str, rules: str) -> str:
    """What a row was computed from, in parts, so that a plan can say which of them changed.

    Args:
        data: of all that the row was made of.
        rules: see `rules_hash`.
    """
    return f"{data}.{rules}"


def changes(expected: Mapping[Key, str], stored: Mapping[Key, str], changed: Why) -> Changes[Key]:
    """Rows whose hash is missing or differs, and rows that should not be there.

    Args:
        expected: hash of every row that there should be.
        stored: hash of every row that there is.
        changed: what a different hash of the data means at this stage.
    """
    compute = {key: value for key, value in expected.items() if stored.get(key) != value}
    why = {key: _why(value, stored.get(key), changed) for key, value in compute.items()}
    return Changes(compute, why, [key for key in stored if key not in expected])


def _why(expected: str, stored: str | None, changed: Why) -> Why:
    if stored is None:
        return Why.NEW
    (data, _, rules), (data_before, _, rules_before) = expected.partition("."), stored.partition(".")
    if data != data_before:
        return changed
    (settings, _, version), (settings_before, _, version_before) = rules.partition("."), rules_before.partition(".")
    if version.partition(_OTHERS)[0] != version_before.partition(_OTHERS)[0]:
        return Why.VERSION
    return Why.VERSION if settings == settings_before else Why.CONFIGURATION  # another estimator has another version, too


def panel_states(lake: Lake) -> list[PanelState]:
    """The panel's rows, in order."""
    return panel_states_of(lake.columns(PANEL, PanelState._fields))


def panel_states_of(rows: pa.Table) -> list[PanelState]:
    """Rows of the panel with the columns of a state, in order."""
    columns = (rows.column(name).to_pylist() for name in PanelState._fields)
    return sorted(map(PanelState._make, zip(*columns, strict=True)), key=lambda row: row.exposure_date)


def stored_cross_sections(lake: Lake) -> dict[date, str]:
    """Hash by date."""
    days, hashes = lake.columns(CROSS_SECTIONS, ["date", "inputs_hash"]).columns
    return dict(sorted(zip(days.to_pylist(), hashes.to_pylist(), strict=True)))


def stored_risk_models(lake: Lake) -> dict[tuple[str, date], str]:
    """Hash by variant and date."""
    names, days, hashes = lake.columns(RISK_MODELS, ["variant", "date", "inputs_hash"]).columns
    return dict(zip(zip(names.to_pylist(), days.to_pylist(), strict=True), hashes.to_pylist(), strict=True))


def expected_cross_sections(panel: Sequence[PanelState], config: Config) -> dict[date, str]:
    """A regression for each return date of the panel."""
    of_config = rules_hash(config.regress_hash(), version_with(versions.REGRESS, [config.regression.weights]))
    rows = [(row.return_date, row.inputs_hash) for row in panel if row.return_date is not None]
    if config.regression.two_pass is None:
        return {day: join_hash(digest_of([value]), of_config) for day, value in rows}
    look_back, history = config.regression.two_pass.look_back, _prints(expected_first_pass(panel, config).values())
    windows = [_window(history, end, look_back) for end in range(len(rows))]  # up to the date before
    return {day: join_hash(digest_of([value, window]), of_config) for (day, value), window in zip(rows, windows, strict=True)}


def expected_first_pass(panel: Sequence[PanelState], config: Config) -> dict[date, str]:
    """A first pass for each return date of the panel, in its order; none where one pass is all."""
    if config.regression.two_pass is None:
        return {}
    of_config = rules_hash(config.first_pass_hash(), versions.REGRESS)
    return {row.return_date: join_hash(digest_of([row.inputs_hash]), of_config) for row in panel if row.return_date is not None}


def expected_risk_models(
    panel: Sequence[PanelState], cross_sections: Mapping[date, str], config: Config
) -> dict[tuple[str, date], str]:
    """A risk model for each variant and date of its grid: of the coverage known at the date and the window before it."""
    calendar = sorted(cross_sections)
    known = {row.exposure_date: row.exposures_hash for row in panel}
    position = {day: i for i, day in enumerate(calendar)}
    history, months = _prints(cross_sections[day] for day in calendar), months_of(panel, calendar)
    expected = {}
    for name, variant in config.risk.items():
        kernels = variant.factor_cov, variant.specific_var
        of_config = rules_hash(config.variant_hash(name), version_with(versions.RISK, kernels))
        look_back, by_month = variant.look_back, months if variant.by_month else None
        for day in on_grid(calendar, variant.every):
            window = _read_by(history, position[day], look_back, by_month)
            expected[name, day] = join_hash(digest_of([known.get(day, ""), window]), of_config)
    return expected


def expected_residual_correlations(
    panel: Sequence[PanelState], cross_sections: Mapping[date, str], config: Config
) -> dict[date, str]:
    """A test at the end of each month that is over, once the window has enough dates: of these, and of X known at the date."""
    rules, calendar = config.residual_correlation, sorted(cross_sections)
    of_config = rules_hash(settings_hash(rules), versions.RESIDUALS)
    known = {row.exposure_date: row.exposures_hash for row in panel}
    position = {day: i for i, day in enumerate(calendar)}
    history = _prints(cross_sections[day] for day in calendar)
    return {
        day: join_hash(digest_of([known.get(day, ""), _window(history, position[day] + 1, rules.window)]), of_config)
        for day in month_ends(calendar)
        if position[day] + 1 >= rules.fewest_periods
    }


def months_of(panel: Sequence[PanelState], calendar: Sequence[date]) -> list[Month]:
    """The complete months of the regressions' dates; the first return counts from the exposures that it was regressed on."""
    before = {row.return_date: row.exposure_date for row in panel}
    return complete_months(calendar, before.get(calendar[0]) if calendar else None)


def first_position(variant: Variant, position: int, months: Sequence[Month]) -> int:
    """Of the rows that the estimate as of a position reads: those of its look-back, in dates or in complete months."""
    if not variant.by_month:
        return first_row(position, variant.look_back)
    read = months_until(months, position, variant.look_back)
    return read[0].first if read else position


def _read_by(prints: bytes, position: int, look_back: int, months: Sequence[Month] | None) -> str:
    """Of the cross-sections that the estimate as of a position reads.

    By month these are all dates of its months, parted by month, and the as-of date's own, whose assets are covered; dates of a
    running month before it are not read.
    """
    if months is None:
        return _window(prints, position + 1, look_back)
    runs = [*months_until(months, position, look_back), Month(position, position)]
    return digest_of([_window(prints, run.last + 1, run.last + 1 - run.first) for run in runs])


def _prints(hashes: Iterable[str]) -> bytes:
    """16 bytes a row, in the order of the calendar."""
    return b"".join(sha256(value.encode()).digest()[:16] for value in hashes)


def _window(prints: bytes, end: int, look_back: int) -> str:
    """Of the rows of a window, the one at `end` excluded."""
    return sha256(prints[16 * max(0, end - look_back) : 16 * end]).hexdigest()


def summarise(why: Iterable[Why]) -> str:
    """Reasons with their counts."""
    found = list(why)
    return ", ".join(f"{found.count(reason)} {reason.value}" for reason in Why if reason in found)
