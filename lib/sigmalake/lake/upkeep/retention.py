"""Which releases are kept, by what the configuration says of retention."""

from sigmalake.config.checks import Retention
from sigmalake.errors import ConfigError
from sigmalake.lake.releases import Release
from sigmalake.lake.upkeep.withdrawals import ReleaseLedger


def kept_releases(ledger: ReleaseLedger, retention: Retention) -> list[Release]:
    """The releases whose files are kept, oldest first; withdrawn ones only where all are kept, or by name.

    Raises:
        ConfigError: a release is named that the lake does not have, or no longer.
    """
    untrimmed = {release.release_id: release for release in ledger.untrimmed}
    named = retention.releases or []
    if unknown := [name for name in named if name not in untrimmed]:
        listed = ", ".join(list(untrimmed)[:-6:-1]) or "none"
        raise ConfigError(f"retention.releases names {unknown[0]}, which the lake does not keep; it keeps {listed}")
    if retention.keeps_all:
        return list(untrimmed.values())
    standing = ledger.standing
    kept = {release.release_id for release in standing[-(retention.last or 1) :]} | set(named)
    if retention.monthly:
        kept |= set({(release.as_of.year, release.as_of.month): release.release_id for release in standing}.values())
    return [release for name, release in untrimmed.items() if name in kept]


def rule_text(retention: Retention) -> str:
    """The retention in words, for the record."""
    parts = [
        *([f"the last {retention.last}"] if retention.last else []),
        *(["one a month"] if retention.monthly else []),
        *([f"by name {', '.join(retention.releases)}"] if retention.releases else []),
    ]
    return "retention: " + (" and ".join(parts) or "all")
