"""Reverse stress: no other factor returns that lose as much are likelier."""

import numpy as np
import pytest
import scipy
from factored_models import random_model
from numpy.testing import assert_allclose

from sigmalake.numerics.portfolio.reverse_stress import reverse_stress
from sigmalake.numerics.portfolio.scenario import conditional_factor_returns


def test_an_optimiser_finds_the_same_move():
    model = random_model()
    x, cov, loss = model.X.T @ model.h, model.factor_cov, 0.1
    scale = np.linalg.cholesky(cov)  # f = L z, and the distance is |z|
    slow = scipy.optimize.minimize(
        lambda z: z @ z, np.full(6, -1.0), jac=lambda z: 2 * z, method="SLSQP", options={"ftol": 1e-16},
        constraints={"type": "eq", "fun": lambda z: x @ scale @ z + loss, "jac": lambda _: x @ scale},
    )  # fmt: skip
    found = reverse_stress(x, cov, loss)
    assert_allclose(found.factor_returns, scale @ slow.x, rtol=1e-6, atol=1e-9)
    assert found.distance == pytest.approx(np.sqrt(slow.fun), rel=1e-8)
    assert found.factor_returns @ x == pytest.approx(-loss, rel=1e-13)
    assert found.distance == pytest.approx(np.sqrt(found.factor_returns @ np.linalg.solve(cov, found.factor_returns)), rel=1e-9)
    assert found.probability == pytest.approx(scipy.stats.norm.sf(loss, scale=np.sqrt(x @ cov @ x)), rel=1e-12)


def test_it_is_the_mean_of_the_factors_given_the_loss():
    model = random_model(seed=2)
    x, cov = model.X.T @ model.h, model.factor_cov
    joint = np.block([[cov, (cov @ x)[:, None]], [(cov @ x)[None], np.array([[x @ cov @ x]])]])  # the factors and the portfolio
    given_loss = conditional_factor_returns(joint, np.array([6]), np.array([-0.05]))
    assert_allclose(reverse_stress(x, cov, 0.05).factor_returns, given_loss[:6], rtol=1e-11)


def test_a_singular_sigma_has_an_answer_in_its_range():
    model = random_model(rank=3)
    found = reverse_stress(model.X.T @ model.h, model.factor_cov, 0.02)
    least = found.factor_returns @ np.linalg.pinv(model.factor_cov, rcond=1e-10, hermitian=True) @ found.factor_returns
    assert found.distance == pytest.approx(np.sqrt(least), rel=1e-6)


def test_a_portfolio_without_factor_risk_has_no_reverse_stress():
    with pytest.raises(ValueError, match="the factors give the portfolio no risk"):
        reverse_stress(np.zeros(3), np.eye(3), 0.1)
