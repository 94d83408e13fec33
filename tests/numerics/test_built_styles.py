"""All the steps of a style: against pandas and statsmodels, and what must hold whatever the data."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.api import WLS

from sigmalake.numerics.exposures.build_styles import BuiltStyles, StyleInputs, StyleRecipe, build_styles
from sigmalake.numerics.exposures.style_rules import Missing, StyleRules
from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.regression.rules import RegressionWeights

N = 300
SECTORS = [Factor(name, "sector", Kind.MEMBERSHIP) for name in ("tech", "bank", "oil")]
COLUMNS = ["size", "book", "earnings", "vol", "beta"]
STYLES = {
    "volatility": StyleRules({"vol": 1.0}, missing=Missing.REGRESS, orthogonal_to=("beta", "size")),
    "size": StyleRules(),
    "value": StyleRules({"book": 0.7, "earnings": 0.3}, clip_beyond=2.0, missing=Missing.REGRESS),
    "neutral": StyleRules({"earnings": 1.0}, missing=Missing.ZERO, orthogonal_to=("sector",)),
    "beta": None,
}
RECIPE = StyleRecipe(COLUMNS, list(STYLES.items()), RegressionWeights.SQRT_CAP, SECTORS)


def cross_section(seed: int) -> StyleInputs:
    """Raw descriptors with gaps and data errors; size and beta are always there."""
    rng = np.random.default_rng(seed)
    caps = rng.lognormal(3, 1.5, N)
    raw = np.column_stack([np.log(caps), rng.lognormal(size=N), rng.standard_t(3, N), rng.lognormal(-1, 1, N), rng.normal(size=N)])
    raw[:, 1:4][rng.random((N, 3)) < 0.1] = np.nan
    raw[5, 1], raw[6, 3] = 1e4, -1e5
    return StyleInputs(raw, caps, None, rng.random(N) < 0.8, np.eye(3)[rng.integers(0, 3, N)])


@pytest.fixture(scope="module")
def date() -> StyleInputs:
    return cross_section(1)


@pytest.fixture(scope="module")
def built(date) -> BuiltStyles:
    return build_styles(RECIPE, date)


def by_pandas(date: StyleInputs) -> pd.DataFrame:
    """The same by another route: frames, masks and statsmodels."""
    raw = pd.DataFrame(date.descriptors, columns=COLUMNS)
    caps, weights = pd.Series(date.caps), pd.Series(np.where(date.in_estimation, np.sqrt(date.caps), 0.0))
    sectors = pd.DataFrame(date.memberships, columns=list("abc"))

    def moments(x):
        inside = x[date.in_estimation].dropna()
        mean = np.average(inside, weights=caps[inside.index])
        return mean, np.sqrt(((inside - mean) ** 2).mean())

    def scaled(x):
        mean, sd = moments(x)
        return (x - mean) / sd

    def limited(x, clip):
        mean, sd = moments(x)
        x = x.mask((x - mean).abs() > 10 * sd)
        mean, sd = moments(x)
        return scaled(x.clip(mean - clip * sd, mean + clip * sd))

    def explained(x, design):
        used = x.notna() & (weights > 0)
        return WLS(x[used], design[used], weights[used]).fit().predict(design)

    def regressed(x):
        return scaled(x.fillna(explained(x, sectors.assign(ln=np.log(caps)))))

    found = pd.DataFrame({"size": limited(raw["size"], 3), "beta": raw["beta"]})
    parts = pd.DataFrame({"book": limited(raw["book"], 2), "earnings": limited(raw["earnings"], 2)})
    of = pd.Series({"book": 0.7, "earnings": 0.3})
    combined = (parts * of).sum(axis=1) / (parts.notna() * of).sum(axis=1)
    found["value"] = regressed(scaled(combined))
    neutral = scaled(limited(raw["earnings"], 3).fillna(0.0))
    found["neutral"] = scaled(neutral - explained(neutral, sectors))
    volatility = regressed(limited(raw["vol"], 3))
    others = found[["beta", "size"]].assign(constant=1.0)
    found["volatility"] = scaled(volatility - explained(volatility, others))
    return found[list(STYLES)]


@pytest.mark.parametrize("seed", range(4))
def test_pandas_and_statsmodels_make_the_same_styles(seed):
    date = cross_section(seed)
    found = build_styles(RECIPE, date)
    assert found.kept.all()
    np.testing.assert_allclose(found.exposures, by_pandas(date), rtol=1e-10, atol=1e-10)


def test_what_was_missing_or_removed_is_flagged_as_filled(date, built):
    gone = np.isnan(date.descriptors)
    gone[5, 1] = gone[6, 3] = True  # the errors of the data
    np.testing.assert_array_equal(built.filled[:, 0], gone[:, 3])
    np.testing.assert_array_equal(built.filled[:, 2], gone[:, 1] & gone[:, 2])
    np.testing.assert_array_equal(built.filled[:, 3], gone[:, 2])
    assert not built.filled[:, [1, 4]].any()


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_every_style_has_cap_weighted_mean_0_and_sd_1_over_the_universe(seed):
    date = cross_section(seed)
    styles = build_styles(RECIPE, date).exposures[date.in_estimation, :4]
    caps = date.caps[date.in_estimation]
    np.testing.assert_allclose(caps @ styles / caps.sum(), 0.0, atol=1e-13)
    np.testing.assert_allclose((styles**2).mean(axis=0), 1.0, rtol=1e-12)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_an_orthogonalised_style_has_no_weighted_correlation_with_what_it_is_orthogonal_to(seed):
    date = cross_section(seed)
    X = build_styles(RECIPE, date).exposures
    w = np.where(date.in_estimation, np.sqrt(date.caps), 0.0) / np.sqrt(date.caps[date.in_estimation]).sum()
    volatility, size, _, neutral, beta = X.T
    for one, others in ((volatility, np.column_stack([size, beta])), (neutral, date.memberships)):
        np.testing.assert_allclose((w * (one - w @ one)) @ (others - w @ others), 0.0, atol=1e-12)


@given(st.integers(0, 1000), st.floats(0.01, 100), st.floats(-100, 100))
@settings(max_examples=20, deadline=None)
def test_the_unit_and_the_origin_of_a_descriptor_change_nothing(seed, scale, shift):
    date = cross_section(seed)
    moved = date.descriptors * np.append(np.full(4, scale), 1.0) + np.append(np.full(4, shift), 0.0)
    one, other = build_styles(RECIPE, date), build_styles(RECIPE, date._replace(descriptors=moved))
    np.testing.assert_allclose(other.exposures, one.exposures, atol=1e-8)
    np.testing.assert_array_equal(other.filled, one.filled)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_the_order_of_assets_does_not_matter(seed):
    date = cross_section(seed)
    order = np.random.default_rng(seed).permutation(N)
    moved = StyleInputs(
        date.descriptors[order], date.caps[order], None, date.in_estimation[order], date.memberships[order]
    )  # fmt: skip
    one, other = build_styles(RECIPE, date), build_styles(RECIPE, moved)
    np.testing.assert_allclose(other.exposures, one.exposures[order], rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(other.filled, one.filled[order])


def test_an_asset_outside_the_universe_moves_nothing(date, built):
    asset = int(np.flatnonzero(~date.in_estimation)[0])
    wild = date.descriptors.copy()
    wild[asset] = [8.0, np.nan, 1e6, 20.0, 9.0]
    caps = date.caps.copy()
    caps[asset] *= 1e6
    found = build_styles(RECIPE, date._replace(descriptors=wild, caps=caps))
    others = np.arange(N) != asset
    assert found.kept.all()
    np.testing.assert_array_equal(found.exposures[others], built.exposures[others])


def test_a_level_that_is_learned_later_changes_nothing_before(date, built):
    """Not a bit: an increment and a rebuild number the levels alike, but know other ones."""
    later = RECIPE._replace(memberships=[*SECTORS, Factor("coal", "sector", Kind.MEMBERSHIP)])
    found = build_styles(later, date._replace(memberships=np.column_stack([date.memberships, np.zeros(N)])))
    np.testing.assert_array_equal(found.exposures, built.exposures)
    np.testing.assert_equal(found.steps, built.steps)


def test_every_exposure_follows_from_the_account(date, built):
    """value: two descriptors clipped, standardised, combined, standardised; those with both need no regression."""
    said = {(step.style, step.step, step.term): step for step in built.steps}
    z = {}
    for column in ("book", "earnings"):
        x = date.descriptors[:, COLUMNS.index(column)]
        removed, clipped, scaled = (said["value", step, column] for step in ("removed", "clipped", "standardised"))
        gone = np.abs(x - removed.mean) > 10 * removed.sd
        low, high = clipped.mean - 2 * clipped.sd, clipped.mean + 2 * clipped.sd
        kept = np.where(gone, np.nan, x)
        assert removed.n_changed == gone.sum()
        assert clipped.n_changed == ((kept < low) | (kept > high)).sum() > 0
        assert scaled.n_values == np.isfinite(kept[date.in_estimation]).sum()
        z[column] = (np.clip(kept, low, high) - scaled.mean) / scaled.sd
    both = np.isfinite(z["book"] + z["earnings"])
    value = 0.7 * z["book"] + 0.3 * z["earnings"]
    for step in ("combined", "filled"):
        value = (value - said["value", step, "value"].mean) / said["value", step, "value"].sd
    np.testing.assert_allclose(built.exposures[both, 2], value[both], rtol=1e-12)
    assert said["value", "filled", "value"].n_changed == built.filled[:, 2].sum()
    terms = [step.term for step in built.steps if (step.style, step.step) == ("value", "filled_by")]
    assert terms == ["(constant)", "tech", "bank", "oil", "(ln cap)"]
    against = [step.term for step in built.steps if (step.style, step.step) == ("volatility", "orthogonalised_against")]
    assert against == ["(constant)", "beta", "size"]
    assert len(said) == len(built.steps)


def test_a_row_without_a_style_that_it_must_have_leaves_before_anything_is_measured(date):
    rules = {"value": StyleRules({"book": 1.0}), "size": StyleRules()}
    recipe = StyleRecipe(COLUMNS, list(rules.items()), RegressionWeights.EQUAL, SECTORS)
    whole = date._replace(descriptors=np.where(np.isnan(date.descriptors), 1.0, date.descriptors))
    found = build_styles(recipe, whole)
    assert np.flatnonzero(~found.kept).tolist() == [5]
    assert [(r.asset, r.column, r.value) for r in found.removed] == [(5, "book", 1e4)]
    without = build_styles(recipe, whole.only(np.arange(N) != 5))
    np.testing.assert_array_equal(found.exposures, without.exposures)


def test_removal_is_as_if_the_value_had_not_been_given(date):
    rules = StyleRules({"book": 1.0}, missing=Missing.ZERO)
    recipe = StyleRecipe(COLUMNS, [("value", rules)], RegressionWeights.EQUAL, SECTORS)
    absent = date.descriptors.copy()
    absent[5, 1] = np.nan
    one, other = build_styles(recipe, date), build_styles(recipe, date._replace(descriptors=absent))
    np.testing.assert_array_equal(one.exposures, other.exposures)
    np.testing.assert_array_equal(one.filled, other.filled)


def test_bounds_of_0_switch_removal_and_clipping_off(date):
    rules = StyleRules(remove_beyond=0.0, clip_beyond=0.0)
    found = build_styles(StyleRecipe(["size"], [("size", rules)], RegressionWeights.EQUAL, SECTORS), date._replace(
        descriptors=np.where(np.arange(N) == 7, 1e6, date.descriptors[:, 0])[:, None]
    ))  # fmt: skip
    assert [step.step for step in found.steps] == ["standardised"]
    assert found.exposures[7, 0] > 10.0


def test_zero_stays_the_markets_exposure(date, built):
    rules = StyleRules({"earnings": 1.0}, missing=Missing.ZERO)
    found = build_styles(StyleRecipe(COLUMNS, [("quality", rules)], RegressionWeights.EQUAL, SECTORS), date)
    np.testing.assert_allclose(found.exposures[found.filled[:, 0], 0], 0.0, atol=1e-15)
    assert found.filled.sum() == np.isnan(date.descriptors[:, 2]).sum()


@pytest.mark.parametrize("missing", [Missing.ZERO, Missing.REGRESS])
def test_a_style_that_nobody_has_is_0_and_flagged_for_all(date, missing):
    nobody = date._replace(descriptors=np.full((N, 1), np.nan))
    recipe = StyleRecipe(["book"], [("book", StyleRules(missing=missing))], RegressionWeights.SQRT_CAP, SECTORS)
    found = build_styles(recipe, nobody)
    np.testing.assert_array_equal(found.exposures, np.zeros((N, 1)))
    assert found.filled.all()


def test_a_date_without_assets_or_without_a_universe_makes_styles_of_0(date):
    none = date.only(np.zeros(N, dtype=bool))
    assert build_styles(RECIPE, none).exposures.shape == (0, 5)
    outside = build_styles(RECIPE, date._replace(in_estimation=np.zeros(N, dtype=bool)))
    np.testing.assert_array_equal(outside.exposures[:, :4], np.zeros((N, 4)))
    np.testing.assert_array_equal(outside.exposures[:, 4], date.descriptors[:, 4])
