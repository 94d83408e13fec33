"""Withdraw a release: readers refuse it from then on, with the reason."""

from sigmalake.errors import ConfigError
from sigmalake.lake.books import record_withdrawals, release_ledger
from sigmalake.lake.releases import Release
from sigmalake.stages.context import Context
from sigmalake.stages.side_tables.current_views import refresh_views


def withdraw(context: Context, release_id: str, why: str) -> Release | None:
    """Record that a release no longer stands; gives the one that is the last from then on, None where none is.

    Nothing else changes: the tables, their versions and the row of `releases` stay.

    Raises:
        ConfigError: no reason is given.
        MissingRiskError: there is no such release, or it was withdrawn or trimmed before.
    """
    if not why.strip():
        raise ConfigError("--withdraw needs --why TEXT: the reason is what readers of the release are told")
    lake = context.lake
    ledger = release_ledger(lake)
    chosen = ledger.chosen(release_id, lake.root)
    record_withdrawals(lake, context.engine.driver_rows, {release_id: why.strip()}, "withdrawn", context.run_id, "release")
    refresh_views(context)
    others = [release for release in ledger.standing if release.release_id != chosen.release_id]
    return others[-1] if others else None
