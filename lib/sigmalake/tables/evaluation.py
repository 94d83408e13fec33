"""Forecasts against what happened, and what factors earned: written by `evaluate`, no part of a release."""

import pyarrow.compute as pc

from sigmalake.tables.declaration import Column, Constraint, Older, Table, no_nan, required
from sigmalake.tables.shared_columns import AS_OF, FACTOR, VARIANT

MEAN = "mean over n_forecasts of"

FORECAST_EVALUATION = Table(
    name="forecast_evaluation",
    comment="Forecasts as of a date against the returns that followed, by horizon and test portfolio; deciles of assets as means",
    key=("variant", "date", "horizon", "kind", "portfolio"),
    date="date",
    columns=(
        VARIANT,
        AS_OF,
        required("horizon", "INT", "h, periods of the variant that are forecast; 0: 1, in an older row", Older()),
        required("kind", "STRING", "factor, eigenfactor, market, random_active, minimum_variance, own, asset_by_size, ..."),
        required("portfolio", "STRING", "factor, number, name or decile: 01 is the smallest"),
        required(
            "return_date",
            "DATE",
            "last date of the return that was forecast: the h-th date after, or of a variant by month the h-th month's last",
        ),
        required("inputs_hash", "STRING", "what the rows of this variant and date were computed from"),
        required("n_forecasts", "INT", "forecasts that count: 1 of a portfolio, those of a decile's assets; 0: see detail"),
        required("n_zero", "INT", "of these, returns of exactly 0, which log_b_squared leaves out"),
        required("n_assets", "INT", "assets whose returns are in it; 0 for factors"),
        required("n_left_out", "INT", "assets held without a V at date, or without a return at return_date"),
        required("left_out_weight", "DOUBLE", "their share of the gross weight; of a decile, of its assets"),
        Column("vol", "DOUBLE", f"sigma, root of the {MEAN} sigma^2, that of a period times h, fraction over the horizon"),
        Column("realised_return", "DOUBLE", f"{MEAN} R, fraction over the horizon: from date to return_date"),
        Column("b", "DOUBLE", f"{MEAN} b = R / sigma"),
        Column("b_squared", "DOUBLE", f"{MEAN} b^2"),
        Column("log_var", "DOUBLE", f"{MEAN} ln sigma^2"),
        Column("log_b_squared", "DOUBLE", "mean of ln b^2 over the returns other than 0"),
        Column("detail", "STRING", "why there is no forecast, where there is none"),
    ),
    checks=(
        Constraint("no_look_ahead", "return_date > date", holds=pc.field("return_date") > pc.field("date")),
        Constraint(
            "counts_agree",
            "n_zero >= 0 AND n_forecasts >= n_zero",
            holds=(pc.field("n_zero") >= 0) & (pc.field("n_forecasts") >= pc.field("n_zero")),
        ),
        Constraint(
            "a_forecast_or_a_reason",
            "(n_forecasts > 0) = (detail IS NULL)",
            holds=(pc.field("n_forecasts") > 0) == pc.field("detail").is_null(),
        ),
        Constraint("vol_is_positive", "vol IS NULL OR vol > 0", holds=pc.field("vol").is_null() | (pc.field("vol") > 0)),
        *no_nan("left_out_weight", "vol", "realised_return", "b", "b_squared", "log_var", "log_b_squared"),
    ),
)

FACTOR_PREMIA = Table(
    name="factor_premia",
    comment="What each factor earned on average over all dates of cross_sections (Fama and MacBeth 1973), written by evaluate",
    key=("factor",),
    columns=(
        FACTOR,
        required("inputs_hash", "STRING", "what the rows were computed from"),
        required("n_periods", "INT", "dates with a factor return"),
        Column("first_date", "DATE", "of these; null: there are none"),
        Column("last_date", "DATE", "of these"),
        Column("mean", "DOUBLE", "of the factor return, fraction per period"),
        Column("std_error", "DOUBLE", "of the mean, of independent periods, fraction per period; null: fewer than two"),
        Column("t_stat", "DOUBLE", "mean / std_error; null: all returns are alike"),
        required("nw_lags", "INT", "periods of serial correlation: floor(4 (T / 100)^(2/9)), T dates of cross_sections"),
        Column("nw_std_error", "DOUBLE", "of the mean, with serial correlation (Newey and West 1987), fraction per period"),
        Column("nw_t_stat", "DOUBLE", "mean / nw_std_error"),
    ),
    checks=(
        Constraint(
            "counts_are_not_negative",
            "n_periods >= 0 AND nw_lags >= 0",
            holds=(pc.field("n_periods") >= 0) & (pc.field("nw_lags") >= 0),
        ),
        Constraint(
            "a_span_where_there_are_returns",
            "(n_periods > 0) = (first_date IS NOT NULL AND last_date IS NOT NULL)",
            holds=(pc.field("n_periods") > 0) == (pc.field("first_date").is_valid() & pc.field("last_date").is_valid()),
        ),
        *no_nan("mean", "std_error", "t_stat", "nw_std_error", "nw_t_stat"),
    ),
)
