"""A picture of the page with its menus, and below it what it shows, how to read it, and where the numbers are."""

import re
from collections.abc import Callable, Mapping, Sequence

from sigmalake.report.page.markup import Html, element, joined, prose
from sigmalake.report.page.pictures import Menu, alt_of, note_of
from sigmalake.report.page.section_texts import PictureText
from sigmalake.report.page.sections import Chosen, Drawn
from sigmalake.report.verdict.evidence import Evidence

_PLACE = re.compile(r"\{(variant|date|factor|assets|those_assets)\}")


def figure_html(words: PictureText, found: Evidence, chosen: Chosen, drawn: Drawn) -> Html:
    """A picture between its heading and its words; or why there is none."""
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
    some = f"The menu has {len(chosen.factors)} of {chosen.n_factors} factors, those whose returns are clearly not 0 most often."
    return joined(
        (shown, element("p", prose(f"{some} The option `--factor` (`factors=` in Python) adds another."), class_="soft screen"))
    )


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
