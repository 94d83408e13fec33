"""Sigma over its windows: which factors they can estimate together, and D_vol Corr D_vol of those."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factor_cov.eligible_factors import LeftOut, drop_short, drop_unexplained, zero_variance
from sigmalake.numerics.factor_cov.em import CompletedHistory
from sigmalake.numerics.factor_cov.window_cov import (
    Component,
    Components,
    WindowCov,
    all_dates_cov,
    complete_dates_cov,
    with_variances,
)
from sigmalake.numerics.types import Floats, Ints

_NAMES = ("volatility", "correlation")


class Diagnostic(NamedTuple):
    """One finding on the way to Sigma."""

    name: str
    value: float | None  # in the unit that the name says
    detail: str | None


class FactorCov(NamedTuple):
    """Sigma as of one date."""

    cov: Floats  # (K', K') fraction^2 per period, exactly symmetric
    kept: Ints  # (K',) positions of its factors, in the model's order
    left_out: tuple[LeftOut, ...]  # by position
    n_periods: int  # dates in the volatility window: complete ones, or all where histories are completed
    effective_periods: float  # 1 / sum a_j^2 of the volatility weights; 0 when no factor is kept
    diagnostics: tuple[Diagnostic, ...] = ()

    def then(self, cov: Floats, *found: Diagnostic) -> "FactorCov":
        """With what a further layer made of Sigma, and what it found."""
        return self._replace(cov=cov, diagnostics=(*self.diagnostics, *found))


def estimate_windows(returns: Floats, components: Components, *, min_periods: int, complete: bool) -> FactorCov:
    """Sigma = D_vol Corr D_vol, over the factors that have enough history in the volatility and in the correlation window.

    Factors leave by `drop_short`, or by `drop_unexplained` where shorter histories are completed. A factor with zero
    variance over the dates used has no correlations: it leaves too, and the rule starts again without it (**choice**).

    Args:
        returns: (T, K) factor returns, fractions, newest last, NaN where not estimated; T is free of the windows.
        components: the estimator.
        min_periods: complete dates, or with `complete` a factor's values, needed; >= 2.
        complete: use all dates, with missing returns completed.
    """
    kept = np.arange(returns.shape[1])
    left_out: list[LeftOut] = []
    while True:
        for window, _, _ in components.distinct:
            rows = returns[-window:]
            if complete:
                kept, short = drop_unexplained(rows, kept, window, min_periods, centre=components.centre)
            else:
                kept, short = drop_short(rows, kept, window, min_periods)
            left_out += short
        found = [
            _window_cov(returns[:, kept], component, centre=components.centre, complete=complete)
            for component in components.distinct
        ]
        still = {
            int(k): LeftOut(int(k), zero_variance(f"{one.weights.size} complete dates", component.window))
            for component, one in zip(components.distinct, found, strict=True)
            for k in kept[np.diag(one.cov) == 0.0]
        }
        if not still:
            break
        left_out += still.values()
        kept = kept[~np.isin(kept, list(still))]
    weights = found[0].weights
    cov = found[0].cov if len(found) == 1 else with_variances(found[1].cov, np.diag(found[0].cov))
    return FactorCov(
        cov=cov * (weights.size / (weights.size - 1)) if components.unbiased and weights.size else cov,
        kept=kept,
        left_out=tuple(sorted(left_out)),
        n_periods=weights.size,
        effective_periods=float(1 / (weights @ weights)) if weights.size else 0.0,
        diagnostics=tuple(
            _completion(name, one.completed) for name, one in zip(_NAMES, found, strict=False) if one.completed is not None
        ),
    )


def _window_cov(returns: Floats, component: Component, *, centre: bool, complete: bool) -> WindowCov:
    window, half_life, lags = component
    estimate = all_dates_cov if complete else complete_dates_cov
    return estimate(returns[-window:], half_life, lags, centre=centre)


def _completion(name: str, history: CompletedHistory) -> Diagnostic:
    how = f"EM, last step {history.last_step:.1e}" if history.n_iterations else "closed form, nested histories"
    detail = f"{history.n_completed} missing returns completed: {how}"
    return Diagnostic(f"em_iterations:{name}", float(history.n_iterations), detail)
