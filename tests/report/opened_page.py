"""A page as a browser shows it, and what it said and asked for meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

SLOPES = """(name) => {
  const shown = document.querySelector(`[data-picture="${name}"]`);
  const numbers = (values) => Array.from(values, (value) => value === undefined ? null : value);
  return shown._fullData.map((trace) => ({
    meta: trace.meta || null, name: trace.name, mode: trace.mode || "", visible: trace.visible,
    x: numbers(trace.x || []), y: numbers(trace.y || [])
  }));
}"""
"""Of the traces of a picture, what Plotly draws: base64 decoded."""


class Opened(NamedTuple):
    """A page, and what went wrong with it."""

    page: Any
    errors: list[str]  # of scripts and of the console
    requests: list[str]  # that were no file, data or blob

    def traces(self, picture: str) -> list[dict[str, Any]]:
        """What is drawn in a picture."""
        return self.page.evaluate(SLOPES, picture)

    def choose(self, picture: str, menu: int, option: str) -> None:
        """Choose from a menu above a picture."""
        self.page.locator(f'figure:has([data-picture="{picture}"]) select').nth(menu).select_option(label=option)


@contextmanager
def opened(browser: Any, file: Path, *, width: int = 1280, scheme: str = "light") -> Iterator[Opened]:
    """The page with all its pictures drawn."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page, errors, requests = context.new_page(), [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type in {"error", "warning"} else None)
    page.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:", "blob:")) else requests.append(request.url)
    )
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-drawn=all]", timeout=60_000)
    yield Opened(page, errors, requests)
    context.close()
