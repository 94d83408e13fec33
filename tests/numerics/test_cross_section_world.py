"""World, countries, industries and currencies in one regression."""

import numpy as np
import pytest
from cross_section_cases import Case, Membership, cap_share_rows, generated, mean_one_weights, projected_fit, solve_kkt
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def world(rng: np.random.Generator, country: np.ndarray, industry: np.ndarray) -> Case:
    """Every asset in one country and one industry; the levels as they occur, and those below the largest."""
    n_countries, n_industries = country.max() + 1, industry.max() + 1
    groups = {"country": Membership(n_countries), "industry": Membership(n_industries)}
    made = generated(rng, len(country), groups=groups, n_styles=1)
    made.exposures[:, 1 : 1 + n_countries] = country[:, None] == np.arange(n_countries)
    made.exposures[:, 1 + n_countries : -1] = industry[:, None] == np.arange(n_industries)
    return made


def test_each_group_is_relative_to_the_cap_weighted_world_and_known_returns_are_recovered():
    rng = np.random.default_rng(0)
    made = world(rng, rng.integers(0, 5, 200), rng.integers(0, 7, 200))
    rows = cap_share_rows(made)
    f = 0.01 * rng.normal(size=14)
    f[1:6] -= rows[0, 1:6] @ f[1:6]
    f[6:13] -= rows[1, 6:13] @ f[6:13]
    exact = made._replace(returns=made.exposures @ f).fit()
    assert_allclose(exact.factor_returns, f, rtol=0, atol=1e-15)
    section = made.fit()
    assert set(section.factor_status) == {"ok"}
    assert section.rank == 14 - 2
    assert_allclose(rows @ section.factor_returns, 0.0, atol=1e-16)
    assert_allclose(section.factor_returns, solve_kkt(made, rows), rtol=1e-9, atol=1e-14)


def test_two_blocks_that_share_no_industry_cost_one_more_factor():
    """Countries 0, 1 have industries 0 to 2 alone, countries 2, 3 the others: their difference is identified once."""
    rng = np.random.default_rng(1)
    country = rng.integers(0, 4, 120)
    made = world(rng, country, np.where(country < 2, 0, 3) + rng.integers(0, 3, 120))
    section = made.fit()
    assert section.factor_status.count("collinear") == 1
    assert section.factor_status[10] == "collinear"  # the last industry
    assert section.rank == 1 + 4 + 6 + 1 - 2 - 1
    fitted = np.sqrt(mean_one_weights(made)) * section.fitted_returns
    assert_allclose(fitted, projected_fit(made, cap_share_rows(made)), rtol=0, atol=1e-13)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(2, 8))
def test_the_rank_is_that_of_the_graph_of_countries_and_industries(seed, n_countries, n_industries):
    """Few assets, so that the graph falls apart by chance; a part without assets is empty, not a component."""
    rng = np.random.default_rng(seed)
    country, industry = rng.integers(0, n_countries, 25), rng.integers(0, n_industries, 25)
    country, industry = (np.unique(levels, return_inverse=True)[1] for levels in (country, industry))
    industry = np.where(rng.random(25) < 0.7, country % (industry.max() + 1), industry)
    industry = np.unique(industry, return_inverse=True)[1]
    made = world(rng, country, industry)
    size = country.max() + 1 + industry.max() + 1
    edges = coo_matrix((np.ones(25), (country, country.max() + 1 + industry)), shape=(size, size))
    n_parts, _ = connected_components(edges, directed=False)
    section = made.fit()
    assert section.rank == size - n_parts + 1  # and the style; the world adds nothing to the groups
    assert section.factor_status.count("collinear") == n_parts - 1
    fitted = np.sqrt(mean_one_weights(made)) * section.fitted_returns
    assert_allclose(fitted, projected_fit(made, cap_share_rows(made)), rtol=0, atol=1e-12)


@pytest.fixture
def in_currencies() -> tuple[Case, np.ndarray]:
    """World, industries and three currencies, and each asset's currency."""
    rng = np.random.default_rng(2)
    currency = rng.integers(0, 3, 150)
    made = world(rng, currency, rng.integers(0, 6, 150))
    return made._replace(factors=[f._replace(group="currency") if f.group == "country" else f for f in made.factors]), currency


def test_currency_factors_of_unhedged_returns_hold_the_exchange_returns_about_the_worlds(in_currencies):
    made, currency = in_currencies
    fx = np.array([0.0, 0.03, -0.02])
    hedged = made._replace(returns=made.returns * (1 + fx[currency])).fit()
    unhedged = made._replace(returns=(1 + made.returns) * (1 + fx[currency]) - 1).fit()
    mean_fx = made.caps @ fx[currency] / made.caps.sum()
    moved = unhedged.factor_returns - hedged.factor_returns
    assert_allclose(moved[0], mean_fx, rtol=0, atol=1e-15)
    assert_allclose(moved[1:4], fx - mean_fx, rtol=0, atol=1e-15)
    assert_allclose(moved[4:], 0.0, atol=1e-15)
    assert_allclose(unhedged.specific_returns, hedged.specific_returns, rtol=0, atol=1e-15)


def test_a_currency_of_several_countries_leaves_what_its_countries_do_not_say(in_currencies):
    """Countries nested in currencies: the fit is that of the countries, whichever group is named first."""
    made, currency = in_currencies
    rng = np.random.default_rng(5)
    country = 2 * currency + rng.integers(0, 2, 150)
    columns = [f._replace(name=f"country_{k}", group="country") for k, f in enumerate([made.factors[1]] * 6)]
    X = np.column_stack([made.exposures, country[:, None] == np.arange(6)])
    both = made._replace(exposures=X, factors=[*made.factors, *columns])
    only = both._replace(exposures=np.delete(X, [1, 2, 3], axis=1), factors=[*made.factors[:1], *made.factors[4:], *columns])
    section, countries = both.fit(), only.fit()
    assert section.rank == countries.rank == 1 + 5 + 5 + 1
    assert section.factor_status.count("collinear") == 2
    assert section.factor_status[1:4] == ("ok",) * 3
    assert_allclose(section.specific_returns, countries.specific_returns, rtol=0, atol=1e-14)
