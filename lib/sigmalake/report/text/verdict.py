"""The verdict on an evaluation: whether each variant's forecasts are right, and what to do where they are not."""

from collections.abc import Sequence
from math import isnan
from statistics import fmean

from sigmalake.numerics.evaluation.forecast_evaluation import EvaluationKind
from sigmalake.numerics.evaluation.forecast_measures import bias_band
from sigmalake.reader.evaluation_summary import Comparison, EvaluationSummary, KindMeasures

FEWEST = 60  # forecasts, that a verdict says something
FAT = 9.0  # kurtosis of returns with fat tails, of t with 5 degrees of freedom
SLOW = 2.0  # times the rolling deviation of a right model, beyond which forecasts follow volatility too slowly
LEVEL = 0.05  # of a test of two variants
SPREAD = 0.3  # between the deciles of assets, beyond which some are forecast too low and others too high

_OPTIMISED = (EvaluationKind.EIGENFACTOR, EvaluationKind.MINIMUM_VARIANCE)
_SPECIFIC = (EvaluationKind.SPECIFIC_BY_SIZE, EvaluationKind.SPECIFIC_BY_VOLATILITY)
_DECILES = (*_SPECIFIC, EvaluationKind.ASSET_BY_SIZE, EvaluationKind.ASSET_BY_VOLATILITY)


def verdicts(summary: EvaluationSummary) -> list[str]:
    """A paragraph for each variant, by its name."""
    names = sorted({kind.variant for kind in summary.kinds})
    return [
        *(_verdict(name, [kind for kind in summary.kinds if kind.variant == name]) for name in names),
        *_better(summary.comparisons),
    ]


def _better(comparisons: Sequence[Comparison]) -> list[str]:
    """A sentence on each pair of variants: where the one forecasts better than the other by more than chance."""
    pairs: dict[tuple[str, str], list[Comparison]] = {}
    for one in comparisons:
        if not isnan(one.p_value):
            pairs.setdefault((one.variant, one.other), []).append(one)
    found = []
    for (variant, other), tested in pairs.items():
        told = [one for one in tested if one.p_value < LEVEL]
        for name, rival, here in (
            (variant, other, [one.kind for one in told if one.difference < 0]),
            (other, variant, [one.kind for one in told if one.difference > 0]),
        ):
            if here:
                found.append(f"{name} forecasts better than {rival} for {', '.join(here)} (QLIKE, Diebold and Mariano at 5 %).")
        if not told:
            found.append(f"{variant} and {other} forecast alike: no difference of QLIKE is more than chance (Diebold and Mariano).")
    return found


def _verdict(variant: str, kinds: Sequence[KindMeasures]) -> str:
    measured = [kind for kind in kinds if not isnan(kind.bias)]
    n_dates = max((kind.n_dates for kind in measured), default=0)
    n_effective = max((kind.n_effective for kind in measured), default=0)
    if n_effective < FEWEST:
        overlapping = f" that overlap tell as much as {n_effective:.0f} independent ones, which" if n_effective < n_dates else ""
        return f"{variant}: {n_dates} forecasts{overlapping} are too few for a verdict; {FEWEST} say something, 250 are better."
    horizon = measured[0].horizon
    variant += f" over {horizon} periods" if horizon > 1 else ""
    band, wide = bias_band(n_effective), bias_band(n_effective, FAT)
    off = {kind.kind: kind.bias for kind in measured if abs(kind.bias - 1) > wide}
    doubtful = [kind.kind for kind in measured if band < abs(kind.bias - 1) <= wide]
    if off:
        told = f"{variant}: not right. " + " ".join(_side(off, wide, n_dates))
    else:
        told = f"{variant}: right. The mean bias of every kind is within 1 +- {wide:.2f}, as that of fat-tailed returns"
        told += (
            f"; {', '.join(doubtful)} outside 1 +- {band:.2f}, that of normal ones." if doubtful else ", also that of normal ones."
        )
    return " ".join([told, *_advice(off, measured)])


def _side(off: dict[str, float], wide: float, n_dates: int) -> list[str]:
    found = []
    for word, is_low in (("too low", True), ("too high", False)):
        listed = [f"{kind} (by {abs(1 - 1 / bias):.0%})" for kind, bias in off.items() if (bias > 1) is is_low]
        if listed:
            found.append(f"Forecasts are {word} for {', '.join(listed)}: B outside 1 +- {wide:.2f} over {n_dates} forecasts.")
    return found


def _advice(off: dict[str, float], kinds: Sequence[KindMeasures]) -> list[str]:
    """What to do, by what is off."""
    found = []
    optimised, specific = [kind for kind in off if kind in _OPTIMISED], [kind for kind in off if kind in _SPECIFIC]
    others = [bias for kind, bias in off.items() if kind not in (*_OPTIMISED, *_SPECIFIC)]
    if optimised and not others:
        found.append("Do: switch on `factor_cov.eigenfactor`, or lower its scale where B is below 1.")
    if specific:
        found.append("Do: look at Delta (`specific_var`): `structural`, `size_shrinkage`, a longer half-life.")
    if others:
        side = "longer" if fmean(others) > 1 else "shorter"
        found.append(f"Do: look at `data_quality` first, then try `regime`, or a {side} memory of calm and of stormy years.")
    slow = [k for k in kinds if k.mrad > SLOW * k.expected_mrad and not isnan(k.mrad)]
    if slow and not others:
        found.append(
            "Do: try `regime` or a shorter half-life; forecasts follow volatility slowly (MRAD is twice that of a right model)."
        )
    if spread := [kind.kind for kind in kinds if kind.kind in _DECILES and kind.bias_spread > SPREAD]:
        found.append(f"Deciles differ by more than {SPREAD} in {', '.join(spread)}: `size_shrinkage` and `structural` level them.")
    return found or ["Do: nothing."]
