"""Which assets have a V: those whose factors are in Sigma, or count as 0."""

import numpy as np
import pytest

from sigmalake.numerics.portfolio.coverage import align_model

X = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.5]])


def aligned(**told):
    return align_model(
        assets=["a", "b"], columns=["market", "euro", "size"], exposures=X, factors=["market"], factor_cov=np.eye(1),
        specific_var={"a": 0.1, "b": 0.2}, **told,
    )  # fmt: skip


def test_an_asset_exposed_to_a_factor_that_sigma_lacks_is_refused_with_the_reason():
    found = aligned(left_out={"euro": "2 of 60 periods"})
    assert found.refused == {
        "a": "exposed to euro, which is not in Sigma: 2 of 60 periods",
        "b": "exposed to size, which is not in Sigma: no history",
    }


@pytest.mark.parametrize(("zero", "refused"), [(["euro"], ["b"]), (["euro", "size"], [])])
def test_a_factor_without_effect_refuses_nobody_and_is_not_in_x(zero, refused):
    found = aligned(left_out={"euro": "0 of 60 periods"}, zero_factors=zero)
    assert list(found.refused) == refused
    np.testing.assert_array_equal(found.exposures, X[:, :1])
