"""Delta by the kernel that another package registers."""

from dataclasses import dataclass

import numpy as np

from sigmalake.numerics.registry.estimator import KernelError, call_kernel
from sigmalake.numerics.registry.group import Registered
from sigmalake.numerics.specific_risk.layered import LayeredSpecificVar
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import EQUAL, Weighting, check_window
from sigmalake.numerics.windows.weighted_var import WeightedVar


@dataclass(frozen=True, kw_only=True)
class KernelSpecificVar(Registered, LayeredSpecificVar):
    """The kernel's variances of the assets with enough observations in its window; layers that weigh its dates weigh them alike."""

    def __post_init__(self) -> None:
        check_window("settings.window", self.settings.window)
        super().__post_init__()

    @property
    def weighting(self) -> Weighting:
        """The settings' window, with equal weights."""
        return Weighting(self.settings.window, EQUAL)

    def estimate(self, specific_returns: Floats, as_of: Ints) -> WeightedVar:
        """(A, N) variances; of a date on which the kernel failed none, with the reason."""
        var = np.full((len(as_of), specific_returns.shape[1]), np.nan)
        n_obs = np.zeros(var.shape, dtype=np.int64)
        failures = {}
        for number, row in enumerate(as_of):
            window = specific_returns[max(0, row + 1 - self.weighting.window) : row + 1]
            n_obs[number] = (~np.isnan(window)).sum(axis=0)
            enough = np.flatnonzero(n_obs[number] >= self.fewest_observations)
            if enough.size:
                try:
                    var[number, enough] = self._var(window[:, enough])
                except KernelError as error:
                    failures[number] = str(error)
        return WeightedVar(var, n_obs, failures)

    def _var(self, window: Floats) -> Floats:
        answer = call_kernel(self.estimator, self.found, self.settings, window, field="var", shape=window.shape[1:])
        if n_wrong := int((np.isinf(answer.values) | (answer.values < 0)).sum()):
            raise KernelError(f"{self.estimator}: var has {n_wrong} of {answer.values.size} values that are negative or infinite")
        if np.isnan(answer.values).all():
            raise KernelError(f"{self.estimator}: var has no number, for {answer.values.size} assets with enough observations")
        return answer.values
