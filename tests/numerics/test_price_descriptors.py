from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from price_histories import price_history, with_noise_after
from pydantic import TypeAdapter, ValidationError

from sigmalake.numerics.descriptors.fundamentals import FundamentalRules
from sigmalake.numerics.descriptors.library import DESCRIPTORS, STYLES, DescriptorRules
from sigmalake.numerics.descriptors.prices import PriceDescriptors, PriceHistory, PriceWindows
from sigmalake.numerics.descriptors.trailing_window import Trailing

SHORT = PriceWindows(
    month=5,
    range_months=6,
    beta=Trailing(window=40, half_life=10),
    momentum=Trailing(window=45, half_life=20, lag=5),
    daily_volatility=Trailing(window=40, half_life=8),
    turnover_1m=Trailing(window=5),
    turnover_3m=Trailing(window=15),
    turnover_12m=Trailing(window=40),
    reversal=Trailing(window=5),
)


def assert_same(found: PriceDescriptors, expected: PriceDescriptors, rtol: float = 0.0) -> None:
    for name, values, wanted in zip(PriceDescriptors._fields, found, expected, strict=True):
        assert_allclose(values, wanted, rtol=rtol, atol=rtol, err_msg=name)
        assert np.isfinite(values).any(), name


def test_daily_volatility_is_the_exponential_one_of_pandas():
    history = price_history(60, missing=0.0)
    windows = PriceWindows(daily_volatility=Trailing(window=60, half_life=42))
    found = windows.compute(history, np.array([59])).daily_volatility
    assert_allclose(found[0], pd.DataFrame(history.returns).ewm(halflife=42).std(bias=True).iloc[-1], rtol=1e-10)


def test_nothing_known_after_the_as_of_date_moves_a_descriptor():
    history = price_history(120)
    as_of = np.arange(60, 91)
    changed = PriceHistory(*(with_noise_after(values, 90) for values in history))
    assert_same(SHORT.compute(changed, as_of), SHORT.compute(history, as_of))


def test_the_look_back_is_all_that_a_date_needs_and_no_row_less_will_do():
    history = price_history(120, missing=0.02)
    all_rows = SHORT.compute(history, np.array([110]))
    tail = PriceHistory(*(values[111 - SHORT.look_back : 111] for values in history))
    assert_same(SHORT.compute(tail, np.array([SHORT.look_back - 1])), all_rows, rtol=1e-12)
    longer_beta = replace(SHORT, beta=Trailing(window=60, half_life=30))
    for windows, descriptor in ((SHORT, "momentum"), (longer_beta, "beta")):
        short = PriceHistory(*(values[112 - windows.look_back : 111] for values in history))
        found = getattr(windows.compute(short, np.array([windows.look_back - 2])), descriptor)
        assert not np.isclose(found, getattr(windows.compute(history, np.array([110])), descriptor), rtol=1e-12, atol=0).all()


def test_the_default_windows_read_two_years_and_a_month():
    assert PriceWindows().look_back == 525
    assert PriceWindows(momentum=Trailing(window=231, lag=21)).look_back == 253


def test_without_caps_the_market_is_equal_weighted_and_nothing_has_a_size():
    history = price_history(60, missing=0.0)
    history.in_estimation[:] = True
    none = history._replace(caps=np.full((60, 6), np.nan), market_caps=np.ones((60, 6)), turnovers=np.full((60, 6), np.nan))
    found = SHORT.compute(none, np.array([59]))
    for name in ("size", "size_cubed", "turnover_1m", "turnover_3m", "turnover_12m"):
        assert np.isnan(getattr(found, name)).all(), name
    assert found.beta.mean() == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"month": 0}, "month is 0; it must be 1 or more"),
        ({"range_months": 0}, "range_months is 0; it must be 1 or more"),
        ({"range_min_periods": 253}, "range_min_periods is 253; it must be from 1 to the 252 periods"),
        ({"beta": {"window": 5}}, "beta would rest on 2 returns; it needs a min_periods of 3 or more"),
        ({"daily_volatility": {"window": 3}}, "daily_volatility would rest on 1 returns; it needs a min_periods of 2 or more"),
        ({"daily_volatility": {"window": 20, "lag": 3}}, "daily_volatility has a lag of 3; a volatility ends at its date"),
        ({"beta": {"window": 20, "half_live": 3}}, "Unexpected keyword"),
    ],
)
def test_configured_windows_are_checked(given, message):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(PriceWindows).validate_python(given)


def test_windows_of_a_mapping_are_read_and_others_keep_their_defaults():
    given = {"prices": {"beta": {"window": 104, "half_life": 26}, "month": 4}, "fundamentals": {"max_age": 400}}
    prices = PriceWindows(beta=Trailing(window=104, half_life=26), month=4)
    expected = DescriptorRules(prices=prices, fundamentals=FundamentalRules(max_age=400))
    assert TypeAdapter(DescriptorRules).validate_python(given) == expected


def test_styles_are_made_of_descriptors_that_exist_and_orthogonal_to_styles_made_before():
    assert len(set(DESCRIPTORS)) == len(DESCRIPTORS)
    used = [name for style in STYLES.values() for name in style.descriptors]
    assert sorted(used) == sorted(DESCRIPTORS)
    plain = {name for name, style in STYLES.items() if not style.orthogonal_to}
    for name, style in STYLES.items():
        assert set(style.orthogonal_to) <= plain, name
        assert all(0 < weight <= 1 for weight in style.descriptors.values()), name
    assert sum(STYLES["volatility"].descriptors.values()) == sum(STYLES["liquidity"].descriptors.values()) == 1.0
