"""What moved from an earlier model, over the dates on which anything can have."""

from datetime import date
from typing import TYPE_CHECKING

from sigmalake.errors import MissingRiskError
from sigmalake.reader.releases.comparison import ModelComparison

if TYPE_CHECKING:
    from sigmalake.reader.factor_model import FactorModel


def moved_since(model: "FactorModel", earlier: "FactorModel | None", start: date | None, end: date | None) -> ModelComparison:
    """The comparison of a model with an earlier one; None: the release before it.

    Raises:
        MissingRiskError: there is no earlier release, or nothing moved.
    """
    before = _release_before(model) if earlier is None else earlier
    days = [day for day in model.changed_dates(before) if (start is None or day >= start) and (end is None or day <= end)]
    found = model.compared_with(before, days[0], days[-1]) if days else None
    if found is None or found.dates.empty:
        span = f" from {start or 'the first date'} to {end or 'the last'}" if start or end else ""
        raise MissingRiskError(
            f"nothing moved from {before.release_id or 'the earlier model'} to {model.release_id or 'this one'}{span}: of the "
            "dates that both have, every row was computed from the same"
        )
    return found


def _release_before(model: "FactorModel") -> "FactorModel":
    from sigmalake.reader.open_release import open_release  # noqa: PLC0415 - it opens models, which have plots

    if (lake := model.packed.lake) is None:
        raise MissingRiskError("a model in memory has no release before it; give the earlier model: changes(earlier)")
    standing = [release.release_id for release in lake.ledger().standing]
    place = standing.index(model.release_id) if model.release_id in standing else 0
    if place == 0:
        raise MissingRiskError(f"{model.release_id} is the first release of {model.place}: there is none to compare it with")
    return open_release(lake.root, standing[place - 1], spark=lake.spark)
