"""Lines of YAML with their comments and doubts."""

import math
from typing import Any, NamedTuple

import yaml

COMMENT_AT = 44


class Line(NamedTuple):
    """A line of the configuration."""

    text: str
    comment: str = ""
    doubt: str = ""


def written(line: Line) -> str:
    """The line with its comment; a question mark says that it is a guess."""
    comment = f"? {line.doubt}" if line.doubt and not line.comment else line.comment + (" (?)" if line.doubt else "")
    return f"{line.text:<{COMMENT_AT}} # {comment}".rstrip() if comment else line.text


def plain(value: Any) -> str:
    """A value in a line of YAML."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    return text.removesuffix("\n").removesuffix("\n...")
