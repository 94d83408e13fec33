"""The rules of a style: what is refused, and the order in which styles are made."""

import re
from itertools import pairwise

import pytest

from sigmalake.numerics.exposures.style_rules import StyleRules, style_order

REFUSED = [
    ({"descriptors": {"a": 0.0}}, "descriptors: the weight of a is 0.0; it must be a finite number > 0, e.g. 0.5"),
    ({"descriptors": {"a": float("nan")}}, "descriptors: the weight of a is nan; it must be a finite number > 0, e.g. 0.5"),
    ({"remove_beyond": -1.0}, "remove_beyond is -1.0; it must be a number of sd, e.g. 10, or 0 for none"),
    ({"clip_beyond": float("inf")}, "clip_beyond is inf; it must be a number of sd, e.g. 3, or 0 for none"),
    (
        {"clip_beyond": 12.0},
        "clip_beyond is 12.0, remove_beyond 10.0: what is removed is not there to be clipped; clip_beyond must be the smaller",
    ),
    ({"orthogonal_to": ("size", "beta", "size")}, "orthogonal_to names size twice"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_a_rule_that_makes_no_sense_is_refused(given, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        StyleRules(**given)


def test_without_descriptors_a_style_is_its_own_column():
    assert StyleRules().weights("size") == {"size": 1.0}
    assert StyleRules({"a": 0.7, "b": 0.3}).weights("value") == {"a": 0.7, "b": 0.3}


def test_a_style_comes_after_those_that_it_is_orthogonalised_against():
    rules = {
        "volatility": StyleRules(orthogonal_to=("beta", "size", "industry")),
        "beta": StyleRules(orthogonal_to=("size",)),
        "size": StyleRules(),
    }
    assert style_order(rules) == ["size", "beta", "volatility"]


@pytest.mark.parametrize("circle", [{"a": "a"}, {"a": "b", "b": "c", "c": "a"}])
def test_a_circle_is_refused_by_name(circle):
    rules = {style: StyleRules(orthogonal_to=(other,)) for style, other in circle.items()}
    with pytest.raises(ValueError, match="goes round in a circle") as refused:
        style_order(rules)
    names = str(refused.value).removeprefix("orthogonal_to goes round in a circle: ").partition(";")[0].split(" -> ")
    assert names[0] == names[-1]
    assert sorted(names[1:]) == sorted(circle)
    assert all(circle[one] == other for one, other in pairwise(names))
