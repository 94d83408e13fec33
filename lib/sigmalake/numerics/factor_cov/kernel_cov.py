"""Sigma by the kernel that another package registers."""

from dataclasses import dataclass

import numpy as np

from sigmalake.numerics.factor_cov.eligible_factors import LeftOut, drop_short, zero_variance
from sigmalake.numerics.factor_cov.layered import LayeredFactorCov
from sigmalake.numerics.factor_cov.windows import Diagnostic, FactorCov
from sigmalake.numerics.registry.estimator import KernelError, call_kernel
from sigmalake.numerics.registry.group import Registered
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import check_window

FAILED = "factor_cov_failed"
_ROUNDING = 1e-8  # of the largest variance: what may be asymmetric, or an eigenvalue below 0


@dataclass(frozen=True, kw_only=True)
class KernelFactorCov(Registered, LayeredFactorCov):
    """The kernel's Sigma over the dates of its window that have every factor; which factors those are is `drop_short`'s rule."""

    def __post_init__(self) -> None:
        check_window("settings.window", self.settings.window)
        super().__post_init__()

    @property
    def windows(self) -> tuple[int, ...]:
        """The settings' window."""
        return (self.settings.window,)

    def over_windows(self, history: Floats) -> FactorCov:
        """Sigma of the kernel; empty, with the reason among the diagnostics, where it failed."""
        rows = history[-self.windows[0] :]
        kept, left_out = drop_short(rows, np.arange(rows.shape[1]), self.windows[0], self.fewest_periods)
        while kept.size:
            dates = np.flatnonzero(~np.isnan(rows[:, kept]).any(axis=1))
            returns = rows[np.ix_(dates, kept)]
            still = (returns == returns[-1]).all(axis=0)
            if not still.any():
                return self._estimated(returns, len(rows) - 1 - dates, kept, left_out)
            left_out += [LeftOut(int(k), zero_variance(f"{len(dates)} complete dates", self.windows[0])) for k in kept[still]]
            kept = kept[~still]
        return _none(left_out)

    def forecast_var(self, returns: Floats, as_of: Ints) -> Floats:
        """(A, K) the diagonal of the kernel's Sigma as of each row named: the kernel is called for each."""
        var = np.full((len(as_of), returns.shape[1]), np.nan)
        for number, row in enumerate(as_of):
            found = self.over_windows(returns[: row + 1])
            var[number, found.kept] = np.diag(found.cov)
        return var

    def _estimated(self, returns: Floats, ages: Ints, kept: Ints, left_out: list[LeftOut]) -> FactorCov:
        shape = (kept.size, kept.size)
        try:
            answer = call_kernel(self.estimator, self.found, self.settings, returns, ages, field="cov", shape=shape)
            cov = _checked_cov(self.estimator, answer.values)
        except KernelError as error:
            return _none(left_out, Diagnostic(FAILED, None, str(error)))
        numbers = dict(answer.numbers)
        effective = numbers.pop("effective_periods", float(len(ages)))
        found = [Diagnostic(f"{self.estimator}:{name}", value, None) for name, value in numbers.items()]
        return FactorCov(cov, kept, tuple(sorted(left_out)), len(ages), effective, tuple(found))


def _none(left_out: list[LeftOut], *found: Diagnostic) -> FactorCov:
    return FactorCov(np.empty((0, 0)), np.empty(0, dtype=np.int64), tuple(sorted(left_out)), 0, 0.0, found)


def _checked_cov(name: str, cov: Floats) -> Floats:
    """The covariance, exactly symmetric.

    Raises:
        KernelError: it is not finite, or no covariance beyond rounding.
    """
    if n_wrong := int((~np.isfinite(cov)).sum()):
        raise KernelError(f"{name}: cov has {n_wrong} of {cov.size} values that are NaN or infinite")
    if n_still := int((np.diag(cov) <= 0).sum()):
        raise KernelError(f"{name}: cov has {n_still} of {len(cov)} variances that are 0 or negative")
    allowed = _ROUNDING * np.diag(cov).max()
    if (asymmetry := float(np.abs(cov - cov.T).max())) > allowed:
        raise KernelError(f"{name}: cov is not symmetric: two values that should be equal differ by {asymmetry:.2g}")
    symmetric: Floats = (cov + cov.T) / 2
    if (least := float(np.linalg.eigvalsh(symmetric)[0])) < -allowed:
        raise KernelError(f"{name}: cov is no covariance: its least eigenvalue is {least:.2g}")
    return symmetric
