"""Many portfolios at once: the same as one by one, and as a loop over a dense V."""

import numpy as np
import pytest
import scipy
from numpy.testing import assert_allclose

from sigmalake.numerics.portfolio.asset_cov import asset_cov
from sigmalake.numerics.portfolio.benchmark import benchmark_risk
from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov
from sigmalake.numerics.portfolio.many import books_against, books_by_asset, risk_of_books
from sigmalake.numerics.portfolio.risk import portfolio_risk

N, K, P = 40, 6, 25
LINKED = LinkedCov(np.array([[0, 1], [0, 7], [1, 7], [12, 30]]), np.array([2e-4, 1e-4, 3e-4, -1e-4]))


@pytest.fixture
def model():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(N, K))
    root = rng.normal(size=(K, K)) / 50
    return X, root @ root.T, rng.uniform(1e-3, 4e-3, N)


@pytest.fixture
def books():
    rng = np.random.default_rng(4)
    held = rng.normal(size=(P, N)) * (rng.random((P, N)) < 0.3)
    held[5] = 0.0  # nothing held
    held[6, [0, 1, 7]] = 0.5, -0.4, 0.2
    return held


@pytest.fixture(params=[np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
def kind(request):
    return request.param


@pytest.mark.parametrize("linked", [UNLINKED, LINKED], ids=["unlinked", "linked"])
def test_every_row_is_what_the_single_portfolio_says(kind, books, model, linked):
    found = risk_of_books(kind(books), *model, linked)
    for row, h in enumerate(books):
        one = portfolio_risk(h, *model, linked)
        for name in ("exposures", "variance", "vol", "by_factor", "specific", "specific_vol"):
            assert_allclose(getattr(found, name)[row], getattr(one, name), rtol=1e-12, atol=1e-16, err_msg=name)


def test_variances_are_those_of_a_loop_over_a_dense_v(kind, books, model):
    V = asset_cov(*model, LINKED)
    found = risk_of_books(kind(books), *model, LINKED)
    slow = [sum(h[i] * V[i, j] * h[j] for i in range(N) for j in range(N)) for h in books]
    assert_allclose(found.variance, slow, rtol=1e-12, atol=1e-18)
    assert_allclose(found.by_factor.sum(axis=1) + found.specific, found.vol, rtol=1e-12)
    assert_allclose(found.factor_vol**2 + found.specific_vol**2, found.variance, rtol=1e-12)


@pytest.mark.parametrize("each", [False, True], ids=["one benchmark", "a benchmark each"])
def test_benchmarks_are_as_beside_a_single_one(kind, books, model, each):
    benchmarks = np.random.default_rng(9).dirichlet(np.ones(N), P if each else 1)
    found = books_against(kind(books), kind(benchmarks), *model, LINKED)
    for row, h in enumerate(books):
        one = benchmark_risk(h, benchmarks[row if each else 0], *model, LINKED)
        assert_allclose(found.beta[row], one.beta, rtol=1e-11, atol=1e-14)
        assert_allclose(found.correlation[row], one.correlation, rtol=1e-11, atol=1e-14)
        assert_allclose(found.active.vol[row], one.active.vol, rtol=1e-12)
        assert_allclose(found.active.by_factor[row], one.active.by_factor, rtol=1e-11, atol=1e-16)


def test_a_fund_against_its_own_basket_has_no_tracking_error(kind, model):
    basket = np.random.default_rng(1).dirichlet(np.ones(N), 3)
    found = books_against(kind(basket), kind(basket), *model, LINKED)
    assert (found.active.vol == 0).all()
    assert (found.active.by_factor == 0).all()
    assert_allclose(found.beta, 1, rtol=1e-13)
    assert_allclose(found.correlation, 1, rtol=1e-13)


def test_contributions_by_asset_are_weights_times_the_rows_of_v(books, model):
    sparse = scipy.sparse.csr_array(books)
    risk = risk_of_books(sparse, *model, LINKED)
    found = books_by_asset(sparse, risk, *model, LINKED, rows_at_once=7).toarray()
    V = asset_cov(*model, LINKED)
    with np.errstate(invalid="ignore"):
        slow = np.nan_to_num(books * (books @ V) / risk.vol[:, None])
    assert_allclose(found, slow, rtol=1e-11, atol=1e-16)
    assert_allclose(found.sum(axis=1), risk.vol, rtol=1e-12)


def test_a_missing_specific_variance_matters_only_where_it_is_held(kind, books, model):
    X, cov, var = model
    books[:, 3] = 0.0
    without = np.where(np.arange(N) == 3, np.nan, var)
    assert_allclose(risk_of_books(kind(books), X, cov, without).vol, risk_of_books(kind(books), X, cov, var).vol, rtol=1e-14)
    books[2, 3] = 0.1
    with pytest.raises(ValueError, match="specific_var of the held assets has 1 values that are not finite"):
        risk_of_books(kind(books), X, cov, without)


def test_what_cannot_be_answered_names_the_row(kind, books, model):
    X, cov, var = model
    with pytest.raises(ValueError, match=r"the factors give row \d+ a variance of -.*factor_cov is not positive semi-definite"):
        risk_of_books(kind(books), X, -cov, var)
    with pytest.raises(ValueError, match=r"the specific part gives row 6 a variance of -.*linked is not"):
        risk_of_books(kind(books), X, cov, var, LinkedCov(np.array([[0, 1]]), np.array([1.0])))
    with pytest.raises(ValueError, match="the benchmark of row 5 has a volatility of 0"):
        books_against(kind(books), kind(books), X, cov, var)
    with pytest.raises(ValueError, match=r"benchmarks have the shape \(2, 40\)"):
        books_against(kind(books), kind(books[:2]), X, cov, var)
    books[1, 1] = np.inf
    with pytest.raises(ValueError, match="books has 1 values that are not finite"):
        risk_of_books(kind(books), X, cov, var)


def test_no_portfolios_have_no_rows(kind, model):
    found = risk_of_books(kind(np.empty((0, N))), *model, LINKED)
    assert (found.vol.shape, found.by_factor.shape) == ((0,), (0, K))
    assert books_against(kind(np.empty((0, N))), kind(np.full((1, N), 1 / N)), *model, LINKED).beta.shape == (0,)
