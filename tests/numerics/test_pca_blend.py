"""Correlations mixed with those of their first principal components."""

import numpy as np
import pytest
from factor_histories import factor_returns
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from sigmalake.config.variant import Variant
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.factor_cov.pca_blend import PcaBlend, blend_components


def test_it_is_the_covariance_that_scikit_learn_rebuilds_from_its_components():
    F = factor_returns(80, 9) * np.geomspace(1, 6, 9)
    z = (F - F.mean(axis=0)) / F.std(axis=0, ddof=1)
    fitted = PCA(n_components=3, svd_solver="full").fit(z)
    low = fitted.components_.T @ np.diag(fitted.explained_variance_) @ fitted.components_
    np.fill_diagonal(low, 1.0)
    expected = np.diag(F.std(axis=0, ddof=1)) @ (0.7 * np.corrcoef(F.T) + 0.3 * low) @ np.diag(F.std(axis=0, ddof=1))
    found = SampleFactorCov(window=80, pca_blend=PcaBlend(components=3, weight=0.3)).estimate(F)
    assert_allclose(found.cov, expected, rtol=1e-11, atol=1e-14)
    assert_allclose(np.diag(found.cov), np.diag(np.cov(F.T)), rtol=1e-12)
    (said,) = found.diagnostics
    assert (said.name, said.value) == ("pca_blend_explained", pytest.approx(fitted.explained_variance_ratio_.sum(), rel=1e-10))


def test_all_components_change_nothing_and_none_but_the_first_leave_a_one_factor_model():
    cov = np.cov(factor_returns(60, 5).T)
    assert_allclose(blend_components(cov, 5, 1.0).cov, cov, rtol=1e-12, atol=1e-18)
    assert_allclose(blend_components(cov, 9, 0.4).cov, cov, rtol=1e-12, atol=1e-18)
    vols = np.sqrt(np.diag(cov))
    corr = blend_components(cov, 1, 1.0).cov / np.outer(vols, vols)
    for i, j, k, m in ((0, 1, 2, 3), (1, 2, 3, 4)):  # tetrads vanish
        assert corr[i, j] * corr[k, m] == pytest.approx(corr[i, k] * corr[j, m], rel=1e-9)


def test_layers_follow_it():
    F = factor_returns(120, 6)
    given = {"estimator": "ewma", "half_life": 30, "regime": {"half_life": 10}, "pca_blend": {"components": 2}}
    found = Variant.model_validate({"factor_cov": given, "specific_var": {"estimator": "sample"}}).factor_cov.estimate(F)
    plain = EwmaFactorCov(half_life=30).estimate(F).cov
    assert [one.name for one in found.diagnostics] == ["pca_blend_explained", "regime_multiplier"]
    assert_allclose(found.cov, blend_components(plain, 2, 0.5).cov * found.diagnostics[1].value ** 2, rtol=1e-12)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"estimator": "ewma", "half_life": 9, "pca_blend": {"components": 0}}, "components is 0; give 1 or more"),
        ({"estimator": "ewma", "half_life": 9, "pca_blend": {"components": 2, "weight": 1.5}}, "weight is 1.5; it must be above 0"),
        (
            {"estimator": "ewma", "half_life": 9, "pca_blend": {"components": 2}, "eigenfactor": {}},
            "eigenfactor does not go with pca_blend",
        ),
        (
            {"estimator": "sample", "pca_blend": {"components": 2}, "shrinkage": "qis"},
            "shrinkage: qis does not go with pca_blend: both correct the same",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Variant.model_validate({"factor_cov": given})
