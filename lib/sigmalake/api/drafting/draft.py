"""A first configuration from files, by looking at them; nothing is asked."""

from collections.abc import Sequence
from pathlib import Path

from sigmalake.api.drafting.assigning import assign
from sigmalake.api.drafting.composing import Draft, compose
from sigmalake.api.drafting.looking import look
from sigmalake.api.drafting.roles import find_roles


def draft(files: Sequence[str], target: Path) -> Draft:
    """The configuration of a model of these files.

    Args:
        files: a panel; or returns, exposures, caps, rates apart. Parquet, CSV, Delta, or folders of them.
        target: the file that the configuration will be; nothing is written.

    Raises:
        ConfigError: a file cannot be read, or has no dates, ids or returns; says what was looked for.
        DataError: a file has no rows, or is damaged.
    """
    return compose(assign([find_roles(look(path)) for path in files]), target)
