"""A first configuration from files, by looking at them; nothing is asked."""

from collections.abc import Sequence
from pathlib import Path

from sigmalake.api.drafting.assigning import assign
from sigmalake.api.drafting.composing import Draft, compose
from sigmalake.api.drafting.looking import Looked, look
from sigmalake.api.drafting.roles import find_roles
from sigmalake.errors import SigmalakeError


def draft(files: Sequence[str], target: Path) -> Draft:
    """The configuration of a model of these files.

    Args:
        files: a panel; or returns, exposures, caps, rates apart. Parquet, CSV, Delta, or folders of them.
        target: the file that the configuration will be; nothing is written.

    Raises:
        ConfigError: a file cannot be read, or has no dates, ids or returns; says what was looked for.
        DataError: a file has no rows, or is damaged.
    """
    return compose(assign([find_roles(_looked(path)) for path in files]), target)


def _looked(path: str) -> Looked:
    """As `look`, whose errors name a source of a configuration, which there is none of yet."""
    try:
        return look(path)
    except SigmalakeError as error:
        raise type(error)(str(error).removeprefix("sources.panel: ")) from None
