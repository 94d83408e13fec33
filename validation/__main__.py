"""scripts/validate: what the measures say of models whose truth is known; writes docs/validation.md."""

import argparse
import os
import sys
from pathlib import Path

from validation.delta_layers import spreads
from validation.engines import compare_engines
from validation.experiments import bias_after_doubling, blind_model, eigenfactor_bias, right_model
from validation.horizons import power_curves, size_and_power
from validation.page import Doubling, Eigenfactors, Horizons, as_markdown

from sigmalake.numerics.factor_cov.eigenfactor import EigenfactorAdjustment
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.factor_cov.regime import VolatilityRegime

SEED = 11
SIZE = {"n_assets": 150, "n_factors": 20, "n_dates": 750}
MARKETS = {
    "Normal returns": {},
    "Fat tails: shocks are t with 5 degrees of freedom": {"fat_tails": True},
    "Every volatility doubles half-way": {"doubles": True},
}
WINDOWS = ((12, 60), (40, 120), (40, 252))  # factors, dates of the sample estimator
EIGEN_DATES = 500
REGIMES = ((84.0, 42.0), (252.0, 168.0), (42.0, 4.0))  # half-lives of the presets short, long, trading
AFTER = (21, 63, 126)  # dates after the change
REGIME_FACTORS = 40
HORIZON_DATES, HISTORIES = 500, 400


def main() -> None:
    """Run every experiment; print the page, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/validation.md"))
    parser.add_argument("--engines", action="store_true", help="instead, compare what both engines build, to the last bit")
    parser.add_argument("--peers", type=Path, nargs="+", metavar="PANEL", help="instead, forecasts of others on real panels")
    options = parser.parse_args()
    if options.peers:
        from validation.peers.compare import compare_all  # noqa: PLC0415 - its packages are those of the tests

        compare_all(options.peers, Path("docs/real_markets.md"))
        return
    if options.engines:
        data = os.environ.get("SIGMALAKE_DATA")
        sys.exit(0 if compare_engines(None if data is None else Path(data)) else 1)
    out = options.out
    markets = {name: right_model(**SIZE, seed=SEED, **options) for name, options in MARKETS.items()}
    markets["Every volatility doubles half-way, and the forecast is the average of both halves: a wrong model"] = blind_model(
        **SIZE, seed=SEED
    )
    page = as_markdown(markets, [_eigenfactors(*size) for size in WINDOWS], _doublings(), spreads(300, 120, SEED), _horizons())
    out.write_text(page, encoding="utf-8")
    print(page)


def _horizons() -> Horizons:
    cases, power = size_and_power(HORIZON_DATES, HISTORIES, SEED), power_curves(HORIZON_DATES, HISTORIES, SEED)
    return Horizons(HORIZON_DATES, HISTORIES, cases, power)


def _eigenfactors(n_factors: int, window: int) -> Eigenfactors:
    estimators = (
        SampleFactorCov(window=window),
        SampleFactorCov(window=window, eigenfactor=EigenfactorAdjustment(simulations=100, seed="validation")),
    )
    plain, adjusted = (eigenfactor_bias(estimator, n_factors, EIGEN_DATES, SEED) for estimator in estimators)
    return Eigenfactors(n_factors, window, EIGEN_DATES, plain, adjusted)


def _doublings() -> list[Doubling]:
    found = []
    for half_life, of_regime in REGIMES:
        plain = EwmaFactorCov(half_life=half_life)
        adjusted = EwmaFactorCov(half_life=half_life, regime=VolatilityRegime(half_life=of_regime))
        for after in AFTER:
            both = (bias_after_doubling(estimator, REGIME_FACTORS, after, SEED) for estimator in (plain, adjusted))
            found.append(Doubling(half_life, of_regime, after, *both))
    return found


if __name__ == "__main__":
    main()
