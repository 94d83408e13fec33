"""What moved between two models, collected date by date within a bound of memory."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from sigmalake.numerics.types import Floats
from sigmalake.reader.releases.rows import Labels, Moved

MOST_MOVES = 1_000_000  # some 300 MB as a frame
MOVE_COLUMNS = ["quantity", "variant", "date", "factor", "factor_2", "asset_id", "first", "second", "change"]
DATE_COLUMNS = ["quantity", "variant", "date", "moved", "largest", "of", "why"]


class MovesOfDate(NamedTuple):
    """Numbers of one quantity that moved on one date, or the largest of them."""

    quantity: str
    variant: str | None
    date: date
    why: str
    n_moved: int  # of which these are the largest
    labels: Sequence[Labels]
    first: Floats
    second: Floats

    @property
    def sizes(self) -> Floats:
        """Of the changes; 0 where one side has no number."""
        return np.nan_to_num(np.abs(self.second - self.first))

    def largest(self, most: int) -> "MovesOfDate":
        """Those of the largest changes, in their order."""
        if len(self.labels) <= most:
            return self
        kept = np.sort(np.argsort(-self.sizes, kind="stable")[:most])
        return self._replace(labels=[self.labels[n] for n in kept], first=self.first[kept], second=self.second[kept])


def moves_of_date(quantity: str, variant: str | None, day: date, why: str, found: Sequence[Moved]) -> MovesOfDate:
    """The numbers of a date that moved."""
    first, second = (np.array([getattr(one, side) for one in found]) for side in ("first", "second"))
    return MovesOfDate(quantity, variant, day, why, len(found), [one.labels for one in found], first, second)


class MovesByDate:
    """All that moved, or of every quantity, variant and date equally many of the largest changes."""

    def __init__(self, most: int) -> None:
        """Keep so many numbers, but for one of each quantity, variant and date."""
        self._most = most
        self._groups: list[MovesOfDate] = []
        self._kept = 0
        self.largest_only: int | None = None

    def add(self, group: MovesOfDate) -> None:
        """Take over what moved on a date."""
        kept = group if self.largest_only is None else group.largest(self.largest_only)
        self._groups.append(kept)
        self._kept += len(kept.labels)
        while self._kept > self._most and self.largest_only != 1:
            widest = max(len(one.labels) for one in self._groups)
            self.largest_only = max(1, widest // 2)
            self._groups = [one.largest(self.largest_only) for one in self._groups]
            self._kept = sum(len(one.labels) for one in self._groups)

    def frame(self, wanted: Callable[[MovesOfDate], bool] = lambda _: True) -> pd.DataFrame:
        """A row a number, in the order in which they came."""
        groups = [group for group in self._groups if wanted(group)]
        counts = [len(group.labels) for group in groups]
        of_each = [label for group in groups for label in group.labels]
        labels = (np.array([label[n] for label in of_each], dtype=object) for n in range(3))
        first, second = (np.concatenate([np.empty(0), *(getattr(group, side) for group in groups)]) for side in ("first", "second"))
        names = (np.array([getattr(group, name) for group in groups], dtype=object) for name in ("quantity", "variant"))
        days = pd.to_datetime([group.date for group in groups]).to_numpy()
        columns = [*(np.repeat(of, counts) for of in (*names, days)), *labels, first, second, second - first]
        return pd.DataFrame(dict(zip(MOVE_COLUMNS, columns, strict=True)))

    def by_date(self) -> pd.DataFrame:
        """A row for each quantity, variant and date, in the order of the dates."""
        if not self._groups:
            return pd.DataFrame(columns=DATE_COLUMNS)
        found = pd.DataFrame([_row(group) for group in self._groups], columns=DATE_COLUMNS)
        found["date"] = pd.to_datetime(found["date"])
        grouped = found.groupby(["quantity", "variant", "date"], sort=False, dropna=False)
        largest = found.loc[grouped["largest"].idxmax().to_numpy()].assign(moved=grouped["moved"].sum().to_numpy())
        return largest.sort_values("date", kind="stable", ignore_index=True)


def _row(group: MovesOfDate) -> tuple[object, ...]:
    sizes = group.sizes
    at = int(np.argmax(sizes))
    of = " x ".join(label for label in group.labels[at] if label)
    return group.quantity, group.variant, group.date, group.n_moved, float(sizes[at]), of, group.why
