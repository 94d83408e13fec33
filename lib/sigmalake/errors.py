"""What can go wrong, by who has to act. Messages say what, the value seen, where, and what to do."""


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
