"""Releases that no longer stand: withdrawn by somebody, with a reason, or trimmed by the retention of the configuration.

Nothing of `releases` is changed or deleted. A row of `release_withdrawals` is added, and readers refuse the release from then on.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import pyarrow as pa

from sigmalake.errors import MissingRiskError
from sigmalake.lake.releases import Release

Action = Literal["withdrawn", "trimmed"]
_LISTED = 10  # releases that a message names before it counts the rest


class Withdrawal(NamedTuple):
    """Why a release no longer stands; a row of `release_withdrawals`."""

    release_id: str
    action: Action
    withdrawn_at: datetime
    why: str
    run_id: str


class ReleaseLedger(NamedTuple):
    """Every release of a lake, and which of them no longer stand."""

    releases: Sequence[Release]  # oldest first
    withdrawals: Sequence[Withdrawal]

    def withdrawal(self, release_id: str) -> Withdrawal | None:
        """Why a release no longer stands; None where it does. Of one that was withdrawn and trimmed, the trimming."""
        of_release = [found for found in self.withdrawals if found.release_id == release_id]
        return min(of_release, key=lambda found: found.action, default=None)

    @property
    def standing(self) -> list[Release]:
        """The releases that can be read, oldest first."""
        gone = {found.release_id for found in self.withdrawals}
        return [release for release in self.releases if release.release_id not in gone]

    @property
    def untrimmed(self) -> list[Release]:
        """The releases whose files are kept, also withdrawn ones, oldest first."""
        gone = {found.release_id for found in self.withdrawals if found.action == "trimmed"}
        return [release for release in self.releases if release.release_id not in gone]

    def known_at(self, instant: datetime) -> Release | None:
        """The release that stood at an instant: the newest made until then and not withdrawn until then. None: there was none.

        A release that was trimmed later did stand. So every instant has one answer, which later withdrawals do not change.
        """
        withdrawn = {w.release_id for w in self.withdrawals if w.action == "withdrawn" and w.withdrawn_at <= instant}
        stood = [r for r in self.releases if r.created_at <= instant and r.release_id not in withdrawn]
        return stood[-1] if stood else None

    def readable(self, release: Release) -> Release:
        """The release, where it stands.

        Raises:
            MissingRiskError: it was withdrawn or trimmed.
        """
        found = self.withdrawal(release.release_id)
        if found is None:
            return release
        others = self.standing
        instead = (
            f"open {others[-1].release_id}, the last that stands"
            if others
            else "no other stands: correct the source or the configuration, and run"
        )
        when = f"{found.withdrawn_at:%Y-%m-%d %H:%M} UTC"
        if found.action == "trimmed":
            raise MissingRiskError(
                f"release {release.release_id} was trimmed on {when} by the retention of the configuration ({found.why}): its "
                f"files are no longer kept; {instead}"
            )
        raise MissingRiskError(f"release {release.release_id} was withdrawn on {when}: {found.why}; {instead}")

    def chosen(self, release_id: str | None, lake: str, hint: Callable[[str, Sequence[str]], str] = lambda *_: "") -> Release:
        """The release of an id, or the last that stands.

        Args:
            release_id: None: the last.
            lake: where the releases are, for messages.
            hint: what is put behind the message of an unknown id, from it and the known ones.

        Raises:
            MissingRiskError: there is no such release, it no longer stands, or none does.
        """
        if not self.releases:
            raise MissingRiskError(f"the lake {lake} has no release yet; make one with `sigmalake release`")
        if release_id is None:
            standing = self.standing
            return standing[-1] if standing else self.readable(self.releases[-1])
        named = {known.release_id: known for known in self.releases}
        if release_id not in named:
            listed = ", ".join(known.release_id for known in self.releases[: -_LISTED - 1 : -1])
            earlier = f" and {len(self.releases) - _LISTED} earlier" if len(self.releases) > _LISTED else ""
            close = hint(release_id, list(named))
            raise MissingRiskError(f"the lake {lake} has no release {release_id}; it has {listed}{earlier}{close}")
        return self.readable(named[release_id])

    def next_instant(self, now: datetime) -> datetime:
        """When what is recorded next becomes known: now, or a microsecond after what was recorded last, whichever is later."""
        known = [*(r.created_at for r in self.releases), *(w.withdrawn_at for w in self.withdrawals)]
        return max([now, *(instant + timedelta(microseconds=1) for instant in known)])


def withdrawals_from(rows: pa.Table) -> list[Withdrawal]:
    """Withdrawals from the rows of the table, oldest first."""
    return sorted((Withdrawal(**row) for row in rows.to_pylist()), key=lambda found: found.withdrawn_at)
