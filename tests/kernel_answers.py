"""A small answer of each stage's kernel, from input that is the same on every machine, and its measure.

`python tests/kernel_answers.py` records the present ones in kernel_answers.json, beside the versions that gave them.
"""

import json
import zlib
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import scipy

from sigmalake.numerics.descriptors.currency import conversion, forward_premium
from sigmalake.numerics.descriptors.fundamentals import ITEMS, FundamentalRules
from sigmalake.numerics.descriptors.point_in_time import KnownRecords
from sigmalake.numerics.descriptors.prices import PriceHistory, PriceWindows
from sigmalake.numerics.descriptors.revenue_shares import revenue_shares
from sigmalake.numerics.descriptors.segments import SegmentRecords, known_shares
from sigmalake.numerics.descriptors.trailing_window import Trailing
from sigmalake.numerics.evaluation.fama_macbeth import automatic_lags, fama_macbeth
from sigmalake.numerics.evaluation.forecast_evaluation import DateForecast, EvaluationRules, OwnPortfolio, evaluate_date
from sigmalake.numerics.exposures.build_styles import StyleInputs, StyleRecipe, build_styles
from sigmalake.numerics.exposures.stability import exposure_stability
from sigmalake.numerics.exposures.style_rules import Missing, StyleRules
from sigmalake.numerics.factor_cov.eigenfactor import EigenfactorAdjustment
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.factor_cov.pca_blend import PcaBlend
from sigmalake.numerics.factor_cov.regime import VolatilityRegime
from sigmalake.numerics.factors import Factor, Kind, PackedExposures
from sigmalake.numerics.portfolio.asset_cov import asset_cov
from sigmalake.numerics.portfolio.linked_cov import LinkedCov
from sigmalake.numerics.portfolio.look_through import look_through
from sigmalake.numerics.portfolio.many import books_against
from sigmalake.numerics.quality.cap_checks import cap_gaps, nearest_split, new_standing_caps
from sigmalake.numerics.quality.exposure_checks import exposure_moves, is_thin, membership_sizes
from sigmalake.numerics.quality.return_checks import deviations, new_zero_runs, robust_scores, taken_back
from sigmalake.numerics.regression.cross_section import fit_cross_section
from sigmalake.numerics.regression.rules import RegressionRules, RegressionWeights, Thin
from sigmalake.numerics.regression.two_pass import TwoPass
from sigmalake.numerics.specific_risk.estimators import EwmaSpecificVar, SampleSpecificVar
from sigmalake.numerics.specific_risk.layers import Coverage, specific_history, specific_risk
from sigmalake.numerics.specific_risk.linked_issues import LinkedIssues
from sigmalake.numerics.specific_risk.regime import SpecificRegime
from sigmalake.numerics.specific_risk.residual_correlation import residual_correlation
from sigmalake.numerics.specific_risk.size_shrinkage import SizeShrinkage
from sigmalake.numerics.specific_risk.structural_vol import StructuralModel
from sigmalake.numerics.weights import complete_variances, inverse_variance_weights
from sigmalake.numerics.windows.calendar import Month
from sigmalake.numerics.windows.compounding import NONE_MISSING, compound
from sigmalake.stages import versions

RECORDED = Path(__file__).parent / "kernel_answers.json"
N = 60
GROUPS = 4
FACTORS = [
    Factor("market", "market", Kind.MARKET),
    *(Factor(f"sector {k}", "sector", Kind.MEMBERSHIP) for k in range(GROUPS)),
    Factor("size", "style", Kind.STYLE),
    Factor("value", "style", Kind.STYLE),
]


class Measure(NamedTuple):
    """What an array of an answer comes to."""

    size: int
    missing: int
    absolute: float  # sum of |x|
    projection: float  # sum of x_i cos(i): it moves with each element


def measure(values) -> Measure:
    """Of numbers; of words by a checksum of each."""
    flat = np.asarray(values).ravel()
    if flat.dtype.kind in "UO":
        flat = np.array([zlib.crc32(str(word).encode()) / 2**32 for word in flat])
    numbers = flat.astype(float)
    found = np.nan_to_num(numbers, nan=0.0)
    weights = np.cos(np.arange(1.0, len(found) + 1))
    return Measure(len(found), int(np.isnan(numbers).sum()), float(np.abs(found).sum()), float(found @ weights))


def draws(seed: int, *shape: int) -> np.ndarray:
    """About normal, mean 0 and sd 1: sums of four of Python's own random numbers, which are the same everywhere."""
    source = Random(seed)
    numbers = [sum(source.random() for _ in range(4)) - 2.0 for _ in range(int(np.prod(shape)))]
    return np.sqrt(3.0) * np.array(numbers).reshape(shape)


def memberships() -> np.ndarray:
    return np.eye(GROUPS)[np.arange(N) % GROUPS]


def exposures() -> np.ndarray:
    return np.column_stack([np.ones(N), memberships(), draws(1, N, 2)])


def caps() -> np.ndarray:
    return np.exp(draws(2, N))


def universe() -> np.ndarray:
    return np.arange(N) % 7 != 3


def returns() -> np.ndarray:
    found = exposures() @ np.array([0.01, 0.004, -0.002, 0.001, -0.003, 0.002, -0.001]) + 0.02 * draws(3, N)
    found[5], found[11] = np.nan, 0.9
    return found


def ingest():
    raw = draws(4, N, 3)
    raw[3, 0], raw[8, 1], raw[9, 2] = np.nan, 14.0, np.nan
    rules = {
        "size": StyleRules(),
        "value": StyleRules(descriptors={"a": 0.7, "b": 0.3}, clip_beyond=2.0, missing=Missing.REGRESS, orthogonal_to=("size",)),
        "beta": StyleRules(descriptors={"b": 1.0}, missing=Missing.ZERO, orthogonal_to=("sector",)),
    }
    recipe = StyleRecipe(["size", "a", "b"], list(rules.items()), RegressionWeights.SQRT_CAP, FACTORS[1 : GROUPS + 1])
    built = build_styles(recipe, StyleInputs(raw, caps(), None, universe(), memberships()))
    rates = np.exp(0.01 * draws(5, 9, 3))
    hedged = conversion(rates, forward_premium(0.001 * draws(6, 9, 3), 0.001 * draws(7, 9, 3)))
    steps = [[step.mean, step.sd, step.coefficient, step.n_values, step.n_changed] for step in built.steps]
    return {
        "styles": built.exposures, "filled": built.filled, "kept": built.kept, "steps": steps,
        "growth": hedged.growth, "carry": hedged.carry, "unhedged": conversion(rates).carry,
    }  # fmt: skip


def describe():
    returned, of_caps = 0.02 * draws(8, 90, 12), np.exp(draws(9, 90, 12))
    returned[3:5, 2] = np.nan
    history = PriceHistory(returned, of_caps, of_caps, np.abs(0.01 * draws(10, 90, 12)) + 1e-4, draws(11, 90, 12) > -1.5)
    windows = PriceWindows(
        month=5, range_months=4, beta=Trailing(window=40, half_life=20), momentum=Trailing(window=40, half_life=20, lag=5),
        daily_volatility=Trailing(window=30, half_life=10), turnover_1m=Trailing(window=5), turnover_3m=Trailing(window=15),
        turnover_12m=Trailing(window=40), reversal=Trailing(window=5),
    )  # fmt: skip
    figures = {item: _records(number) for number, item in enumerate(ITEMS)}
    fundamental = FundamentalRules().compute(figures, of_caps[[70, 89]], np.array([1500, 2400]))
    return {**windows.compute(history, np.array([50, 89]))._asdict(), **fundamental._asdict()}


def _records(seed: int) -> KnownRecords:
    asset, year = np.repeat(np.arange(12), 6), np.tile(np.arange(6), 12)
    return KnownRecords(asset, 365 * year + 400, 365 * year + 310, 3.0 + draws(20 + seed, 72))


def shares():
    asset, industry = np.repeat(np.arange(20), 6), np.tile(np.arange(6), 20)
    known_at, assets, sales = 10 + asset % 3, np.abs(draws(12, 120)), np.abs(draws(13, 120))
    assets[::17] = np.nan
    records = SegmentRecords(asset, industry, known_at, known_at - 5, assets, sales)
    found = known_shares(records, 300, np.exp(draws(14, 20)), np.arange(20) % 5 != 2, max_age=550)
    of_revenue = revenue_shares(records._replace(assets=np.full(120, np.nan)), 300, max_age=550)
    return found.fitted._asdict() | {f"revenue.{name}": values for name, values in of_revenue._asdict().items()}


def regress():
    weights = np.where(universe(), np.sqrt(caps()), 0.0)
    found = {}
    for name, rules in {
        "plain": RegressionRules(),
        "robust": RegressionRules(huber=1.345, outliers_beyond=5.0),
        "drawn": RegressionRules(ridge=0.05, thin=Thin.SHRINK, min_members=9.0),
        "dropped": RegressionRules(thin=Thin.DROP, min_members=8.0, min_assets=10),
    }.items():
        section = fit_cross_section(returns(), exposures(), caps(), weights, universe(), FACTORS, rules)
        found |= {f"{name}.{field}": value for field, value in section._asdict().items() if field != "detail"}
    residuals = _residuals(100)
    variances = TwoPass(half_life=21).estimator().time_series(residuals, np.array([98, 99])).var[1]
    complete = complete_variances(variances, np.sqrt(caps()), universe()).specific_var
    return found | {"two_pass": inverse_variance_weights(complete, universe(), TwoPass().max_ratio).weights}


def _residuals(n_periods: int) -> np.ndarray:
    found = 0.02 * np.exp(0.4 * draws(15, N)) * draws(16, n_periods, N)
    for asset in range(5):
        found[: n_periods - 15 - 8 * asset, asset] = np.nan
    found[::9, 5] = np.nan
    return found


def stability():
    found = exposure_stability(draws(1, N, 2), draws(1, N, 2) + 0.3 * draws(17, N, 2), np.where(universe(), caps(), 0.0))
    return {"correlation": found.correlation, "n_common": [found.n_common]}


def residuals():
    """Of a regression on X; the residual of an asset is missing now and then."""
    X, u = exposures(), _residuals(100)[-60:, 5:]
    fitted = np.nan_to_num(u) @ np.linalg.pinv(X[5:]).T @ X[5:].T
    found = residual_correlation(u - fitted, X[5:], np.arange(1, 1 + GROUPS))
    return {
        "numbers": [found.n_assets, found.n_periods, found.free, found.edge, found.n_above], "eigenvalues": found.eigenvalues,
        "pairs": found.pairs, "groups": list(found.groups.values()), "members": list(found.members.values()),
        "leading": found.leading, "leading_correlation": found.leading_correlation,
    }  # fmt: skip


def risk():
    factor_returns = 0.01 * np.exp(0.3 * draws(18, 7)) * draws(19, 180, 7)
    layered = EwmaFactorCov(
        half_life=20, corr_half_life=40, lags=2, corr_lags=1, regime=VolatilityRegime(half_life=8), eigenvalue_floor=0.3,
        eigenfactor=EigenfactorAdjustment(simulations=8, scale=1.4, seed="small"),
    )  # fmt: skip
    short = factor_returns.copy()
    short[:-50, 6] = np.nan
    covs = {
        "ewma": layered.estimate(factor_returns),
        "oas": SampleFactorCov(window=60, shrinkage="oas").estimate(factor_returns),
        "qis": SampleFactorCov(window=60, shrinkage="qis").estimate(factor_returns),
        "blended": SampleFactorCov(window=60, pca_blend=PcaBlend(components=2)).estimate(factor_returns),
        "ledoit_wolf": SampleFactorCov(window=60, shrinkage="ledoit_wolf").estimate(factor_returns),
        "em": SampleFactorCov(window=80, short_history="em").estimate(short),
    }
    found = {f"Sigma.{name}": cov.cov for name, cov in covs.items()}
    found |= {f"diagnostics.{name}": [d.value for d in cov.diagnostics] for name, cov in covs.items()}
    months = [Month(first, first + 19) for first in range(0, 180, 20)]
    return found | {"months": compound(factor_returns, months, NONE_MISSING).returns} | _delta()


def _delta():
    residuals, as_of = _residuals(150), np.array([120, 149])
    layered = EwmaSpecificVar(
        half_life=20, lags=3, lags_half_life=30, structural=StructuralModel(fewest_obs=20, ramp_obs=30),
        size_shrinkage=SizeShrinkage(q=0.3, groups=4), regime=SpecificRegime(half_life=8), linked=LinkedIssues(min_periods=10),
    )  # fmt: skip
    coverage = Coverage(
        np.arange(N), np.arange(N) % 11 != 4, exposures()[np.arange(N) % 11 != 4], FACTORS, caps(), np.arange(N) // 2
    )
    found = {}
    for name, estimator in {"ewma": layered, "sample": SampleSpecificVar(window=60)}.items():
        history = specific_history(estimator, residuals, as_of, np.tile(caps(), (150, 1)))
        delta = specific_risk(history, 1, coverage)
        found |= {f"Delta.{name}": delta.specific_var, f"source.{name}": delta.source, f"n_obs.{name}": delta.n_obs}
        if delta.linked is not None:
            found["linked"] = delta.linked.cov
    return found


def _model():
    sqrt = 0.01 * draws(24, 7, 7)
    return exposures(), sqrt @ sqrt.T, (0.02 * np.exp(0.3 * draws(25, N))) ** 2


def covariance():
    linked = LinkedCov(np.array([[0, 1], [4, 9]]), np.array([1e-5, -2e-5]))
    return {"V": asset_cov(*_model(), linked)}


def portfolios():
    data = np.array([0.5, 0.3, 0.2, 0.6, 0.4, 1.0, 0.7, 0.3])
    columns = np.array([0, 9, 10, 20, 30, 31, N, N + 1])  # the last book holds the first two
    books = scipy.sparse.csr_array((data, columns, np.array([0, 3, 5, 6, 8])), shape=(4, N + 2))
    portfolio_of = np.array([-1] * N + [0, 1])
    held = look_through(books, portfolio_of)[:, :N]
    against = books_against(held, held[2:3], *_model(), LinkedCov(np.array([[0, 1], [9, 10]]), np.array([1e-5, -2e-5])))
    found = {name: getattr(against.portfolio, name) for name in ("exposures", "variance", "by_factor", "specific_vol")}
    return {**found, "held": held.toarray(), "tracking_error": against.active.vol, "beta": against.beta}


def evaluate():
    X, factor_cov, specific_var = _model()
    ids = [f"asset {n}" for n in range(N)]
    usable = np.arange(N) % 13 != 6
    date = DateForecast(
        [factor.name for factor in FACTORS], factor_cov, 0.01 * draws(26, 7), ids, X, specific_var, usable, caps(), universe(),
        returns(), 0.02 * draws(27, N),
    )  # fmt: skip
    own = [OwnPortfolio("mine", ["asset 2", "asset 6", "gone"], np.array([0.5, 0.4, 0.1]))]
    parts = evaluate_date(date, EvaluationRules(random_active=5, minimum_variance=3, seed=1), own)
    found = {}
    for number, part in enumerate(parts):
        found |= {f"{number}.{part.kind}.{name}": values for name, values in part.run._asdict().items()}
        found |= {f"{number}.{part.kind}.left_out": part.left_out_weight}
    return found


def premia():
    returned = 0.001 + 0.01 * draws(28, 120, 5)
    returned[:40, 4] = np.nan
    return fama_macbeth(returned, automatic_lags(120))._asdict()


def quality():
    returns = 0.01 * draws(31, 40, N)
    returns[20:26, 3] = 0.0
    returns[30, 4:6], returns[31, 4:6] = -0.5, [1.0, 0.1]
    found = deviations(returns)
    scores = robust_scores(found, 24, 21, 5.0)
    caps = np.exp(draws(32, 40, N))
    before = np.vstack([np.full((1, N), np.nan), caps[:-1]])
    gaps = cap_gaps(caps, before, found.growth)
    styles, earlier = draws(33, N, 2), draws(34, N, 2)
    moves = exposure_moves(3 * styles, earlier, 3.0, 2.0)
    assets, shares = np.arange(N), 0.5 + 0.1 * np.abs(draws(35, N))
    sizes = membership_sizes(PackedExposures(N, assets, assets % GROUPS, shares, styles), np.abs(draws(36, N)), GROUPS)
    return {
        "stale": new_zero_runs(returns, 5), "deviation": found.deviation, "spread": found.spread, "scores": scores,
        "ticks": taken_back(found.deviation[24:-1], scores[:-1], found.deviation[25:], 10.0, 0.25),
        "standing": new_standing_caps(np.round(caps), np.round(before), returns, 2), "gaps": gaps,
        "splits": nearest_split(gaps.ravel(), 0.02), **moves._asdict(), **sizes._asdict(), "thin": is_thin(sizes, 9.0, 0.2),
    }  # fmt: skip


ANSWERS = {
    "INGEST": ingest, "QUALITY": quality,
    "DESCRIBE": describe, "SHARES": shares, "REGRESS": regress, "STABILITY": stability, "RESIDUALS": residuals, "RISK": risk,
    "COVARIANCE": covariance, "PORTFOLIOS": portfolios, "EVALUATE": evaluate, "PREMIA": premia,
}  # fmt: skip


def answers(stage: str) -> dict[str, Measure]:
    """The measures of a stage's answer, by name."""
    return {name: measure(values) for name, values in ANSWERS[stage]().items()}


if __name__ == "__main__":
    found = {stage: {"version": getattr(versions, stage), "answers": answers(stage)} for stage in ANSWERS}
    lines = [
        f'  "{stage}": {{\n    "version": {json.dumps(of["version"])},\n    "answers": {{\n'
        + ",\n".join(f"      {json.dumps(name)}: {json.dumps(value)}" for name, value in of["answers"].items())
        + "\n    }\n  }"
        for stage, of in found.items()
    ]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
