"""The three packed tables, a row a date: they carry the model. Arrays are parallel and in the order of asset or factor."""

import pyarrow.compute as pc

from sigmalake.tables.declaration import Column, Constraint, Older, Table, counts, length, no_nan, no_nan_in, required, same_size
from sigmalake.tables.shared_columns import ASSETS, IN_ESTIMATION, INPUTS_HASH, RETURN_DATE, VARIANT

STYLE_STEPS = (
    "ARRAY<STRUCT<style: STRING, step: STRING, term: STRING, mean: DOUBLE, sd: DOUBLE, coefficient: DOUBLE, "
    "n_values: INT, n_changed: INT>>"
)
STYLE_REJECTS = "ARRAY<STRUCT<asset_id: STRING, column: STRING, value: DOUBLE>>"

PANEL = Table(
    name="panel",
    comment="A cross-section a row: exposures known at the close of exposure_date, beside the returns of the next date",
    key=("exposure_date",),
    date="exposure_date",
    packed=True,
    columns=(
        required("exposure_date", "DATE", "close at which the exposures, caps and universe flags are known"),
        Column("return_date", "DATE", "next date of the calendar, whose returns they explain; null for the newest"),
        required("exposures_age", "INT", "periods from the exposures' own date to the return; 1 is fresh, 0 none known"),
        required("factor_set", "STRING", "which rows of `factors` say what styles and memberships are"),
        INPUTS_HASH,
        required("exposures_hash", "STRING", "the part of it that is known at exposure_date"),
        required("n_assets", "INT", "assets with exposures: the coverage"),
        required("n_returns", "INT", "of these, with a return"),
        required("n_missing", "INT", "of these, whose return of return_date is given as missing"),
        required("n_unmatched", "INT", "returns of return_date whose asset has no exposures here"),
        required("n_conflicts", "INT", "source rows rejected when packing: duplicate keys, copies, no cap, a style too far out"),
        ASSETS,
        required(
            "ret",
            "ARRAY<DOUBLE>",
            "N excess returns of return_date, fraction per period; null: missing or not yet known",
        ),
        Column(
            "given_return",
            "ARRAY<DOUBLE>",
            "returns of return_date of the factors that are given, in the order of factor_set, fraction per period; null within: "
            "not given; null: the model has none, or there is no return_date",
        ),
        Column("cap", "ARRAY<DOUBLE>", "N market capitalisations, any one currency; null: the model has none"),
        Column("weight_column", "ARRAY<DOUBLE>", "N regression weights as given; null: the model has none"),
        IN_ESTIMATION,
        Column("issuer_id", "ARRAY<STRING>", "N issuers; null: the model has none"),
        required("styles", "ARRAY<DOUBLE>", "N x S exposures, an asset after the other, cross-sectional standard deviations"),
        required("member_assets", "ARRAY<INT>", "M memberships: position of the asset in asset_id, from 0"),
        required("member_factors", "ARRAY<INT>", "M memberships: position of the factor in its factor_set, from 0"),
        required("member_shares", "ARRAY<DOUBLE>", "M memberships: share, 0 to 1"),
        Column("n_filled", "INT", "styles that were missing and filled; this and what follows is null where all are as given"),
        Column("styles_filled", "ARRAY<BOOLEAN>", "N x S flags: the style was missing, and filled by its rule"),
        Column("style_steps", STYLE_STEPS, "how the styles came about: see exposure_moments"),
        Column("style_rejects", STYLE_REJECTS, "values that were removed, without which the asset's row was rejected"),
    ),
    checks=(
        Constraint(
            "no_look_ahead",
            "return_date IS NULL OR return_date > exposure_date",
            holds=pc.field("return_date").is_null() | (pc.field("return_date") > pc.field("exposure_date")),
        ),
        counts("n_assets", "asset_id"),
        *same_size("asset_id", "ret", "cap", "weight_column", "in_estimation", "issuer_id"),
        *same_size("member_assets", "member_factors", "member_shares"),
        *same_size("styles", "styles_filled"),
        *no_nan_in("ret", "given_return", "cap", "styles", "member_shares"),
    ),
)

CROSS_SECTIONS = Table(
    name="cross_sections",
    comment="All that one date's regression says",
    key=("date",),
    date="date",
    packed=True,
    columns=(
        RETURN_DATE,
        required("factor_set", "STRING", "which rows of `factors` name the factors"),
        INPUTS_HASH,
        required("n_assets", "INT", "assets with exposures"),
        required("n_estimation", "INT", "assets in the fit"),
        required("n_outliers", "INT", "returns left out of the fit as outliers"),
        required("outliers", "ARRAY<STRING>", "their assets", Older()),
        required("n_reweighted", "INT", "assets in the fit that Huber weighs down", Older()),
        Column("market_return", "DOUBLE", "cap-weighted return of the estimation universe, fraction per period"),
        required("rank", "INT", "independent factors estimated"),
        required("dof", "INT", "n_estimation - rank"),
        Column("r2", "DOUBLE", "1 - sum w u^2 / sum w (r - rbar_w)^2"),
        Column("adj_r2", "DOUBLE", "r2 adjusted for the degrees of freedom"),
        Column("r2_uncentred", "DOUBLE", "1 - sum w u^2 / sum w r^2"),
        Column("residual_var", "DOUBLE", "sum w u^2 / dof, weights of mean 1, fraction^2 per period"),
        Column("condition_number", "DOUBLE", "of the scaled diag(sqrt w) X R"),
        required("status", "STRING", "ok, or why there are no factor returns"),
        required("detail", "STRING", "what was found, with its numbers"),
        required("factor_return", "ARRAY<DOUBLE>", "K factor returns, fraction per period; null: not estimated"),
        required("std_error", "ARRAY<DOUBLE>", "K standard errors, fraction per period"),
        required("n_members", "ARRAY<INT>", "K counts of assets in the fit with an exposure"),
        required("factor_status", "ARRAY<STRING>", "K: ok, empty, constant, collinear or thin; given or not_given"),
        required(
            "vif", "ARRAY<DOUBLE>", "K variance inflation factors of styles; null for other factors", Older(beside="factor_return")
        ),
        Column(
            "portfolios", "ARRAY<DOUBLE>", "K x N weights of the pure factor portfolios, a factor after the other; null: not kept"
        ),
        ASSETS,
        required(
            "specific_return",
            "ARRAY<DOUBLE>",
            "N residuals, fraction per period; null: no return, or no factor return for it",
        ),
        required("fitted_return", "ARRAY<DOUBLE>", "N returns that the factors explain, fraction per period"),
        IN_ESTIMATION,
        required("weight", "ARRAY<DOUBLE>", "N regression weights, mean 1 over the fit; 0: not in the fit"),
    ),
    checks=(
        *same_size("factor_return", "std_error", "n_members", "factor_status", "vif"),
        Constraint(
            "portfolios_are_complete",
            "portfolios IS NULL OR cardinality(portfolios) = cardinality(factor_return) * cardinality(asset_id)",
            holds=pc.field("portfolios").is_null() | (length("portfolios") == length("factor_return") * length("asset_id")),
        ),
        *same_size("asset_id", "specific_return", "fitted_return", "in_estimation", "weight"),
        *no_nan("market_return", "r2", "adj_r2", "r2_uncentred", "residual_var", "condition_number"),
        *no_nan_in("factor_return", "std_error", "vif", "portfolios", "specific_return", "fitted_return", "weight"),
    ),
)

FIRST_PASS = Table(
    name="first_pass",
    comment="The residuals that a regression's weights rest on; written with `regression: {weights: inverse_specific_var}` only",
    key=("date",),
    date="date",
    packed=True,
    columns=(
        RETURN_DATE,
        INPUTS_HASH,
        required("n_estimation", "INT", "assets in the fit, with weights by sqrt(cap), equal in a model without caps"),
        required("status", "STRING", "ok, or why there are no residuals"),
        ASSETS,
        required(
            "specific_return", "ARRAY<DOUBLE>", "N residuals, fraction per period; null: no return, or no factor return for it"
        ),
    ),
    checks=(*same_size("asset_id", "specific_return"), *no_nan_in("specific_return")),
)

DIAGNOSTIC = "ARRAY<STRUCT<name: STRING, value: DOUBLE, detail: STRING>>"

RISK_MODELS = Table(
    name="risk_models",
    comment="Sigma and Delta as of a date, a row a variant; with the panel's row of the date, all of V",
    key=("variant", "date"),
    date="date",
    packed=True,
    columns=(
        VARIANT,
        required("date", "DATE", "as of this close; forecasts the next period, which is what frequency says"),
        required("factor_set", "STRING", "which rows of `factors` give the model's order"),
        INPUTS_HASH,
        required("n_periods", "INT", "periods that Sigma rests on: dates or months, see frequency"),
        required("effective_periods", "DOUBLE", "1 / sum of squared normalised weights"),
        required("status", "STRING", "ok, or why there is no Sigma or no Delta"),
        required("detail", "STRING", "what was found, with its numbers"),
        required("diagnostics", DIAGNOSTIC, "factors left out and why, and counts"),
        required("factors", "ARRAY<STRING>", "K' factors of Sigma, in the model's order"),
        required(
            "zero_factors",
            "ARRAY<STRING>",
            "factors not in Sigma that count as 0: collinear or constant in the date's regression",
            Older(),
        ),
        required("factor_cov", "ARRAY<DOUBLE>", "upper triangle of Sigma by rows, fraction^2 per period"),
        ASSETS,
        required(
            "specific_var", "ARRAY<DOUBLE>", "N specific variances, all layers included, fraction^2 per period; null: source none"
        ),
        required("source", "ARRAY<STRING>", "N: time_series, blend, structural, or none where the history is too short"),
        required("n_obs", "ARRAY<INT>", "N counts of specific returns in the window"),
        required("ts_var", "ARRAY<DOUBLE>", "N time-series estimates, serial correlation included, fraction^2 per period"),
        Column(
            "structural_var", "ARRAY<DOUBLE>", "N structural estimates, fraction^2 per period; null: off, no fit, or no exposures"
        ),
        Column(
            "blend_weight", "ARRAY<DOUBLE>", "N: gamma, the time series' part of the blended volatility, 0 to 1; null: not blended"
        ),
        Column("shrink_weight", "ARRAY<DOUBLE>", "N: v, the size group's part of the volatility, 0 to 1; null: not shrunk"),
        Column("regime_multiplier", "DOUBLE", "lambda of Delta, which is times its square; null: off"),
        Column("linked_1", "ARRAY<INT>", "L pairs of shares of one issuer: position of the first in asset_id, from 0; null: off"),
        Column("linked_2", "ARRAY<INT>", "L pairs: position of the second, after the first"),
        Column("linked_cov", "ARRAY<DOUBLE>", "L specific covariances, fraction^2 per period"),
        Column("frequency", "STRING", "what a period is: month, or period, a step of the calendar; null: written before, period"),
    ),
    checks=(
        Constraint(
            "upper_triangle",
            "cardinality(factor_cov) = cardinality(factors) * (cardinality(factors) + 1) / 2",
            holds=length("factor_cov") * 2 == length("factors") * (length("factors") + 1),
        ),
        *same_size("asset_id", "specific_var", "source", "n_obs", "ts_var", "structural_var", "blend_weight", "shrink_weight"),
        *same_size("linked_1", "linked_2", "linked_cov"),
        *no_nan_in("factor_cov", "specific_var", "ts_var", "structural_var", "blend_weight", "shrink_weight", "linked_cov"),
        *no_nan("regime_multiplier"),
    ),
)
