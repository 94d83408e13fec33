"""The page put together: head, verdict, sections, colophon, figures and scripts, in one text."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import plotly.offline

from sigmalake import __version__
from sigmalake.report.page.colophon import Titled, about_section
from sigmalake.report.page.comparison import Since, changes_html
from sigmalake.report.page.figure_html import figure_html
from sigmalake.report.page.key_figures import tiles, two_assets
from sigmalake.report.page.markup import Html, element, joined, json_text, prose
from sigmalake.report.page.pictures import Pool
from sigmalake.report.page.section_texts import SECTIONS, SectionText
from sigmalake.report.page.sections import Chosen, Drawn
from sigmalake.report.page.verdict_html import verdict_section
from sigmalake.report.verdict.evidence import Evidence
from sigmalake.report.verdict.finding import Verdict


def assemble(
    of: Titled,
    found: Evidence,
    verdict: Verdict,
    chosen: Chosen,
    drawn: Mapping[str, Drawn],
    since: Since | str,
) -> str:
    """The page as HTML.

    Args:
        of: the release that the page is of.
        found: what the verdict rests on.
        verdict: in words.
        chosen: what the pictures are of.
        drawn: the pictures by name.
        since: what changed since the release before, or why that is not known.
    """
    pool = Pool()
    for name, one in drawn.items():
        if one.picture is not None:
            pool.add(name, one.picture)
    sections = joined(_section(section, found, chosen, drawn, since) for section in SECTIONS)
    body = element(
        "body",
        _header(of, found),
        element("main", verdict_section(verdict), sections, about_section(of, found)),
        element("footer", element("p", f"Written by sigmalake {__version__}. This file needs no network and sends nothing.")),
        element("noscript", element("p", "The pictures of this page need JavaScript; its words and tables do not.")),
        Html(f'<script type="application/json" id="figures">{json_text(pool.content)}</script>'),
        joined(Html(f"<script>{script}</script>") for script in _scripts()),
    )
    head = joined(
        (
            Html('<meta charset="utf-8">'),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">'),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Html('<meta name="referrer" content="no-referrer">'),
            element("title", of.title),
            Html(f"<style>{_own('page.css')}</style>"),
        )
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>{head}</head>\n{body}\n</html>\n'


def _header(of: Titled, found: Evidence) -> Html:
    scope, release = found.scope, of.release
    others = [name for name in release.variants if name != scope.variant]
    beside = f" (the model also has {', '.join(others)})" if others else ""
    shown = f"Variant {scope.variant}{beside}. " if scope.variant else ""
    where = f"{shown}Returns from {scope.first} to {scope.last}. Made {release.created_at:%Y-%m-%d %H:%M} UTC."
    links = joined(
        element("a", title_, href=f"#{anchor}")
        for anchor, title_ in [("verdict", "Verdict"), *((s.anchor, s.title) for s in SECTIONS)]
    )
    return element(
        "header",
        element(
            "div",
            element(
                "div",
                element("h1", of.title),
                element("p", where, class_="soft"),
                element("p", of.place, class_="soft"),
            ),
            element("button", "Dark colours", id="theme", type="button"),
            class_="top",
        ),
        tiles(found),
        element("nav", links, aria_label="Sections"),
    )


def _section(section: SectionText, found: Evidence, chosen: Chosen, drawn: Mapping[str, Drawn], since: Since | str) -> Html:
    extra: Html | str = ""
    if section.anchor == "changes":
        extra = changes_html(since)
    elif section.anchor == "lesson-covariance":
        extra = two_assets(found, chosen)
    without = section.anchor == "changes" and isinstance(since, str)  # said already
    pictures = joined(figure_html(picture, found, chosen, drawn[picture.name]) for picture in section.pictures if not without)
    classes = "page" if section.own_page else None
    return element(
        "section",
        element("h2", section.title),
        element("p", prose(section.opening)),
        extra,
        pictures,
        id=section.anchor,
        class_=classes,
    )


@cache
def _own(name: str) -> str:
    return (files("sigmalake.report.page") / name).read_text(encoding="utf-8")


@cache
def _scripts() -> tuple[str, ...]:
    """Plotly's script, once, and ours."""
    plain = (plotly.offline.get_plotlyjs(), _own("page.js"))
    return tuple(script.replace("\r\n", "\n").replace("</script", "<\\/script").replace("<!--", "<\\!--") for script in plain)


def _policy() -> str:
    """Nothing is loaded or sent; no script runs but the two of this page, named by their SHA-256."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in _scripts())
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; "
        "form-action 'none'"
    )
