"""docs/descriptors.md names every descriptor and style, with the defaults and weights that the library has."""

import re
from pathlib import Path

import pytest

from sigmalake.numerics.descriptors.library import DESCRIPTORS, STYLES, DescriptorRules

PAGE = (Path(__file__).parents[1] / "docs" / "descriptors.md").read_text()


def rows_under(header: str) -> list[list[str]]:
    lines = PAGE[PAGE.index(header) :].splitlines()[2:]
    table = lines[: next(number for number, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_every_descriptor_is_listed_in_the_order_of_the_arrays():
    assert [row[0].strip("`") for row in rows_under("| descriptor |")] == list(DESCRIPTORS)


def test_the_windows_listed_are_the_defaults():
    listed = {row[0].strip("`"): row[3] for row in rows_under("| descriptor |")}
    rules = DescriptorRules()
    for name in ("beta", "momentum", "daily_volatility", "turnover_1m", "turnover_3m", "turnover_12m", "reversal"):
        trailing = getattr(rules.prices, name)
        half_life = f", half-life {trailing.half_life}" if trailing.half_life else ""
        lag = f", the newest {trailing.lag} left out" if trailing.lag else ""
        assert listed[name] == f"{trailing.window}{half_life}{lag}"
    assert listed["cumulative_range"] == f"{rules.prices.range_months} x {rules.prices.month}"
    accounts = rules.fundamentals
    assert listed["sales_growth"] == f"{accounts.growth_years} years, {accounts.growth_min_years} needed"
    assert f"more than `max_age` days, {accounts.max_age} by default" in PAGE


@pytest.mark.parametrize("row", rows_under("| style |"), ids=lambda row: row[0])
def test_a_style_is_listed_as_the_library_has_it(row):
    style = STYLES[row[0].strip("`")]
    assert {name: float(weight) for weight, name in re.findall(r"([\d.]+) `(\w+)`", row[1])} == dict(style.descriptors)
    assert tuple(re.findall(r"`(\w+)`", row[2])) == style.orthogonal_to


def test_every_style_is_listed():
    assert [row[0].strip("`") for row in rows_under("| style |")] == list(STYLES)
