"""The styles of one date, from raw descriptors to the columns of X, with an account of every step."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.exposures.standardise import (
    Limited,
    Moments,
    clip_extremes,
    combine_descriptors,
    cross_section_moments,
    remove_extremes,
    standardise,
)
from sigmalake.numerics.exposures.style_regression import CONSTANT, LN_CAP, fill_by_regression, orthogonalise
from sigmalake.numerics.exposures.style_rules import Missing, StyleRules, style_order
from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.regression.rules import RegressionWeights
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.numerics.weights import regression_weights


class StyleRecipe(NamedTuple):
    """What is the same on every date."""

    columns: Sequence[str]  # D raw descriptors
    styles: Sequence[tuple[str, StyleRules | None]]  # S, in the order of X; None: the column as it stands
    weighting: RegressionWeights  # of the regressions between exposures
    memberships: Sequence[Factor]  # M, of all groups

    @property
    def reads_memberships(self) -> bool:
        """Whether some style needs them."""
        groups = {factor.group for factor in self.memberships}
        rules = [rule for _, rule in self.styles if rule is not None]
        return any(rule.missing is Missing.REGRESS or groups & set(rule.orthogonal_to) for rule in rules)


class StyleInputs(NamedTuple):
    """What is known of a date's coverage at t-1."""

    descriptors: Floats  # (N, D) raw; NaN is missing
    caps: Floats  # (N,) > 0; all 1 where the model has none
    weight_column: Floats | None  # (N,) the user's regression weights
    in_estimation: Bools  # (N,)
    memberships: Floats  # (N, M) shares

    def only(self, kept: Bools) -> "StyleInputs":
        """Of some of the assets."""
        column = None if self.weight_column is None else self.weight_column[kept]
        return StyleInputs(self.descriptors[kept], self.caps[kept], column, self.in_estimation[kept], self.memberships[kept])


class Step(NamedTuple):
    """One thing that was done to a style; NaN: the step has no such number."""

    style: str
    step: str  # removed, clipped, standardised, combined, filled_by, filled, orthogonalised_against or orthogonalised
    term: str  # the descriptor; from `combined` on the style; of the two regressions, `..._by` and `..._against`, each factor
    mean: float  # what was subtracted: see Moments
    sd: float
    coefficient: float  # of the regression on this term
    n_values: int  # that the moments or the regression rest on
    n_changed: int  # values of the coverage that were removed, clipped or filled


class Removed(NamedTuple):
    """A value whose removal rejects its row."""

    asset: int  # position among the N
    column: str
    value: float


class BuiltStyles(NamedTuple):
    """The styles of a date; N' of its N assets are kept."""

    exposures: Floats  # (N', S) finite
    filled: Bools  # (N', S)
    kept: Bools  # (N,)
    removed: list[Removed]  # what rejects the others
    steps: list[Step]


def build_styles(recipe: StyleRecipe, date: StyleInputs) -> BuiltStyles:
    """The styles of one date, over its estimation universe, applied to its whole coverage (Menchero, Orr, Wang 2011).

    Per style: `remove_extremes` and `clip_extremes` of each descriptor, `standardise`, `combine_descriptors`, the missing
    filled, `orthogonalise`; and standardised again after each of these three (**choice**: also after filling, so that in X
    every style has cap-weighted mean 0 and sd 1). An asset that lacks a style whose rule is `reject`, once removed values
    are missing, leaves the date before anything else is measured.

    Args:
        recipe: the descriptors and the rules.
        date: arrays of its N assets.
    """
    account = _Account([])
    removed = {name: _removed(name, rules, recipe, date, account) for name, rules in recipe.styles if rules is not None}
    kept, rejects = _kept(recipe, date, removed)
    left = date.only(kept)
    weights = regression_weights(recipe.weighting, left.caps, left.weight_column, left.in_estimation)
    exposures = np.zeros((int(kept.sum()), len(recipe.styles)))
    filled = np.zeros(exposures.shape, dtype=np.bool_)
    position = {name: number for number, (name, _) in enumerate(recipe.styles)}
    rules_of = {name: rules for name, rules in recipe.styles if rules is not None}
    for name in [name for name in position if name not in rules_of]:
        exposures[:, position[name]] = left.descriptors[:, recipe.columns.index(name)]
    for name in style_order(rules_of):
        style = _Style(name, rules_of[name], left, weights, account)
        combined = style.combined([limited.values[kept] for limited in removed[name]])
        whole, filled[:, position[name]] = style.filled(combined, recipe.memberships)
        others, columns = _against(rules_of[name].orthogonal_to, position, exposures, recipe.memberships, left.memberships)
        exposures[:, position[name]] = style.orthogonal(whole, others, columns)
    return BuiltStyles(exposures, filled, kept, rejects, account.steps)


class _Account(NamedTuple):
    steps: list[Step]

    def measured(self, style: str, step: str, term: str, moments: Moments, n_changed: int = 0) -> None:
        self.steps.append(Step(style, step, term, moments.mean, moments.sd, np.nan, moments.n_values, n_changed))

    def regressed(self, style: str, step: str, terms: Sequence[str], coefficients: Floats, n_fitted: int) -> None:
        """The terms that were estimated; the constant alone, without a number, where nothing was."""
        named = list(zip(terms, coefficients.tolist(), strict=True))
        reported = [pair for pair in named if np.isfinite(pair[1])] or named[:1]
        self.steps.extend(Step(style, step, term, np.nan, np.nan, coefficient, n_fitted, 0) for term, coefficient in reported)


def _removed(name: str, rules: StyleRules, recipe: StyleRecipe, date: StyleInputs, account: _Account) -> list[Limited]:
    """Each descriptor after step 1's removal."""
    found = []
    for column in rules.weights(name):
        values = date.descriptors[:, recipe.columns.index(column)]
        if not rules.remove_beyond:
            found.append(Limited(values, Moments(np.nan, np.nan, 0), np.zeros(len(values), dtype=np.bool_)))
            continue
        found.append(remove_extremes(values, date.caps, date.in_estimation, rules.remove_beyond))
        account.measured(name, "removed", column, found[-1].moments, int(found[-1].changed.sum()))
    return found


def _kept(recipe: StyleRecipe, date: StyleInputs, removed: dict[str, list[Limited]]) -> tuple[Bools, list[Removed]]:
    """The assets that have every style that a row must have, and what the others lost."""
    kept = np.ones(len(date.caps), dtype=np.bool_)
    rejects = []
    for name, rules in recipe.styles:
        if rules is None or rules.missing is not Missing.REJECT:
            continue
        lacking = np.logical_and.reduce([np.isnan(limited.values) for limited in removed[name]])
        kept &= ~lacking
        for column, limited in zip(rules.weights(name), removed[name], strict=True):
            raw = date.descriptors[:, recipe.columns.index(column)]
            rejects += [Removed(asset, column, float(raw[asset])) for asset in np.flatnonzero(lacking & limited.changed).tolist()]
    return kept, rejects


class _Style(NamedTuple):
    """One style on its way."""

    name: str
    rules: StyleRules
    date: StyleInputs
    weights: Floats
    account: _Account

    def combined(self, descriptors: Sequence[Floats]) -> Floats:
        """Clipped, standardised, and made one; NaN for an asset without any."""
        weights = self.rules.weights(self.name)
        single = [self._descriptor(column, values) for column, values in zip(weights, descriptors, strict=True)]
        if len(single) == 1:
            return single[0]
        combined = combine_descriptors(np.column_stack(single), np.array(list(weights.values())))
        return self._standardised("combined", self.name, combined)

    def _descriptor(self, column: str, values: Floats) -> Floats:
        if self.rules.clip_beyond:
            limited = clip_extremes(values, self.date.caps, self.date.in_estimation, self.rules.clip_beyond)
            self.account.measured(self.name, "clipped", column, limited.moments, int(limited.changed.sum()))
            values = limited.values
        return self._standardised("standardised", column, values)

    def filled(self, values: Floats, memberships: Sequence[Factor]) -> tuple[Floats, Bools]:
        """Whole, and which values were missing."""
        missing = np.isnan(values)
        if not missing.any():
            return values, missing
        if self.rules.missing is Missing.REGRESS:
            found = fill_by_regression(values, self.date.memberships, memberships, self.date.caps, self.weights)
            terms = [factor.name for factor in (CONSTANT, *memberships, LN_CAP)]
            self.account.regressed(self.name, "filled_by", terms, found.coefficients, found.n_fitted)
            whole = found.values
        else:
            whole = np.where(missing, 0.0, values)
        return self._standardised("filled", self.name, whole, int(missing.sum())), missing

    def orthogonal(self, values: Floats, others: Floats, columns: Sequence[Factor]) -> Floats:
        """What the others leave of it."""
        if not columns:
            return values
        found = orthogonalise(values, others, columns, self.weights)
        terms = [factor.name for factor in (CONSTANT, *columns)]
        self.account.regressed(self.name, "orthogonalised_against", terms, found.coefficients, found.n_fitted)
        return self._standardised("orthogonalised", self.name, found.values)

    def _standardised(self, step: str, term: str, values: Floats, n_changed: int = 0) -> Floats:
        moments = cross_section_moments(values, self.date.caps, self.date.in_estimation)
        self.account.measured(self.name, step, term, moments, n_changed)
        return standardise(values, moments)


def _against(
    names: Sequence[str], position: dict[str, int], exposures: Floats, memberships: Sequence[Factor], shares: Floats
) -> tuple[Floats, list[Factor]]:
    """The columns that a style is orthogonalised against: styles that are ready, and groups whole."""
    styles = [name for name in names if name in position]
    of_groups: Ints = np.flatnonzero([factor.group in names for factor in memberships])
    columns = [Factor(name, "style", Kind.STYLE) for name in styles] + [memberships[k] for k in of_groups.tolist()]
    return np.column_stack([exposures[:, [position[name] for name in styles]], shares[:, of_groups]]), columns
