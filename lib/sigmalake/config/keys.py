"""Every key of the configuration in words: README.md's table, the JSON Schema and `sigmalake validate` all say what stands here."""

from fnmatch import fnmatchcase
from typing import NamedTuple


class Key(NamedTuple):
    """A key, or several that mean the same."""

    places: tuple[str, ...]  # `*`: any source; NAME: a name of the user's; []: an entry of a list
    default: str  # as YAML; none, required
    unit: str  # empty: it has none
    meaning: str
    source: str = ""  # of the default


def key_at(place: str) -> Key | None:
    """What is said of a key, by its place, e.g. `risk.NAME.factor_cov.window`; None: it is a section, or unknown."""
    return next((key for key in KEYS if any(fnmatchcase(place, pattern.replace("[", "[[]")) for pattern in key.places)), None)


def keys_table() -> str:
    """All keys, as README.md lists them."""
    lines = ["| key | default | unit | meaning |", "|---|---|---|---|"]
    for key in KEYS:
        default = key.default if key.default in {"none", "required"} else f"`{key.default}`"
        source = f" {key.source}" if key.source.startswith("[") and default.startswith("`") else ""
        lines.append(f"| {', '.join(f'`{place}`' for place in key.places)} | {default}{source} | {key.unit} | {key.meaning} |")
    return "\n".join(lines) + "\n"


KEYS: tuple[Key, ...] = (
    Key(("model",), "required", "", "the model's name"),
    Key(("lake",), "required", "", "folder or URI of the tables, relative to the file, or `catalog.schema`"),
    Key(
        ("sources.*.path", "sources.*.table"),
        "none",
        "",
        "one of the two: a file or folder, relative to the file; or a table of the catalog",
    ),
    Key(("sources.*.format",), "none", "", "`parquet`, `csv` or `delta`; none: `csv` by the suffix, else `parquet`"),
    Key(
        ("sources.*.columns.date",),
        "date",
        "",
        (
            "the source's own name of a column, here and below; `sources.*` are `panel`, or `returns` and `exposures`,"
            " and where they lie apart `caps`, `rates`, `exchange_rates`, `calendar`; for descriptors `prices`,"
            " `fundamentals`, `segments`"
        ),
    ),
    Key(("sources.*.columns.asset_id",), "asset_id", "", "text or a whole number"),
    Key(
        ("sources.panel.columns.ret", "sources.returns.columns.ret"),
        "ret",
        "fraction per period",
        "simple return of the period that ends at the date; missing: the asset is not in the fit",
    ),
    Key(
        ("sources.panel.columns.rate", "sources.returns.columns.rate"),
        "none",
        "fraction per period",
        "risk-free rate of the same period; subtracted",
    ),
    Key(("sources.rates.columns.rate",), "rate", "fraction per period", "the same from its own source, one a date"),
    Key(
        ("sources.panel.columns.cap", "sources.exposures.columns.cap"), "none", "any one currency", "market capitalisation, above 0"
    ),
    Key(("sources.caps.columns.cap",), "cap", "any one currency", "the same from its own source, dated as the exposures are"),
    Key(
        ("sources.panel.columns.currency", "sources.returns.columns.currency"),
        "none",
        "",
        "currency of the return, which `sources.exchange_rates` convert; none: all returns are in one",
    ),
    Key(
        ("sources.panel.columns.cap_currency", "sources.exposures.columns.cap_currency", "sources.caps.columns.cap_currency"),
        "none",
        "",
        "currency of the cap, converted at the rate of the cap's date; may be the column `currency`; none: all caps are in one",
    ),
    Key(
        ("sources.exchange_rates.base",),
        "required",
        "",
        "currency that the model counts in: returns, caps, the risk-free rate; its rate is 1, and need not be listed",
    ),
    Key(
        ("sources.exchange_rates.hedged",),
        "false",
        "",
        "r (1 + fx) + p, p = (1 + i_base) / (1 + i_local) - 1, in the place of (1 + r)(1 + fx) - 1: sold forward for a period",
    ),
    Key(("sources.exchange_rates.columns.currency",), "currency", "", "text as in the columns `currency` and `cap_currency`"),
    Key(
        ("sources.exchange_rates.columns.rate",),
        "rate",
        "base currency for one",
        "at the close of the date, above 0; fx is its change from the calendar's date before; missing: the row is rejected",
    ),
    Key(
        ("sources.exchange_rates.columns.interest_rate",),
        "none",
        "fraction per period",
        "i of the period that ends at the date, known when it begins, also of the base; for `hedged`; none: p is 0",
    ),
    Key(("sources.*.columns.weight",), "none", "any one unit", "regression weight, 0 or more, for `weights: column`"),
    Key(("sources.*.columns.in_estimation",), "none", "", "true or false: member of the estimation universe; none: every asset is"),
    Key(
        ("sources.*.columns.issuer_id",),
        "none",
        "",
        "who issued the share, text; `linked` of `specific_var` reads it; missing: unknown",
    ),
    Key(
        ("sources.prices.columns.ret",),
        "ret",
        "fraction per period",
        "of the source that descriptors are computed from: return of the period that ends at the date; may be missing",
    ),
    Key(
        ("sources.prices.columns.cap",),
        "none",
        "any one currency",
        "market capitalisation; missing or 0: no size, no turnover, no part in the market of `beta`",
    ),
    Key(("sources.prices.columns.traded_value",), "none", "the caps' currency", "value traded in the period; 0: unknown"),
    Key(
        ("sources.prices.columns.price", "sources.prices.columns.volume"),
        "none",
        "",
        "in its place: their product is the value traded",
    ),
    Key(
        ("sources.fundamentals.columns.item",),
        "item",
        "",
        (
            "of figures of the accounts, a row each: `book_value`, `earnings` and so on, see "
            "[docs/descriptors.md](docs/descriptors.md); another item is rejected"
        ),
    ),
    Key(
        ("sources.fundamentals.columns.period_end", "sources.segments.columns.period_end"),
        "period_end",
        "",
        "day that the figure is about",
    ),
    Key(
        ("sources.fundamentals.columns.known_at", "sources.segments.columns.known_at"),
        "known_at",
        "",
        "day at whose close it is known",
    ),
    Key(
        ("sources.fundamentals.columns.value",),
        "value",
        "the caps' currency",
        "the figure; missing: what was stated before is withdrawn",
    ),
    Key(
        ("sources.segments.columns.industry",),
        "industry",
        "",
        (
            "of a company's segments, a row an industry and period, for `segments: true`; one that the group's `levels` do not "
            "list is rejected; they need `cap` of `sources.prices`"
        ),
    ),
    Key(
        ("sources.segments.columns.assets", "sources.segments.columns.sales"),
        "none",
        "any one currency",
        "of the segment, 0 or more; one or both; all of a row's missing: the segment is withdrawn",
    ),
    Key(
        (
            "sources.panel.columns.factor",
            "sources.panel.columns.value",
            "sources.exposures.columns.factor",
            "sources.exposures.columns.value",
        ),
        "none",
        "",
        "a long source: a row a date, asset and factor; no other column but the key",
    ),
    Key(("sources.*.columns.map",), "none", "", "a map column, factor to number, in the place of a column a factor"),
    Key(
        ("sources.*.exposures_dated",),
        "end_of_period",
        "",
        "known at the close of their date; or `start_of_period`: dated by the return that they explain",
    ),
    Key(
        ("sources.exposures_max_age",),
        "1",
        "periods",
        "from the exposures' date to the return; more than 1 carries older exposures forward",
        "choice",
    ),
    Key(("factors[].market",), "market", "", "`{market: NAME}`: a column of ones; at most one"),
    Key(("factors[].membership",), "required", "", "`{membership: NAME, ...}`: a group, with one of the next four"),
    Key(("factors[].column",), "none", "", "a category column: share 1 in its level"),
    Key(("factors[].columns",), "none", "", "factor to column of shares"),
    Key(("factors[].map",), "none", "", "a map column, factor to share"),
    Key(
        ("factors[].segments",),
        "none",
        "",
        (
            "`true`: industry shares computed from `sources.segments`; a `column` beside it is the category of companies without "
            "segments, whose rows are otherwise rejected; not with `partial`"
        ),
        "[M]",
    ),
    Key(
        ("factors[].levels",),
        "none",
        "",
        "the factors of `column`, `map` or `segments`; none: learned, in the order (first date, name)",
    ),
    Key(("factors[].partial",), "false", "", "shares may sum to less than 1; the group then needs no constraint"),
    Key(
        ("factors[].styles",),
        "required",
        "",
        "`{styles: [NAME, ...]}`: numeric columns; or `{styles: {NAME: {...}, ...}}`, made by the five rules below",
    ),
    Key(
        ("factors[].as_given",),
        "true",
        "",
        "a list of styles is used as it stands; `false` (the default there) is for styles with rules",
    ),
    Key(("factors[].missing",), "reject", "", "of a list: a row without a style is rejected"),
    Key(
        ("factors[].styles.NAME.descriptors",),
        "{}",
        "weights",
        (
            "column to weight, above 0; `{}`: the column called NAME. With `sources.prices`, a descriptor of the library is "
            "computed, also where the source has a column of its name"
        ),
    ),
    Key(
        ("factors[].styles.NAME.remove_beyond",),
        "10",
        "sd",
        "distance from the mean beyond which a value counts as missing; 0: none does",
        "[M]",
    ),
    Key(
        ("factors[].styles.NAME.clip_beyond",), "3", "sd", "distance from the mean that values are drawn back to; 0: none is", "[M]"
    ),
    Key(
        ("factors[].styles.NAME.missing",),
        "reject",
        "",
        (
            "a row without any of the descriptors is rejected; or `zero`, the market's exposure; or `regress`, on "
            "memberships and ln cap with the regression's weights, flagged in `styles_filled`"
        ),
    ),
    Key(("factors[].styles.NAME.orthogonal_to",), "[]", "", "styles, and groups of memberships, whose part is taken out"),
    Key(
        ("descriptors.prices.month",),
        "21",
        "periods",
        "a month, of the turnovers and the cumulative range; `descriptors` needs `sources.prices`",
        "[M]",
    ),
    Key(("descriptors.prices.range_months",), "12", "months", "of the cumulative range", "[M]"),
    Key(("descriptors.prices.range_min_periods",), "none", "returns", "in these months; none: half of the periods", "choice"),
    Key(
        ("descriptors.prices.*.window",),
        "required",
        "periods",
        (
            "with the section of a descriptor (`beta`, `momentum`, `daily_volatility`, `turnover_1m`, `turnover_3m`, "
            "`turnover_12m`, `reversal`), whose defaults are in [docs/descriptors.md](docs/descriptors.md)"
        ),
    ),
    Key(("descriptors.prices.*.half_life",), "none", "periods", "none: equal weights"),
    Key(("descriptors.prices.*.lag",), "0", "periods", "newest ones left out"),
    Key(("descriptors.prices.*.min_periods",), "none", "values", "needed; none: half the window", "choice"),
    Key(
        ("descriptors.fundamentals.max_age",),
        "550",
        "days",
        "for which a figure, or a company's segments, count after they became known",
        "choice",
    ),
    Key(("descriptors.fundamentals.growth_years",), "5", "years", "of a growth rate", "[M]"),
    Key(("descriptors.fundamentals.growth_min_years",), "3", "years", "of these, needed", "choice"),
    Key(
        ("regression.weights",),
        "sqrt_cap",
        "",
        (
            "or `cap`, `equal`, `column`; or `inverse_specific_var`, in two passes: 1 / variance, known at t-1, of the residuals "
            "of a first regression weighted by sqrt(cap), equally without caps; rescaling them changes nothing"
        ),
        "[M]",
    ),
    Key(
        ("regression.two_pass.half_life",),
        "84.0",
        "periods",
        "of `inverse_specific_var`: of the variances; null: equal weights",
        "[M]",
    ),
    Key(
        ("regression.two_pass.window",),
        "none",
        "periods",
        "up to t-1; none: 3 half-lives, or 252 with equal weights",
        "choice",
    ),
    Key(
        ("regression.two_pass.min_periods",),
        "none",
        "periods",
        (
            "an asset's residuals in it; none: half the window, 60 at most. An asset with fewer, or with a variance of 0, is "
            "weighed as in the first pass, at the scale of the others, and counted in `detail`"
        ),
        "choice",
    ),
    Key(
        ("regression.two_pass.max_ratio",),
        "100.0",
        "ratio of weights",
        "largest over smallest, about the median; 100 lets specific volatilities count over a range of 10 to 1",
        "choice",
    ),
    Key(
        ("regression.thin",),
        "keep",
        "",
        (
            "a membership with few members stays, and is marked; or `shrink`: drawn to its group's mean; or `drop`: "
            "its shares go to the rest of the group"
        ),
    ),
    Key(
        ("regression.min_members",),
        "5",
        "effective members",
        "below it a membership is `thin`; 1 / sum of squared weight shares",
        "choice",
    ),
    Key(("regression.min_assets",), "none", "assets", "what a date's fit needs; none: twice the factors", "choice"),
    Key(
        ("regression.outliers_beyond",),
        "none",
        "robust sd",
        "distance from the date's weighted median beyond which a return leaves the fit, not the answer; 5 is usual",
    ),
    Key(
        ("regression.huber",),
        "none",
        "robust sd",
        "Huber's tuning, of the residuals, 0.7 or more; 1.345 is usual; none: least squares",
    ),
    Key(
        ("regression.portfolios",),
        "false",
        "",
        "keep the pure factor portfolios of every date in `factor_portfolios`: K x N weights a date",
    ),
    Key(
        ("regression.ridge",),
        "0.0",
        "share of the scaled Gram diagonal",
        ("penalty on styles, added to the diagonal of the scaled Gram matrix; 0.01 draws an uncorrelated style to 0 by 1 %"),
    ),
    Key(
        ("risk.NAME.preset",),
        "none",
        "",
        (
            "`short`, `long`, `trading` [M, B] or `monthly_60` [L]: parameters for both sections, the first three with"
            " all layers but linked issues, which need caps (or `specific_var: {size_shrinkage: null}`); keys given "
            "beside it stand over them, null switches a layer off"
        ),
    ),
    Key(
        ("risk.NAME.frequency",),
        "period",
        "",
        (
            "of the returns: the calendar's own; or `month`: factor and specific returns are compounded by calendar month first, "
            "what counts periods or observations counts complete months, Sigma and Delta are per month, `every` is `month`"
        ),
    ),
    Key(
        ("risk.NAME.every",),
        "day",
        "",
        "the grid of as-of dates; or the last date of each `week` or `month` so far; `month` with `frequency: month`",
    ),
    Key(
        ("risk.NAME.factor_cov.estimator", "risk.NAME.specific_var.estimator"),
        "ewma",
        "",
        "or `sample`; must be given with the section, but over a preset",
    ),
    Key(
        ("risk.NAME.factor_cov.half_life", "risk.NAME.specific_var.half_life"),
        "required",
        "periods",
        "of `ewma`; 84 where the whole section is left out",
        "[M]",
    ),
    Key(
        ("risk.NAME.factor_cov.window", "risk.NAME.specific_var.window"),
        "none",
        "periods",
        "none: 3 half-lives. `sample`: 252",
        "choice",
    ),
    Key(("risk.NAME.factor_cov.corr_half_life",), "none", "periods", "of `ewma`, of the correlations; none: `half_life`"),
    Key(
        ("risk.NAME.factor_cov.corr_window",),
        "none",
        "periods",
        "none: 3 `corr_half_life`, or `window` where that is none too",
        "choice",
    ),
    Key(("risk.NAME.factor_cov.lags",), "0", "periods", "of serial correlation [NW]"),
    Key(("risk.NAME.factor_cov.corr_lags",), "none", "periods", "of `ewma`, of the correlations; none: `lags`"),
    Key(
        ("risk.NAME.factor_cov.shrinkage",),
        "none",
        "",
        "of `sample`: `ledoit_wolf` or `oas`, towards the identity times the mean variance",
    ),
    Key(
        ("risk.NAME.factor_cov.short_history",),
        "leave_out",
        "",
        "a factor that lacks dates leaves; or `em`: its history is completed, given the other factors'",
    ),
    Key(("risk.NAME.factor_cov.proxy",), "{}", "", "new factor to old one, whose returns stand before the first of the new one"),
    Key(
        ("risk.NAME.factor_cov.eigenfactor.simulations",),
        "100",
        "draws",
        ("of the eigenfactor adjustment [E], off without the section `eigenfactor`; 100 leave an error of v of some .01"),
        "choice",
    ),
    Key(
        ("risk.NAME.factor_cov.eigenfactor.scale",),
        "1",
        "factor",
        ("a: v becomes a (v - 1) + 1; 1.4 in [M] and in the daily presets, where it overshoots: docs/model.md"),
        "[E]",
    ),
    Key(("risk.NAME.factor_cov.eigenfactor.seed",), "none", "", "any text; none: model/variant"),
    Key(
        ("risk.NAME.factor_cov.eigenvalue_floor",),
        "none",
        "share of the mean eigenvalue",
        "least eigenvalue of the correlations, whose mean is 1; none: no floor",
    ),
    Key(
        ("risk.NAME.factor_cov.regime.half_life",),
        "required",
        "periods",
        "of B^2 in the volatility regime [M]; off without the section `regime`",
    ),
    Key(("risk.NAME.factor_cov.regime.window",), "none", "periods", "none: 3 half-lives", "choice"),
    Key(
        ("risk.NAME.factor_cov.centre", "risk.NAME.specific_var.centre"),
        "true",
        "",
        "of `ewma`: about the weighted mean; `false`: about 0",
        "choice",
    ),
    Key(
        ("risk.NAME.factor_cov.min_periods", "risk.NAME.specific_var.min_periods"),
        "none",
        "periods",
        "dates, or an asset's observations; none: half the (shorter) window, 60 at most",
        "choice",
    ),
    Key(("risk.NAME.specific_var.lags",), "0", "periods", "of serial correlation [NW]"),
    Key(
        ("risk.NAME.specific_var.lags_half_life",),
        "none",
        "periods",
        "of the autocorrelations; none: the variances' weights; 252 in [M]",
    ),
    Key(
        ("risk.NAME.specific_var.lags_window",),
        "none",
        "periods",
        "none: 3 `lags_half_life`, or the variances' window where that is none too",
        "choice",
    ),
    Key(
        ("risk.NAME.specific_var.lags_bounds",),
        "[0.25, 4.0]",
        "ratio of variances",
        "least and largest long-run variance over the plain one; held ones are counted",
        "choice",
    ),
    Key(
        ("risk.NAME.specific_var.structural.fewest_obs",),
        "60",
        "observations",
        "of the structural model [B], off without the section `structural`: up to here gamma is 0; 60 days",
        "[B]",
    ),
    Key(
        ("risk.NAME.specific_var.structural.ramp_obs",),
        "120",
        "observations",
        "beyond `fewest_obs`, from which on the length no longer limits gamma; 120 days",
        "[B]",
    ),
    Key(
        ("risk.NAME.specific_var.structural.window",),
        "none",
        "periods",
        "in which observations are counted, at least `fewest_obs` + `ramp_obs`; none: the variances' window",
    ),
    Key(
        ("risk.NAME.specific_var.size_shrinkage.q",),
        "0.1",
        "factor",
        "strength of the shrinkage by size [M], off without the section `size_shrinkage`; it needs caps",
        "[M]",
    ),
    Key(("risk.NAME.specific_var.size_shrinkage.groups",), "10", "groups", "of equal numbers of names, by cap", "[M]"),
    Key(
        ("risk.NAME.specific_var.regime.half_life",),
        "required",
        "periods",
        ("of B^2 in the volatility regime [M]; off without the section `regime`. Without caps every asset counts alike"),
    ),
    Key(("risk.NAME.specific_var.regime.window",), "none", "periods", "none: 3 half-lives", "choice"),
    Key(("risk.NAME.specific_var.regime.winsorise_beyond",), "10.0", "sd", "where u / sigma is held; 10", "[M]"),
    Key(
        ("risk.NAME.specific_var.linked.shrinkage",),
        "0.1",
        "share",
        ("of the identity in the correlations of an issuer's shares; off without the section `linked`; it needs `issuer_id`"),
        "choice",
    ),
    Key(("risk.NAME.specific_var.linked.window",), "none", "periods", "none: the variances' window"),
    Key(
        ("risk.NAME.specific_var.linked.min_periods",),
        "none",
        "periods",
        "common dates of an issuer's shares; none: half the window, 60 at most",
        "choice",
    ),
    Key(
        ("covariance.variants",), "none", "", "variants that V is built for; none: every one. Without `covariance:` no V is stored"
    ),
    Key(("covariance.dates",), "last", "", "or `month_end`, or a list of dates"),
    Key(("covariance.assets",), "all", "", "or a list"),
    Key(("covariance.assets.file",), "required", "", "of `assets: {file: FILE}`: one a line, or `asset_id` of a .csv or .parquet"),
    Key(("covariance.exposures",), "known", "", "at the date; or `used` in its regression"),
    Key(("covariance.max_cells",), "100000000", "cells", "N^2 x dates x variants, the largest V that is built", "choice"),
    Key(("checks.max_coverage_drop",), "0.2", "share", "of the assets, which may go missing from one date to the next", "choice"),
    Key(
        ("checks.min_r2",),
        "0.0",
        "share of variance",
        "least R2 of a regression; about 0 where neither a market nor a complete group is in the model",
        "choice",
    ),
    Key(("checks.max_failed_dates",), "0", "dates", "regressions without factor returns", "choice"),
    Key(("checks.require_factor_cov",), "true", "", "every variant has Sigma on the release's date", "choice"),
    Key(("checks.max_rejected.of_date",), "0.2", "share", "of a source's rows on one date, which may be rejected", "choice"),
    Key(("checks.max_rejected.of_source",), "0.05", "share", "of all rows of a source, which may be rejected", "choice"),
    Key(("evaluate.variants",), "none", "", "variants whose forecasts are evaluated; none: every one"),
    Key(("evaluate.test_portfolios.random_active",), "50", "portfolios", "random portfolios, whose middle is the market"),
    Key(("evaluate.test_portfolios.minimum_variance",), "10", "portfolios", "of least variance with a random alpha"),
    Key(("evaluate.test_portfolios.seed",), "0", "", "of the random numbers, which depend on it and the asset alone"),
    Key(
        ("evaluate.portfolios",),
        "none",
        "",
        (
            "your own: a CSV or Parquet file of `portfolio`, `asset_id`, `weight` and, where they change, `date`, from"
            " which they hold"
        ),
    ),
    Key(("evaluate.rolling_window",), "none", "forecasts", "of a rolling bias, 2 or more; none: those of 12 months", "[M]"),
    Key(("spark",), "{}", "", "settings of the session that the command starts, e.g. `{spark.driver.memory: 8g}`; 4g by default"),
)

if __name__ == "__main__":
    print(keys_table(), end="")
