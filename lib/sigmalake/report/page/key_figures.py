"""Numbers of the page that are no picture: the key figures at its head, and V of two assets."""

import numpy as np

from sigmalake.numerics.evaluation.forecast_evaluation import EvaluationKind
from sigmalake.report.page.markup import Html, element, joined, table
from sigmalake.report.page.sections import Chosen
from sigmalake.report.verdict.evidence import Evidence, median
from sigmalake.report.verdict.finding import counted, percent


def tiles(found: Evidence) -> Html:
    """The key figures."""
    scope, risk = found.scope, found.newest
    regressions = found.regressions
    tiles: list[tuple[str, str, str]] = [("Newest date", str(scope.as_of), f"{counted(len(regressions), 'regression')}")]
    if risk is not None:
        tiles.append(("Assets with a forecast", f"{len(risk.usable):,}", f"as of {risk.date}"))
        tiles.append(("Factors of Sigma", f"{len(risk.factors):,}", f"of {found.factors['factor'].nunique():,} in the regressions"))
    tiles.append(("Median R2", percent(median(regressions["r2"])), "of all dates shown"))
    if risk is not None and (vol := _market_vol(found)) is not None:
        tiles.append(("Market volatility", *vol))
    market = next((kind for kind in found.kinds if kind.kind == EvaluationKind.MARKET), None)
    if market is not None and np.isfinite(market.bias):
        tiles.append(("Bias of the market", f"{market.bias:.2f}", f"1 is right; {counted(market.n_dates, 'forecast')}"))
    shown = (
        element("div", element("dt", name), element("dd", value, element("small", note)), class_="tile")
        for name, value, note in tiles
    )
    return element("dl", joined(shown), class_="tiles")


def _market_vol(found: Evidence) -> tuple[str, str] | None:
    """Of the first factor of the group `market`, as forecast."""
    risk = found.newest
    assert risk is not None
    if "market" not in risk.groups:
        return None
    place = risk.groups.index("market")
    vol = float(np.sqrt(risk.factor_cov[place, place]))
    a_year = 12.0 if risk.frequency == "month" else found.scope.a_year
    if a_year is None:
        return percent(vol, 2), f"forecast of factor {risk.factors[place]}, a period"
    return percent(vol * float(np.sqrt(a_year)), 1), f"forecast of factor {risk.factors[place]}, a year"


def two_assets(found: Evidence, chosen: Chosen) -> Html | str:
    """V of two assets, number by number."""
    risk = found.newest
    if risk is None or len(chosen.largest) < 2:
        return ""
    one, other = chosen.largest[:2]
    X, cov, var, _ = risk.parts([one, other])
    a_year = 12.0 if risk.frequency == "month" else found.scope.a_year or 1.0
    whole = risk.asset_cov([one, other]).to_numpy() * a_year
    common = X @ cov @ X.T * a_year
    unit = "a year" if found.scope.a_year or risk.frequency == "month" else "a period"
    rows = [
        (f"{a} with {b}", f"{common[i, j]:.5f}", f"{var[i] * a_year:.5f}" if i == j else "0", f"{whole[i, j]:.5f}", vol)
        for (a, i), (b, j), vol in (
            ((one, 0), (one, 0), f"{100 * np.sqrt(whole[0, 0]):.1f} %"),
            ((other, 1), (other, 1), f"{100 * np.sqrt(whole[1, 1]):.1f} %"),
            ((one, 0), (other, 1), f"correlation {whole[0, 1] / np.sqrt(whole[0, 0] * whole[1, 1]):.2f}"),
        )
    ]
    return table(
        ["", "B Sigma B'", "Delta", "V", "volatility"],
        rows,
        caption=f"Covariances of two assets as of {risk.date}, fraction\u00b2 {unit}",
    )
