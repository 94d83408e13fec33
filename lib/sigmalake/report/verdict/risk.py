"""Sigma, Delta and their forecasts, judged."""

import numpy as np

from sigmalake.numerics.evaluation.forecast_evaluation import EvaluationKind
from sigmalake.numerics.evaluation.forecast_measures import PERFECT_Q, bias_band
from sigmalake.reader.evaluation_summary import KindMeasures
from sigmalake.report.verdict import thresholds as at
from sigmalake.report.verdict.evidence import Evidence
from sigmalake.report.verdict.finding import Finding, Level, counted, listed, percent
from sigmalake.report.verdict.residuals import judge_residuals

IN_WORDS = {
    EvaluationKind.FACTOR: "factor portfolios",
    EvaluationKind.EIGENFACTOR: "eigenfactors of Sigma",
    EvaluationKind.MARKET: "the market",
    EvaluationKind.RANDOM_ACTIVE: "random active portfolios",
    EvaluationKind.MINIMUM_VARIANCE: "minimum-variance portfolios",
    EvaluationKind.OWN: "your own portfolios",
    EvaluationKind.ASSET_BY_SIZE: "single assets by size",
    EvaluationKind.ASSET_BY_VOLATILITY: "single assets by volatility",
    EvaluationKind.SPECIFIC_BY_SIZE: "specific returns by size",
    EvaluationKind.SPECIFIC_BY_VOLATILITY: "specific returns by volatility",
}
"""What the kinds of test portfolios are called."""


def judge_risk(found: Evidence) -> list[Finding]:
    """Every finding about Sigma and Delta."""
    if found.scope.variant is None or found.newest is None:
        action = "Name a variant under `risk:` and run again, or choose dates that have a Sigma."
        text = f"There is no risk model to look at: {found.no_newest}."
        return [Finding(Level.NOTE, "Risk", text, "", action, "risk_models", "risk")]
    findings = [
        _sigma_dates(found),
        _noise(found),
        _sources(found),
        _specific_share(found),
        judge_residuals(found),
        *_calibration(found),
    ]
    return [finding for finding in findings if finding is not None]


def _sigma_dates(found: Evidence) -> Finding:
    """Dates without a Sigma after the first that has one: what comes before it is the window that fills."""
    rows = found.risk
    started = rows.index[rows["status"] == "ok"][0]
    later = rows[rows.index >= started]
    failed = later[later["status"] != "ok"]
    newest = rows.index[-1]
    name = found.scope.variant
    threshold = "from the first Sigma on, every date that the variant stands for is to have one, the newest above all"
    if failed.empty:
        text = f"{name} has a Sigma on all {counted(len(later), 'date')} since {started:%Y-%m-%d}."
        return Finding(Level.GOOD, "Sigma", text, threshold, "", "risk_models", "risk")
    last = failed.index[-1]
    text = (
        f"{name} lacks a Sigma on {counted(len(failed), 'date')} of {len(later):,}, the newest {last:%Y-%m-%d}: "
        f"{failed['status'].iloc[-1]}, {failed['detail'].iloc[-1]}."
    )
    action = "Look at `detail` in `risk_models`; a window with too few periods needs a longer history or fewer factors."
    return Finding(Level.ACT if last == newest else Level.WATCH, "Sigma", text, threshold, action, "risk_models", "risk")


def _noise(found: Evidence) -> Finding | None:
    assert found.newest is not None
    n_factors = len(found.newest.factors)
    effective = float(found.risk.loc[found.risk["status"] == "ok", "effective_periods"].iloc[-1])
    names = [str(name) for name in found.diagnostics["name"]] if len(found.diagnostics) else []
    missing = [name.removeprefix("left_out:") for name in names if name.startswith("left_out:")]
    text = f"Sigma of {found.newest.date} has {n_factors} factors and rests on {effective:.0f} effective periods."
    if missing:
        text += f" {listed(missing)} {'is' if len(missing) == 1 else 'are'} left out: {_reason(found, missing[0])}."
    threshold = f"fewer than {at.PERIODS_A_FACTOR.value:g} effective periods a factor, or a factor left out, are to be watched"
    if effective >= at.PERIODS_A_FACTOR.value * n_factors and not missing:
        return Finding(Level.GOOD, "Noise in Sigma", text, threshold, "", "risk_models", "correlations")
    action = "Take a longer half-life or window, `factor_cov.shrinkage` or `factor_cov.eigenfactor`"
    action += ", and `factor_cov.short_history: em` for young factors." if missing else "."
    return Finding(Level.WATCH, "Noise in Sigma", text, threshold, action, "risk_models", "correlations")


def _reason(found: Evidence, factor: str) -> str:
    rows = found.diagnostics
    return str(rows.loc[rows["name"] == f"left_out:{factor}", "detail"].iloc[0])


def _sources(found: Evidence) -> Finding | None:
    rows = found.specific
    if rows.empty:
        return None
    shares = rows["source"].value_counts(normalize=True)
    without, structural = float(shares.get("none", 0.0)), float(shares.get("structural", 0.0))
    names = {"time_series": "its own history", "blend": "a blend with its like", "structural": "its like alone", "none": "nothing"}
    parts = listed([f"{names.get(str(name), str(name))} for {percent(share)}" for name, share in shares.items()])
    text = f"An asset's specific risk comes from {parts} of {len(rows):,} assets."
    threshold = (
        f"more than {percent(at.NO_SPECIFIC.value)} without any, or more than {percent(at.STRUCTURAL.value)} from exposures alone, "
        "are to be watched"
    )
    if without <= at.NO_SPECIFIC.value and structural <= at.STRUCTURAL.value:
        return Finding(Level.GOOD, "Specific risk", text, threshold, "", "specific_risk", "specific")
    action = (
        "Give assets with a short history a structural estimate (`specific_var.structural`), or they are refused by name in "
        "portfolios."
        if without > at.NO_SPECIFIC.value
        else "Check that these assets have prices on most dates; a proxy is an average of its like."
    )
    return Finding(Level.WATCH, "Specific risk", text, threshold, action, "specific_risk", "specific")


def _specific_share(found: Evidence) -> Finding | None:
    """How much of a single stock's variance is its own."""
    model = found.newest
    assert model is not None
    if not model.usable:
        return None
    X, cov, var, _ = model.parts(model.usable)
    of_factors = np.einsum("nk,kl,nl->n", X, cov, X)
    share = float(np.median(var / (of_factors + var)))
    text = (
        f"Of the forecast variance of the median asset {percent(share)} is specific; the factors hold {percent(1 - share)}. "
        f"{len(model.usable):,} assets have a forecast as of {model.date}"
    )
    text += f", and {len(model.refused):,} have none." if model.refused else "."
    return Finding(Level.NOTE, "Where risk lies", text, "", "", "risk_models", "specific")


def _calibration(found: Evidence) -> list[Finding]:
    if not found.kinds:
        text = "The forecasts have not been held against the returns that followed."
        action = "Run `sigmalake evaluate` with the same configuration, then this report again."
        return [Finding(Level.WATCH, "Calibration", text, "", action, "forecast_evaluation", "calibration")]
    judged = [kind for kind in found.kinds if np.isfinite(kind.bias)]
    few = [kind for kind in judged if kind.n_dates < at.FEW_FORECASTS.value]
    if not judged or few == judged:
        most = max(kind.n_dates for kind in found.kinds)
        text = f"Of {most:,} forecasts the returns are known: too few to judge them."
        return [Finding(Level.NOTE, "Calibration", text, _few(), "", "forecast_evaluation", "calibration")]
    off = [kind for kind in judged if kind not in few and _is_off(kind, at.BIAS_WATCH.value)]
    good = [kind for kind in judged if kind not in few and kind not in off]
    alike: dict[str, list[KindMeasures]] = {}
    for kind in off:
        alike.setdefault(_remedy(kind), []).append(kind)
    findings = [_of_remedy(kinds, remedy) for remedy, kinds in alike.items()]
    if good:
        text = f"The volatility that was forecast is right on average for {listed([_spoken(kind) for kind in good], 10)}."
        findings.append(Finding(Level.GOOD, "Calibration", text, _threshold(), "", "forecast_evaluation", "calibration"))
    return findings


def _is_off(kind: KindMeasures, beyond: float) -> bool:
    return abs(kind.bias - 1) > max(beyond, bias_band(kind.n_dates))


def _of_remedy(kinds: list[KindMeasures], remedy: str) -> Finding:
    """Kinds of portfolios that are off and that the same remedy helps."""
    parts = listed([_off_by(kind) for kind in kinds], 10)
    text = f"Volatility was forecast {parts}, over {counted(max(kind.n_dates for kind in kinds), 'forecast')}."
    if any(kind.q > PERFECT_Q + 0.5 for kind in kinds):
        text += " A few large returns weigh in it: Q is far above that of normal returns."
    level = Level.ACT if any(_is_off(kind, at.BIAS_ACT.value) for kind in kinds) else Level.WATCH
    return Finding(level, "Calibration", text, _threshold(), remedy, "forecast_evaluation", "calibration")


def _off_by(kind: KindMeasures) -> str:
    way = "low" if kind.bias > 1 else "high"
    band = bias_band(kind.n_dates)
    error, whose = percent(abs(1 - 1 / kind.bias)), IN_WORDS[EvaluationKind(kind.kind)]
    return f"{error} too {way} for {whose} (B {kind.bias:.2f}, band 1 ± {band:.2f})"


def _remedy(kind: KindMeasures) -> str:
    """What usually helps, by what is off."""
    low = kind.bias > 1
    match EvaluationKind(kind.kind):
        case EvaluationKind.EIGENFACTOR | EvaluationKind.MINIMUM_VARIANCE:
            return (
                "Optimised portfolios seek out what Sigma underrates: set `factor_cov.eigenfactor`, or take a longer half-life for "
                "correlations."
                if low
                else "Lower `factor_cov.eigenfactor.scale`."
            )
        case EvaluationKind.SPECIFIC_BY_SIZE | EvaluationKind.SPECIFIC_BY_VOLATILITY:
            return (
                "Look for returns that are not adjusted for splits and spin-offs, which no estimator foresees; then try shrinkage "
                "by size and serial correlation under `specific_var`."
            )
        case _:
            return "Set `regime` under `factor_cov` and `specific_var`, or take a shorter half-life, and evaluate again."


def _spoken(kind: KindMeasures) -> str:
    return f"{IN_WORDS[EvaluationKind(kind.kind)]} (B {kind.bias:.2f})"


def _threshold() -> str:
    return (
        f"B = sd(return / forecast) is 1 where forecasts are right; watched where it is off by more than {at.BIAS_WATCH.value:g} "
        f"and by more than its band sqrt(2 / T), to be mended beyond {at.BIAS_ACT.value:g}"
    )


def _few() -> str:
    return f"calibration is judged from {at.FEW_FORECASTS.value:g} forecasts on"
