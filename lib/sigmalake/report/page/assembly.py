"""The page put together: head, verdict, sections, colophon, figures and scripts, in one text."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import plotly.offline

from sigmalake import __version__
from sigmalake.lake.releases import Release
from sigmalake.numerics.evaluation.forecast_evaluation import EvaluationKind
from sigmalake.report.page.comparison import Since
from sigmalake.report.page.markup import Html, element, joined, json_text, prose, table
from sigmalake.report.page.pictures import Menu, Pool, alt_of, note_of
from sigmalake.report.page.section_texts import SECTIONS, PictureText, SectionText
from sigmalake.report.page.sections import Chosen, Drawn
from sigmalake.report.verdict.evidence import Evidence, median
from sigmalake.report.verdict.finding import Finding, Level, Verdict, counted, percent

_GROUPS = (
    (Level.ACT, "To be mended first"),
    (Level.WATCH, "To watch"),
    (Level.GOOD, "What is good"),
    (Level.NOTE, "To know"),
)
_PLACE = re.compile(r"\{(variant|date|factor|assets|those_assets)\}")
_TAGS = {Level.ACT: "mend", Level.WATCH: "watch", Level.GOOD: "good", Level.NOTE: "note"}


class Titled(NamedTuple):
    """What the page says it is of."""

    model: str  # as the configuration calls it; empty: not on record
    lake: str  # folder or URI
    release: Release

    @property
    def title(self) -> str:
        """Of the page."""
        return f"{f'{self.model}: ' if self.model else ''}factor risk model, release {self.release.release_id}"


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
        element("main", _verdict(verdict), sections, _about(of, found)),
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
    variants = ", ".join(release.variants) or "none"
    shown = f"Variant {scope.variant} of {variants}. " if scope.variant else ""
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
                "div", element("h1", of.title), element("p", where, class_="soft"), element("p", f"Lake {of.lake}", class_="soft")
            ),
            element("button", "Dark colours", id="theme", type="button"),
            class_="top",
        ),
        _tiles(found),
        element("nav", links, aria_label="Sections"),
    )


def _tiles(found: Evidence) -> Html:
    """The key figures."""
    scope, risk = found.scope, found.newest
    regressions = found.regressions
    tiles: list[tuple[str, str, str]] = [("Newest date", str(scope.as_of), f"{counted(len(regressions), 'regression')}")]
    if risk is not None:
        tiles.append(("Assets with a forecast", f"{len(risk.usable):,}", f"as of {risk.date}"))
        tiles.append(("Factors of Sigma", f"{len(risk.factors):,}", f"of {found.factors['factor'].nunique():,} in the regressions"))
    tiles.append(("Median R2", percent(median(regressions["r2"])), "of all dates shown"))
    if risk is not None and (vol := _market_vol(found)) is not None:
        tiles.append(("Market volatility", *vol))
    market = next((kind for kind in found.kinds if kind.kind == EvaluationKind.MARKET), None)
    if market is not None and np.isfinite(market.bias):
        tiles.append(("Bias of the market", f"{market.bias:.2f}", f"1 is right; {counted(market.n_dates, 'forecast')}"))
    shown = (
        element("div", element("dt", name), element("dd", value, element("small", note)), class_="tile")
        for name, value, note in tiles
    )
    return element("dl", joined(shown), class_="tiles")


def _market_vol(found: Evidence) -> tuple[str, str] | None:
    """Of the first factor of the group `market`, as forecast."""
    risk = found.newest
    assert risk is not None
    if "market" not in risk.groups:
        return None
    place = risk.groups.index("market")
    vol = float(np.sqrt(risk.factor_cov[place, place]))
    a_year = 12.0 if risk.frequency == "month" else found.scope.a_year
    if a_year is None:
        return percent(vol, 2), f"forecast of factor {risk.factors[place]}, a period"
    return percent(vol * float(np.sqrt(a_year)), 1), f"forecast of factor {risk.factors[place]}, a year"


def _verdict(verdict: Verdict) -> Html:
    groups = []
    for level, title in _GROUPS:
        findings = verdict.of(level)
        if findings:
            shown = _actions if level in (Level.ACT, Level.WATCH) else _facts
            groups.append(element("h3", f"{title} ({len(findings)})") + shown(findings))
    level = Level.GOOD if verdict.level is Level.NOTE else verdict.level
    headline = element("p", verdict.headline, class_=f"headline {level}")
    about = "Each point says what was found and what it is held against. `docs/report.md` gives the reason of every threshold."
    return element(
        "section",
        element("h2", "Verdict"),
        headline,
        element("p", prose(about), class_="soft"),
        Html("".join(groups)),
        id="verdict",
    )


def _actions(findings: list[Finding]) -> Html:
    """Points to act on: what was found, what to do, what it is held against."""
    return element("ul", joined(_action(finding) for finding in findings), class_="findings")


def _action(finding: Finding) -> Html:
    tag = element("span", _TAGS[finding.level], class_="tag")
    first = element("p", tag, element("strong", f"{finding.subject}. "), prose(finding.text))
    action = element("p", element("strong", "Do: "), prose(finding.action)) if finding.action else ""
    held = f"Held against: {finding.threshold}. " if finding.threshold else ""
    why = element("p", prose(f"{held}Table `{finding.table}`, "), _link(finding), ".", class_="why")
    return element("li", first, action, why, class_=str(finding.level))


def _facts(findings: list[Finding]) -> Html:
    """Points that ask for nothing, a row each."""
    rows = (
        element(
            "li",
            element("p", element("strong", finding.subject)),
            element("p", prose(finding.text)),
            element("p", prose(finding.threshold), " ", _link(finding), class_="why"),
            class_=str(finding.level),
        )
        for finding in findings
    )
    return element("ul", joined(rows), class_="findings facts")


def _link(finding: Finding) -> Html:
    return element("a", "details" if finding.section == "about" else "picture", href=f"#{finding.section}")


def _section(section: SectionText, found: Evidence, chosen: Chosen, drawn: Mapping[str, Drawn], since: Since | str) -> Html:
    extra = (
        _changes(since) if section.anchor == "changes" else _formula(found, chosen) if section.anchor == "lesson-covariance" else ""
    )
    without = section.anchor == "changes" and isinstance(since, str)  # said already
    pictures = joined(_picture(picture, found, chosen, drawn[picture.name]) for picture in section.pictures if not without)
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


def _picture(words: PictureText, found: Evidence, chosen: Chosen, drawn: Drawn) -> Html:
    values = _values(found, chosen)
    heading = element("h3", words.title)
    if drawn.picture is None:
        return element("figure", heading, element("p", prose(drawn.missing), class_="empty"))
    menus = drawn.picture.menus
    first = drawn.picture.figures[tuple(0 for _ in menus)]
    alt, says = (first, first) if isinstance(first, str) else (alt_of(first), note_of(first) or alt_of(first))
    height = 320 if isinstance(first, str) else int(first.layout.height or 420)
    plot = element("div", class_="plot", data_picture=words.name, role="img", aria_label=alt, style=f"min-height:{height}px")
    sql = f"\n-- SQL\n{_filled(words.sql, values, _in_sql)}" if words.sql else ""
    where = element(
        "details", element("summary", "Where the numbers are"), element("pre", _filled(words.python, values, _in_python) + sql)
    )
    caption = element(
        "figcaption",
        element("p", prose(_filled(words.shows, values, str))) if words.shows else "",
        element("p", says, class_="says"),
        element("p", prose(drawn.left_out)) if drawn.left_out else "",
        element("p", element("strong", "How to read it: "), prose(_filled(words.read, values, str))),
        where,
    )
    return element("figure", heading, _menus(menus, chosen) if menus else "", plot, caption)


def _menus(menus: Sequence[Menu], chosen: Chosen) -> Html:
    shown = element("div", joined(_menu(menu) for menu in menus), class_="menus")
    if len(chosen.factors) == chosen.n_factors:
        return shown
    some = f"The menu has {len(chosen.factors)} of {chosen.n_factors} factors, those that are told from 0 most often."
    return joined((shown, element("p", f"{some} The option --factor adds another.", class_="soft screen")))


def _menu(menu: Menu) -> Html:
    choices = joined(element("option", option, value=place) for place, option in enumerate(menu.options))
    return element("label", f"{menu.label} ", element("select", choices, autocomplete="off"))


def _values(found: Evidence, chosen: Chosen) -> dict[str, str]:
    """What the placeholders of the words stand for."""
    return {
        "variant": str(found.scope.variant),
        "date": str(found.newest.date if found.newest else found.scope.last),
        "factor": chosen.factors[0],
        "assets": ", ".join(chosen.largest),
        "those_assets": f"the {len(chosen.largest)} largest assets" if chosen.by_cap else f"{len(chosen.largest)} of the assets",
    }


def _filled(words: str, values: Mapping[str, str], written: Callable[[str], str]) -> str:
    """Words with their placeholders filled in, each value as it is written there; a brace in a value stays one."""
    return _PLACE.sub(lambda place: written(values[place[1]]), words)


def _in_sql(value: str) -> str:
    """Within single quotes."""
    return value.replace("'", "''")


def _in_python(value: str) -> str:
    """Within double quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _formula(found: Evidence, chosen: Chosen) -> Html | str:
    """V of two assets, number by number."""
    risk = found.newest
    if risk is None or len(chosen.largest) < 2:
        return ""
    one, other = chosen.largest[:2]
    X, cov, var, _ = risk.parts([one, other])
    a_year = 12.0 if risk.frequency == "month" else found.scope.a_year or 1.0
    whole = risk.asset_cov([one, other]).to_numpy() * a_year
    common = X @ cov @ X.T * a_year
    unit = "a year" if found.scope.a_year or risk.frequency == "month" else "a period"
    rows = [
        (f"{a} with {b}", f"{common[i, j]:.5f}", f"{var[i] * a_year:.5f}" if i == j else "0", f"{whole[i, j]:.5f}", vol)
        for (a, i), (b, j), vol in (
            ((one, 0), (one, 0), f"{100 * np.sqrt(whole[0, 0]):.1f} %"),
            ((other, 1), (other, 1), f"{100 * np.sqrt(whole[1, 1]):.1f} %"),
            ((one, 0), (other, 1), f"correlation {whole[0, 1] / np.sqrt(whole[0, 0] * whole[1, 1]):.2f}"),
        )
    ]
    return table(
        ["", "B Sigma B'", "Delta", "V", "volatility"],
        rows,
        caption=f"Covariances of two assets as of {risk.date}, fraction\u00b2 {unit}",
    )


def _changes(since: Since | str) -> Html:
    if isinstance(since, str):
        return element("p", prose(since))
    rows = [(one.called, f"{one.new:,}", f"{one.again:,}", f"{one.gone:,}", f"{one.kept:,}") for one in since.tables]
    counts = table(["", "new", "computed again", "gone", "as they were"], rows, caption=f"Dates since release {since.before}")
    why = "; ".join(since.why) or "only dates were added or restated: configuration, code and sources' names are the same"
    return joined((counts, element("p", f"Because: {why}.")))


def _about(of: Titled, found: Evidence) -> Html:
    release = of.release
    rows = [
        ("Release", f"{release.release_id}, made {release.created_at:%Y-%m-%d %H:%M:%S} UTC, as of {release.as_of}"),
        (
            "Checks passed",
            "; ".join(f"{check.name}: {check.detail}" if check.detail else check.name for check in found.checks if check.passed)
            or "none",
        ),
        ("Configuration", f"hash {release.config_hash}"),
        ("Dates", f"{found.scope.first} to {found.scope.last}, {counted(len(found.regressions), 'regression')}"),
        ("Tables", ", ".join(f"{name} {version}" for name, version in sorted(release.tables.items()))),
    ]
    opened = f"from sigmalake import open_release\nmodel = open_release({of.lake!r}, {release.release_id!r})"
    return element(
        "section",
        element("h2", "About this report"),
        element(
            "p",
            prose(
                "Every number is read from the release named here, whose tables do not change. `docs/tables.md` describes "
                "them; the versions are those of Delta."
            ),
        ),
        table(["", ""], rows, left=(0, 1)),
        element("p", "The same tables and pictures from Python:"),
        element("pre", opened),
        id="about",
        class_="page",
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
