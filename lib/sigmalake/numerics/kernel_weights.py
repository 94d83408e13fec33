"""Regression weights by the kernel that another package registers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sigmalake.numerics.registry.estimator import KernelError, call_kernel
from sigmalake.numerics.registry.group import Registered
from sigmalake.numerics.types import Bools, Floats


@dataclass(frozen=True, kw_only=True)
class KernelWeights(Registered):
    """The kernel's weights of the estimation universe; the rest of the coverage has weight 0."""

    windowed: ClassVar[bool] = False

    def of_date(self, caps: Floats, weight_column: Floats | None, specific_var: Floats | None, in_estimation: Bools) -> Floats:
        """(N,) the unnormalised weights.

        Args:
            caps: (N,) market capitalisations at t-1, > 0; all 1 in a model without caps.
            weight_column: (N,) the user's weights; None: there is no such column.
            specific_var: (N,) Delta as of t-1, NaN where unknown; None: there is no first pass.
            in_estimation: (N,) the estimation universe at t-1.

        Raises:
            KernelError: the kernel raised, or gave what are no weights.
        """
        weights = np.zeros(len(caps))
        n = int(in_estimation.sum())
        if not n:
            return weights
        unknown = np.full(n, np.nan)
        given = [unknown if array is None else array[in_estimation] for array in (weight_column, specific_var)]
        answer = call_kernel(self.estimator, self.found, self.settings, caps[in_estimation], *given, field="weights", shape=(n,))
        if n_wrong := int((~(np.isfinite(answer.values) & (answer.values >= 0))).sum()):
            raise KernelError(f"{self.estimator}: weights has {n_wrong} of {n} values that are negative, NaN or infinite")
        if not answer.values.any():
            raise KernelError(f"{self.estimator}: all {n} weights are 0")
        weights[in_estimation] = answer.values
        return weights
