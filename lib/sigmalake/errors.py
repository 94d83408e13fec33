"""What can go wrong, by who has to act. Messages say what, the value seen, where, and what to do."""

import re

WORK_TO_DO = 10
"""Exit code of `plan --exit-code` where a run would compute something: no failure, and no failure's code."""

STALE = 11
"""Exit code of `status --max-age` where the last release is older, or there is none: no failure, and no failure's code."""


class SigmalakeError(Exception):
    """A mistake or mishap that is explained to its reader; `exit_code` is the command's."""

    exit_code = 1


class DataError(SigmalakeError):
    """The data do not carry the model: an empty source, no usable row, sizes beyond the guard."""


class ReleaseRefusedError(SigmalakeError):
    """A check of `checks:` failed; the tables stay, the last release stays the last."""


class MissingRiskError(SigmalakeError):
    """An asset, date, variant or release that was asked for has no risk data."""


class ConfigError(SigmalakeError):
    """The configuration or the command line is wrong."""

    exit_code = 2


class InfrastructureError(SigmalakeError):
    """Java, disk, network, another writer: worth a retry once mended."""

    exit_code = 3


def caused_by_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: py4j turns it into one of its own where it strikes between two bytes."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


CONFLICTS = (
    *("DELTA_CONCURRENT", "ConcurrentModification", "DELTA_METADATA_CHANGED"),  # Spark
    *("Failed to commit transaction", "Tried committing existing table version"),  # delta-rs
)


def is_conflict(error: BaseException) -> bool:
    """Whether Delta refused a commit because of another writer's; the errors of its writers share no base class."""
    return any(told in str(error) for told in CONFLICTS)


def telling_line(error: BaseException) -> str:
    """The line of a long error, say Spark's with both its stacks, that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    raised = [line for line in lines[1:] if re.match(r"[\w.]*(Error|Exception): \S", line)]
    found = (causes or raised or lines or [type(error).__name__])[-1 if causes or raised else 0]
    return re.sub(r"^([a-z]\w*\.)+|\s*SQLSTATE: \w+$", "", found)[:300]
