"""What pages say of files outside of docs/: a link leads to the page of the site that shows the file, else it is the file's name.

Pages that stand for such a file, the change log say, have its text. A pattern of a table of contents that no page fits yet is left
out, since pages come and go with the product.
"""

import posixpath
import re
from fnmatch import fnmatch
from pathlib import Path

from sphinx.application import Sphinx

STANDS_FOR = {"changelog": "CHANGELOG.md", "develop/contributing": "CONTRIBUTING.md"}
SHOWN = {"README.md": "index.md"} | {file: f"{page}.md" for page, file in STANDS_FOR.items()}
LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\((?!https?:|#)([^)\s#]+)(#[^)\s]*)?\)")
CONTENTS = re.compile(r"^```{toctree}$.*?^```$", re.MULTILINE | re.DOTALL)


def _linked(text: str, folder: str, page_folder: str) -> str:
    """Links as they are right in a page of `page_folder`; the text was written in `folder` of the project."""

    def replaced(match: re.Match[str]) -> str:
        said, place, anchor = match[1], posixpath.normpath(posixpath.join(folder, match[2])), match[3] or ""
        if place.startswith("docs/"):
            return f"[{said}]({posixpath.relpath(place, posixpath.join('docs', page_folder))}{anchor})"
        if place in SHOWN:
            return f"[{said}]({posixpath.relpath(SHOWN[place], page_folder or '.')}{'' if place == 'README.md' else anchor})"
        return f"`{place}`" if said.strip("`") in {place, posixpath.basename(place)} else f"{said} (`{place}`)"

    return LINK.sub(replaced, text)


def _read(app: Sphinx, docname: str, content: list[str]) -> None:
    page_folder = posixpath.dirname(docname)
    folder = posixpath.join("docs", page_folder)
    if docname in STANDS_FOR:
        content[0], folder = (Path(app.srcdir).parent / STANDS_FOR[docname]).read_text(encoding="utf-8"), ""
    known = app.env.found_docs

    def there(contents: re.Match[str]) -> str:
        lines = contents[0].splitlines()
        waits = {line for line in lines if line.endswith("*") and not any(fnmatch(name, line) for name in known)}
        return "\n".join(line for line in lines if line not in waits)

    content[0] = _linked(CONTENTS.sub(there, content[0]), folder, page_folder)


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at each page before it is parsed."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
