"""The sections of the page in their order: what each picture shows, how it is read, and where its numbers are."""

from typing import NamedTuple


class PictureText(NamedTuple):
    """The words about one picture. `{variant}`, `{release}`, `{date}` and `{factor}` stand for what the page is of."""

    name: str  # of `model.plot`
    title: str
    shows: str  # empty where the figure's own note says it
    read: str  # how to read it, one sentence
    python: str
    sql: str = ""


class SectionText(NamedTuple):
    """A heading with its pictures."""

    anchor: str
    title: str
    opening: str
    pictures: tuple[PictureText, ...]
    own_page: bool = False  # begins a page where it is printed


SECTIONS = (
    SectionText(
        "returns",
        "What the factors earned",
        "A factor return is what a portfolio earns that has an exposure of 1 to that factor and of 0 to every other.",
        (
            PictureText(
                "factor_returns",
                "Cumulative factor returns",
                "The returns of the most telling factors, added up over time. Choose one factor to see the band of twice the "
                "volatility that was forecast for it.",
                "A line that stays within its band did what its volatility let expect; one that leaves it earned, or lost, more.",
                "model.plot.factor_returns()",
                "SELECT date, factor, factor_return FROM factor_returns ORDER BY date",
            ),
        ),
        own_page=True,
    ),
    SectionText(
        "fit",
        "How well the regressions fit",
        "Every date has one regression of the stocks' returns on their exposures at the close before.",
        (
            PictureText(
                "r2",
                "R2 over time",
                "The share of the differences between the stocks' returns that the factors explain, date by date, and its "
                "running mean.",
                "High where all stocks move with the same few factors, as in a crisis; a level that drops for good is a "
                "reason to look.",
                "model.plot.r2()",
                "SELECT date, r2, adj_r2 FROM cross_sections ORDER BY date",
            ),
            PictureText(
                "t_stats",
                "How clearly factors differ from 0",
                "Above, by factor, the share of dates on which its return is more than two standard errors from 0; below, the "
                "share of the factors by date.",
                "Chance alone gets to 5 %, the dotted line; a factor near it is not told from noise.",
                "model.plot.t_stats()",
                "SELECT date, factor, t_stat FROM factor_returns ORDER BY date",
            ),
        ),
    ),
    SectionText(
        "strength",
        "Which factors matter",
        "A factor matters if its return is clearly not 0 on many dates, and if it moves much.",
        (
            PictureText(
                "factor_strength",
                "Strength and premium by factor",
                "To the left what the factors move, by the measure that the menu chooses; to the right what each earned a "
                "year, with two standard errors.",
                "A factor can matter for risk and earn nothing: its bar is long and its dot is at 0.",
                "model.plot.factor_strength()",
                "SELECT factor, avg(CASE WHEN abs(t_stat) > 2 THEN 1.0 ELSE 0.0 END) FROM factor_returns GROUP BY factor",
            ),
        ),
    ),
    SectionText(
        "correlations",
        "How the factors move together",
        "",
        (
            PictureText(
                "correlations",
                "Correlations of Sigma",
                "The correlations of the factors as of {date}, ordered so that factors that move alike stand beside each other.",
                "Strong colours off the diagonal are factors that overlap; a block of one colour is a bet that is made more "
                "than once.",
                'model.plot.correlations(variant="{variant}")',
                "SELECT factor_1, factor_2, covariance FROM factor_covariance WHERE variant = '{variant}' AND date = '{date}'",
            ),
        ),
    ),
    SectionText(
        "stability",
        "How stable the exposures are",
        "A style that is another one next month cannot be traded, and its forecast is of stocks that it no longer holds.",
        (
            PictureText(
                "exposure_stability",
                "Each style against itself a month before",
                "",
                "Above .9 is stable and below .8 doubtful, but for styles that are meant to turn over, such as a reversal.",
                "model.plot.exposure_stability()",
                "SELECT exposure_date, style, correlation FROM exposure_stability ORDER BY exposure_date",
            ),
        ),
    ),
    SectionText(
        "coverage",
        "What is covered",
        "The coverage is every asset with exposures; the regression uses those of the estimation universe with a return.",
        (
            PictureText(
                "coverage",
                "Assets by date",
                "How many assets have exposures, a return, a place in the fit and a specific risk; below, the source rows "
                "that were rejected.",
                "The lines run side by side; a notch is a day on which a source did not deliver.",
                "model.plot.coverage()",
                "SELECT exposure_date, n_assets, n_returns FROM panel ORDER BY exposure_date",
            ),
        ),
    ),
    SectionText(
        "risk",
        "Where the risk of the market lies",
        "The cap-weighted portfolio of all assets with a forecast (equal weights where the model has no caps), taken apart.",
        (
            PictureText(
                "risk",
                "Risk of the market portfolio",
                "What groups of factors, factors and single assets add to the volatility of the market portfolio as of {date}.",
                "The bars of each list add up to the volatility of the portfolio; a bar to the left lowers it.",
                'model.plot.risk(holdings, variant="{variant}")',
            ),
        ),
    ),
    SectionText(
        "specific",
        "What is left to single stocks",
        "Delta holds the specific variance of every stock: what its returns do that no factor explains.",
        (
            PictureText(
                "specific_risk",
                "Specific volatility by size",
                "Specific volatility as of {date} within groups of equally many assets, from the smallest to the largest "
                "market value.",
                "Small companies stand higher than large ones as a rule; a group that spreads widely rests on few or wild returns.",
                'model.plot.specific_risk(variant="{variant}")',
                "SELECT asset_id, specific_var, source FROM specific_risk WHERE variant = '{variant}' AND date = '{date}'",
            ),
            PictureText(
                "residual_correlation",
                "What residuals have in common",
                "The correlations of specific returns over a window, held against what independent ones would have: the largest "
                "eigenvalue and the mean square of all over time; below, the mean square within each group.",
                "Delta, a diagonal, takes specific returns for independent. Well above 1 they are not: some factor is missing.",
                "model.plot.residual_correlation()",
                "SELECT date, n_above, edge, mean_squared, expected_squared FROM residual_correlation ORDER BY date",
            ),
        ),
    ),
    SectionText(
        "calibration",
        "Whether the forecasts came true",
        "B is the standard deviation of return / forecast volatility, out of sample: 1 is right, 1.1 is a forecast that was 10 % "
        "too low.",
        (
            PictureText(
                "calibration",
                "Bias by kind of portfolio, and over time",
                "B of every kind of test portfolio beside the band in which a right model would lie 19 times in 20.",
                "Within the band the forecast was right; above it there was more risk than forecast, below it less.",
                'model.plot.calibration(variant="{variant}")',
                "SELECT kind, portfolio, stddev(b) FROM forecast_evaluation WHERE variant = '{variant}' AND horizon = 1 "
                "GROUP BY kind, portfolio",
            ),
        ),
    ),
    SectionText(
        "quality",
        "What the data look like",
        "Every date of every source is measured before a regression is run; `docs/quality.md` has the measures.",
        (
            PictureText(
                "data_quality",
                "Notes and warnings",
                "The dates on which a measure of the data passed a threshold, by measure and source.",
                "A row full of marks is a trait of the source; a single triangle is an event to look at.",
                "model.plot.data_quality()",
                "SELECT date, source, measure, value, found FROM data_quality WHERE severity <> 'ok' ORDER BY date DESC",
            ),
        ),
    ),
    SectionText(
        "changes",
        "What changed since the release before",
        "A release is kept as it was; the next one may add dates, and may restate earlier ones.",
        (
            PictureText(
                "changes",
                "What moved",
                "The numbers that moved since the release before, by quantity and date, of the dates that both releases have.",
                "Every mark is a date that was computed again; a larger one moved more numbers.",
                "model.plot.changes(earlier)",
            ),
        ),
    ),
    SectionText(
        "lesson-slope",
        "First lesson: a factor return is a slope",
        "Across the stocks of one date, returns rise or fall with the exposure. The slope of the line through the points is the "
        "factor's return.",
        (
            PictureText(
                "scatter",
                "One date, one factor",
                "Every point is a stock: to the right its exposure at the close before, upwards its return without what the other "
                "factors explain. The slope of the line is the factor return of that date.",
                "Where exposures are 0 or 1, the slope is the difference between two means; where they are shares between 0 and 1, "
                "it is read along the whole range.",
                'model.plot.scatter("{date}", "{factor}")',
                "SELECT factor, factor_return, std_error FROM factor_returns WHERE date = '{date}'",
            ),
            PictureText(
                "slope",
                "The slope over time",
                "The same slope on every date. Its variance over time is the factor's place on the diagonal of Sigma.",
                "The wider the returns swing, the larger the variance, and the more risk one unit of exposure carries.",
                'model.plot.slope("{factor}")',
                "SELECT date, factor_return, std_error FROM factor_returns WHERE factor = '{factor}' ORDER BY date",
            ),
        ),
        own_page=True,
    ),
    SectionText(
        "lesson-covariance",
        "Second lesson: V = B Sigma B' + Delta",
        "The covariances of all stocks come from three small things: exposures B, the covariances of the factors Sigma, and the "
        "specific variances Delta.",
        (
            PictureText(
                "covariance",
                "The matrices of a few stocks",
                "B, Sigma, Delta and the V that they make, as of {date}, for {those_assets}.",
                "Two stocks with alike exposures have a high covariance; Delta adds to the diagonal alone.",
                'model.plot.covariance("{date}", "{assets}".split(", "), "{variant}")',
            ),
        ),
    ),
)
