"""A descriptor by the kernel that another package registers."""

from dataclasses import dataclass

import numpy as np

from sigmalake.numerics.descriptors.prices import PriceHistory
from sigmalake.numerics.registry.estimator import KernelError, call_kernel
from sigmalake.numerics.registry.group import Group, Registered
from sigmalake.numerics.types import Floats


@dataclass(frozen=True, kw_only=True)
class KernelDescriptor(Registered):
    """The kernel's values as of the last date of its window."""

    def __post_init__(self) -> None:
        if not (isinstance(self.look_back, int) and self.look_back >= 1):
            raise ValueError(f"settings.window is {self.look_back}; it must be a number of periods >= 1, e.g. 252")

    @property
    def look_back(self) -> int:
        """Rows up to the as-of row that are read: the settings' window."""
        return self.settings.window  # type: ignore[no-any-return]  # a model of another package

    def values(self, history: PriceHistory, figures: Floats) -> Floats:
        """(N,) the descriptor; NaN is missing.

        Args:
            history: (T, N) the periods of the window.
            figures: (I, N) those of `FIGURES` known at the last close; NaN is missing.

        Raises:
            KernelError: the kernel raised, or gave what are no values.
        """
        arrays, n = (history.returns, history.caps, history.turnovers, history.in_estimation, figures), figures.shape[1]
        answer = call_kernel(self.estimator, self.found, self.settings, *arrays, field="values", shape=(n,))
        if n_wrong := int(np.isinf(answer.values).sum()):
            raise KernelError(f"{self.estimator}: values has {n_wrong} of {n} values that are infinite")
        return answer.values


REGISTERED = Group("sigmalake.descriptors", (), KernelDescriptor)
