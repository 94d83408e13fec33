"""The report as its readers meet it: Chromium opens the file, offline."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from report.hostile_names import ASSET, HOSTILE
from report.opened_page import opened
from sigmalake import fit
from sigmalake.demo.market import generate_market

PICTURES = {
    *(
        "factor_returns",
        "r2",
        "t_stats",
        "factor_strength",
        "correlations",
        "exposure_stability",
        "coverage",
        "risk",
        "specific_risk",
        "residual_correlation",
    ),
    *("calibration", "data_quality", "changes", "scatter", "slope", "covariance"),
}


@pytest.fixture(scope="module")
def shown(browser, reported):
    with opened(browser, reported.file) as page:
        yield page


def test_every_picture_is_drawn_without_an_error_and_nothing_is_asked_of_a_network(shown):
    drawn = shown.page.evaluate("Array.from(document.querySelectorAll('.js-plotly-plot'), (one) => one.dataset.picture)")
    assert set(drawn) == PICTURES
    assert (shown.errors, shown.requests) == ([], [])


def test_the_scripts_run_though_the_policy_allows_no_other(shown):
    policy = shown.page.locator('meta[http-equiv="Content-Security-Policy"]').get_attribute("content")
    assert "default-src 'none'" in policy
    assert "'unsafe-inline'" not in policy.split("style-src")[0]
    blocked = shown.page.evaluate("""() => new Promise((resolve) => {
      document.addEventListener("securitypolicyviolation", (seen) => resolve(seen.effectiveDirective), { once: true });
      const script = document.createElement("script"); script.textContent = "window.owned = 4"; document.body.append(script);
    })""")
    assert blocked.startswith("script-src")
    assert shown.page.evaluate("window.owned === undefined")
    shown.errors.clear()  # the violation is said in the console


def test_slopes_read_back_from_the_scatter_are_the_stored_factor_returns(shown, reported):
    menus = shown.page.locator('figure:has([data-picture="scatter"]) select')
    factors, dates = (menus.nth(n).locator("option").all_text_contents() for n in (0, 1))
    assert factors[0] == HOSTILE["energy"]  # as requested
    assert set(factors) == set(reported.model.factor_returns().columns)
    read = []
    for day in dates:
        shown.choose("scatter", 1, day)
        stored = reported.model.regression(day)["factor_return"]
        for factor in factors:
            shown.choose("scatter", 0, factor)
            lines = [trace for trace in shown.traces("scatter") if trace["mode"] == "lines" and len(trace["x"]) >= 2]
            (x0, x1), (y0, y1) = ((line[side][0], line[side][-1]) for line in lines[-1:] for side in "xy")
            read.append((y1 - y0) / (x1 - x0) - stored[factor])
    assert len(read) == len(factors) * len(dates) > 12
    assert_allclose(read, 0.0, atol=1e-10)
    assert shown.errors == []


def test_slopes_over_time_are_the_stored_factor_returns_of_whatever_factor_is_chosen(shown, reported):
    stored = reported.model.factor_returns()
    for factor in (HOSTILE["size"], "market", HOSTILE["value"]):
        shown.choose("slope", 0, factor)
        (line,) = [t for t in shown.traces("slope") if (t["meta"] or {}).get("holds") == "factor_return"]
        drawn = pd.Series(line["y"], pd.to_datetime(line["x"]), dtype=float)
        assert_allclose(drawn.reindex(stored.index).to_numpy(), stored[factor].to_numpy(), rtol=0, atol=1e-10)


def test_names_are_shown_as_they_are_and_none_becomes_markup(shown, reported):
    assert shown.page.evaluate("window.owned === undefined")
    assert shown.page.locator("main img, main b, main i, svg[onload]").count() == 0
    words = shown.page.locator("body").inner_text()
    assert "<i>names</i>: factor risk model" in words
    assert ASSET in words
    for name in HOSTILE.values():
        shown.choose("slope", 0, name)
        spoken = shown.page.locator('[data-picture="slope"]').get_attribute("aria-label")
        assert name in spoken
    drawn = shown.page.locator('[data-picture="correlations"]').text_content()
    assert all(name[:16] in drawn for name in HOSTILE.values())  # long names of an axis lose their middle


def test_each_picture_has_words_for_those_who_do_not_see_it(shown):
    for picture in PICTURES:
        place = shown.page.locator(f'[data-picture="{picture}"]')
        assert place.get_attribute("role") == "img"
        assert len(place.get_attribute("aria-label")) > 20
    headings = shown.page.evaluate("Array.from(document.querySelectorAll('h1, h2, h3'), (one) => +one.tagName[1])")
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert max(np.diff(headings)) == 1


def test_a_dark_page_has_light_words_and_the_button_changes_both(browser, reported):
    def colours(page):
        return page.evaluate("""() => [getComputedStyle(document.body).backgroundColor,
          getComputedStyle(document.querySelector('[data-picture="r2"] .xtick text')).fill].map(
            (colour) => colour.match(/\\d+/g).slice(0, 3).map(Number).reduce((sum, part) => sum + part) / 3)""")

    with opened(browser, reported.file, scheme="dark") as dark:
        background, ink = colours(dark.page)
        assert background < 60
        assert ink > 150
        dark.page.locator("#theme").click()
        background, ink = colours(dark.page)
        assert ink < 110
        assert background > 200
        assert dark.errors == []


def test_a_phone_scrolls_down_and_never_sideways(browser, reported):
    with opened(browser, reported.file, width=420) as phone:
        assert phone.page.evaluate("document.documentElement.scrollWidth") <= 420
        widest = phone.page.evaluate("Math.max(...Array.from(document.querySelectorAll('.main-svg'), (one) => one.clientWidth))")
        assert 300 < widest <= 420
        room = """(name) => { const size = document.querySelector(`[data-picture="${name}"]`)._fullLayout._size;
          return [size.w / (size.w + size.l + size.r), size.h / (size.h + size.t + size.b)]; }"""
        for picture in ("correlations", "factor_strength", "t_stats", "risk", "covariance"):  # a factor's name has 41 characters
            wide, high = phone.page.evaluate(room, picture)
            assert wide > 0.6 and high > 0.5, picture
        assert phone.errors == []


def test_printing_gives_pages_with_light_pictures_that_fit(browser, reported):
    with opened(browser, reported.file, scheme="dark") as page:
        printed = page.page.pdf(format="A4", prefer_css_page_size=True)
        assert printed.startswith(b"%PDF")
        assert 8 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") + printed.count(b"/Type/Page/") <= 40
        assert page.errors == []


def test_the_figures_of_the_file_are_strict_json(reported):
    text = reported.file.read_text(encoding="utf-8")
    assert text.count("plotly.js v") == 1
    inner = text.partition('<script type="application/json" id="figures">')[2].partition("</script>")[0]
    content = json.loads(inner, parse_constant=pytest.fail)
    assert set(content["pictures"]) == PICTURES
    assert not set("<>&") & set(inner)


def test_the_report_of_a_model_in_memory_opens_too(browser, tmp_path):
    market = generate_market(n_assets=30, n_dates=40, n_industries=2, n_styles=1, seed=6)
    sizes = {"estimator": "sample", "window": 20, "min_periods": 10}
    model = fit(market.panel, caps="cap", styles=["size"], risk={"v": {"factor_cov": sizes, "specific_var": sizes}})
    file = model.report(tmp_path / "r.html", start=model.calendar()[5], factors=["size"])
    with opened(browser, file) as page:
        assert page.errors == []
        title = page.page.title()
        words = page.page.locator("body").inner_text()
    assert title == "fit: factor risk model, in memory"
    assert f"Returns from {model.calendar()[5].date()} to" in words
    assert "The model is in memory: it has no release before it" in words
