"""HTML and the pool of arrays: what goes in comes out, and nothing else."""

import base64
import json

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.testing import assert_array_equal

from sigmalake.report.page.markup import Html, element, json_text, prose, table
from sigmalake.report.page.pictures import Menu, Picture, Pool


def decoded(value, arrays):
    """The pool's JSON as Plotly would read it."""
    if isinstance(value, dict):
        if set(value) == {"$"}:
            return decoded(arrays[value["$"]], arrays)
        if "bdata" in value:
            flat = np.frombuffer(base64.b64decode(value["bdata"]), np.dtype(value["dtype"]))
            return flat.reshape([int(side) for side in value["shape"].split(",")]) if "shape" in value else flat
        return {key: decoded(inner, arrays) for key, inner in value.items()}
    return [decoded(inner, arrays) for inner in value] if isinstance(value, list) else value


def test_text_and_attributes_are_escaped_and_markup_is_not():
    made = element("p", "<b>", element("i", "a & b"), title='say "x"', class_="y", hidden=None)
    assert made == '<p title="say &quot;x&quot;" class="y">&lt;b&gt;<i>a &amp; b</i></p>'
    assert prose("see `a<b` and <c>") == "see <code>a&lt;b</code> and &lt;c&gt;"
    assert "<td>&lt;x&gt;</td>" in table(["n"], [["<x>"]])


@pytest.mark.parametrize("name", ["</script>", "<!-- <script>", "a\u2028b", "&amp;", '"\\'])
def test_json_in_a_script_has_no_sign_that_ends_it_and_means_the_same(name):
    made = json_text({name: [name]})
    assert not set("<>&\u2028\u2029") & set(made)
    assert json.loads(made) == {name: [name]}
    assert isinstance(made, Html)


def test_numbers_come_back_to_the_last_bit_and_equal_arrays_are_stored_once():
    days = np.arange("2024-01-01", "2024-02-10", dtype="datetime64[D]")
    values, cells = np.random.default_rng(1).standard_normal(40), np.random.default_rng(2).standard_normal((6, 7))
    values[3] = np.nan
    pool = Pool()
    for name in ("one", "other"):
        figure = go.Figure([go.Scatter(x=days, y=values), go.Scatter(x=days, y=values.astype(np.float32)), go.Heatmap(z=cells)])
        pool.add(name, Picture({(): figure}))
    content = json.loads(json_text(pool.content))
    assert len(content["arrays"]) == 4
    first, second, third = decoded(content["pictures"]["other"]["figures"][""], content["arrays"])["data"]
    assert first["x"] == [str(day) for day in days]
    assert_array_equal(first["y"], values)
    assert_array_equal(second["y"], values.astype(np.float32))
    assert_array_equal(third["z"], cells)


def test_menus_name_a_figure_each_or_say_why_there_is_none():
    pool = Pool()
    pool.add("p", Picture({(0,): go.Figure(), (1,): "not estimated"}, (Menu("Factor", ["a", "b"]),)))
    found = pool.content["pictures"]["p"]
    assert found["menus"] == [{"label": "Factor", "options": ["a", "b"]}]
    assert found["figures"]["1"] == {"missing": "not estimated"}
