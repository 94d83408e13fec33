"""HTML from plain text: nothing that comes from data can become markup, a script or a template."""

import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

_CODE = re.compile(r"`([^`\n]+)`")


class Html(str):
    """Text that is markup already; everything else is escaped before it joins any."""

    __slots__ = ()


def text(plain: object) -> Html:
    """Plain text, escaped."""
    return plain if isinstance(plain, Html) else Html(escape(str(plain), quote=True))


def prose(plain: str) -> Html:
    """A sentence, escaped; what stands between two backquotes becomes code."""
    return Html(_CODE.sub(r"<code>\1</code>", text(plain)))


def element(tag: str, *children: object, **attributes: object) -> Html:
    """An element with attributes: `class_` is `class`, `aria_label` is `aria-label`; None leaves one out, True gives its name."""
    named = ((name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items() if value is not None)
    inner = "".join(f" {name}" if value is True else f' {name}="{text(value)}"' for name, value in named)
    return Html(f"<{tag}{inner}>{joined(children)}</{tag}>")


def joined(parts: Iterable[object]) -> Html:
    """Parts one after the other, each escaped where it is no markup."""
    return Html("".join(text(part) for part in parts))


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, left: Sequence[int] = (0,), caption: str = "") -> Html:
    """A table; the columns in `left` hold words, the others numbers."""

    def cells(tag: str, row: Sequence[object], **attributes: object) -> Html:
        sides = (None if place in left else "number" for place in range(len(row)))
        return joined(element(tag, cell, class_=side, **attributes) for cell, side in zip(row, sides, strict=True))

    head = element("thead", element("tr", cells("th", header, scope="col")))
    body = element("tbody", joined(element("tr", cells("td", row)) for row in rows))
    titled = element("caption", caption) if caption else ""
    return element(
        "div", element("table", titled, head, body), class_="scroll", tabindex="0", role="region", aria_label=caption or None
    )


def json_text(value: Any) -> Html:
    """JSON that may stand inside a script element: no `</`, `<!--` or line separator of JavaScript is in it."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        plain = plain.replace(sign, f"\\u{ord(sign):04x}")
    return Html(plain)
