"""The long tables, for people who query: written from the packed ones in the same run."""

import pyarrow.compute as pc

from sigmalake.tables.declaration import Column, Constraint, Table, no_nan, no_nan_in, required
from sigmalake.tables.shared_columns import AS_OF, ASSET, FACTOR, FACTOR_GROUP, INPUTS_HASH, RETURN_DATE, VARIANT

FACTORS = Table(
    name="factors",
    comment="What the arrays of a factor_set mean",
    key=("factor_set", "position"),
    columns=(
        required("factor_set", "STRING", "hash of the factors that it lists"),
        required("position", "INT", "column of X, from 0"),
        required("factor", "STRING", "name"),
        FACTOR_GROUP,
        required("kind", "STRING", "market, membership, partial_membership or style"),
        Column("given", "STRING", "in_returns or beside_returns: its returns are from `sources.factor_returns`; null: estimated"),
    ),
)

EXPOSURES = Table(
    name="exposures",
    comment="X, from panel, a row a number that is not 0 by its kind; written with `long_tables: {exposures: true}`",
    key=("date", "asset_id", "factor"),
    date="date",
    columns=(
        required("date", "DATE", "close at which the exposures are known: exposure_date of panel"),
        Column("return_date", "DATE", "date of the returns that they explain; null for the newest"),
        ASSET,
        FACTOR,
        FACTOR_GROUP,
        required(
            "exposure",
            "DOUBLE",
            "styles in cross-sectional standard deviations, memberships as shares from 0 to 1, the market 1; a membership "
            "without a row is 0",
        ),
        required("filled", "BOOLEAN", "the style was missing in the source, and filled by its rule"),
    ),
    checks=no_nan("exposure"),
)

EXPOSURE_MOMENTS = Table(
    name="exposure_moments",
    comment="How each style came about on a date, from panel: what was removed, clipped, subtracted, divided by and filled in",
    key=("exposure_date", "style", "step", "term"),
    date="exposure_date",
    columns=(
        required("exposure_date", "DATE", "close at which the exposures are known"),
        required("style", "STRING", "style that is standardised here"),
        required(
            "step",
            "STRING",
            "removed, clipped, standardised, combined, filled_by, filled, orthogonalised_against, orthogonalised: in this order",
        ),
        required(
            "term",
            "STRING",
            "descriptor; style in the steps combined, filled, orthogonalised; factor in filled_by, orthogonalised_against",
        ),
        Column(
            "mean", "DOUBLE", "cap-weighted mean over the estimation universe, in the unit that the values have before the step"
        ),
        Column("sd", "DOUBLE", "equal-weighted about that mean, same unit; 0: all alike, and whoever has a value has exposure 0"),
        Column("coefficient", "DOUBLE", "of the regression on term; null: too few names for one, and 0 was filled in"),
        required("n_values", "INT", "names of the estimation universe that the moments or the regression rest on"),
        required("n_changed", "INT", "values of the coverage that were removed, clipped or filled"),
    ),
    checks=no_nan("mean", "sd", "coefficient"),
)

EXPOSURE_STABILITY = Table(
    name="exposure_stability",
    comment="Each style's correlation with itself a month before (quarterly: a quarter), at the end of each month that is over",
    key=("exposure_date", "style"),
    date="exposure_date",
    columns=(
        required("exposure_date", "DATE", "last date of a month of the panel"),
        required("style", "STRING", "style of both dates"),
        required("before", "DATE", "last date of the month before that the panel has"),
        Column("correlation", "DOUBLE", "with the regression weights, -1 to 1; above .9 good, below .8 doubtful; null: constant"),
        required("n_common", "INT", "assets of the estimation universe that are in both cross-sections"),
        INPUTS_HASH,
    ),
    checks=no_nan("correlation"),
)

FACTOR_RETURNS = Table(
    name="factor_returns",
    comment="Factor returns and their statistics, from cross_sections",
    key=("date", "factor"),
    date="date",
    columns=(
        RETURN_DATE,
        FACTOR,
        FACTOR_GROUP,
        Column("factor_return", "DOUBLE", "fraction per period; null: not estimated, see status"),
        Column("std_error", "DOUBLE", "standard error, fraction per period"),
        Column("t_stat", "DOUBLE", "factor_return / std_error"),
        Column("vif", "DOUBLE", "variance inflation of a style given the other factors; 1: orthogonal; null for other factors"),
        required("n_members", "INT", "assets in the fit with an exposure"),
        required(
            "status",
            "STRING",
            "ok, empty, constant, collinear or thin; given or not_given; else the date's status where the date failed",
        ),
    ),
    checks=no_nan("factor_return", "std_error", "t_stat", "vif"),
)

SPECIFIC_RETURNS = Table(
    name="specific_returns",
    comment="Residuals for the whole coverage, from cross_sections",
    key=("date", "asset_id"),
    date="date",
    columns=(
        RETURN_DATE,
        ASSET,
        Column("specific_return", "DOUBLE", "r - X f, fraction per period; null: no return, or no factor return for it"),
        Column("fitted_return", "DOUBLE", "X f, fraction per period"),
        required("in_estimation", "BOOLEAN", "member of the estimation universe"),
        required("weight", "DOUBLE", "regression weight, mean 1 over the fit; 0: not in the fit"),
    ),
    checks=(
        *no_nan("specific_return", "fitted_return", "weight"),
        Constraint("weight_is_not_negative", "weight >= 0", holds=pc.field("weight") >= 0),
    ),
)

FACTOR_PORTFOLIOS = Table(
    name="factor_portfolios",
    comment="The portfolio behind each factor return, from cross_sections; kept with `regression: {portfolios: true}`",
    key=("date", "factor", "asset_id"),
    date="date",
    columns=(
        RETURN_DATE,
        FACTOR,
        required("asset_id", "STRING", "asset in the fit"),
        required("weight", "DOUBLE", "fraction of one unit of money; the sum of weight times return is the factor return"),
    ),
    checks=no_nan("weight"),
)

RESIDUAL_CORRELATION = Table(
    name="residual_correlation",
    comment="What specific returns have in common over a window, at the end of each month that is over; Delta takes it for nothing",
    key=("date",),
    date="date",
    columns=(
        AS_OF,
        required("n_assets", "INT", "N assets with exposures at the date and residuals on nine tenths of the window's dates"),
        required("n_periods", "INT", "T dates of the window with residuals"),
        required("n_free", "DOUBLE", "N*, the directions that the factors leave: N less the assets' leverages"),
        required(
            "eigenvalues",
            "ARRAY<DOUBLE>",
            "the ten largest of the correlations of residuals, descending; the mean of all is 1",
        ),
        Column("edge", "DOUBLE", "(N / N*) (1 + sqrt(N* / T))^2, beyond which noise has hardly one; null: fewer than two assets"),
        required("n_above", "INT", "eigenvalues above the edge: the factors that residuals still share"),
        Column("mean_correlation", "DOUBLE", "mean over all pairs of assets; null: fewer than two"),
        Column("mean_squared", "DOUBLE", "mean squared correlation over all pairs"),
        Column("expected_squared", "DOUBLE", "the same if specific returns were independent"),
        required(
            "leading",
            "ARRAY<STRUCT<asset_id: STRING, correlation: DOUBLE>>",
            "the ten assets that are most correlated with the first component",
        ),
        required(
            "within",
            "ARRAY<STRUCT<factor_group: STRING, factor: STRING, n_members: DOUBLE, mean_correlation: DOUBLE, mean_squared: DOUBLE, "
            "expected_squared: DOUBLE>>",
            "by membership factor, the sum of its shares and the same means over its pairs, weighted by both shares; null: no pair",
        ),
        INPUTS_HASH,
    ),
    checks=(*no_nan("n_free", "edge", "mean_correlation", "mean_squared", "expected_squared"), *no_nan_in("eigenvalues")),
)

FACTOR_COVARIANCE = Table(
    name="factor_covariance",
    comment="Sigma, upper triangle, from risk_models",
    key=("variant", "date", "factor_1", "factor_2"),
    date="date",
    columns=(
        VARIANT,
        AS_OF,
        required("factor_1", "STRING", "factor, not after factor_2 in the model's order"),
        required("factor_2", "STRING", "factor"),
        required("covariance", "DOUBLE", "fraction^2 per period"),
    ),
    checks=no_nan("covariance"),
)

SPECIFIC_RISK = Table(
    name="specific_risk",
    comment="Delta, from risk_models",
    key=("variant", "date", "asset_id"),
    date="date",
    columns=(
        VARIANT,
        AS_OF,
        ASSET,
        Column("specific_var", "DOUBLE", "all layers included, fraction^2 per period; null: source none"),
        required("n_obs", "INT", "specific returns in the window"),
        Column("ts_var", "DOUBLE", "time-series estimate, serial correlation included, fraction^2 per period"),
        Column("structural_var", "DOUBLE", "estimate from exposures, fraction^2 per period; null: off, no fit, or no exposures"),
        Column("blend_weight", "DOUBLE", "gamma, the time series' part of the blended volatility, 0 to 1; null: not blended"),
        Column("shrink_weight", "DOUBLE", "v, the size group's part of the volatility, 0 to 1; null: not shrunk"),
        Column("regime_multiplier", "DOUBLE", "lambda, the date's; specific_var is times its square; null: off"),
        required("source", "STRING", "time_series, blend, structural, or none where the history is too short"),
    ),
    checks=(
        *no_nan("specific_var", "ts_var", "structural_var", "blend_weight", "shrink_weight", "regime_multiplier"),
        Constraint(
            "specific_var_is_not_negative",
            "specific_var IS NULL OR specific_var >= 0",
            holds=pc.field("specific_var").is_null() | (pc.field("specific_var") >= 0),
        ),
    ),
)

RISK_DIAGNOSTICS = Table(
    name="risk_diagnostics",
    comment="What was found on the way to Sigma and Delta, from risk_models",
    key=("variant", "date", "name"),
    date="date",
    columns=(
        VARIANT,
        AS_OF,
        required("name", "STRING", "left_out:<factor>, n_assets, n_without_specific_var, ..."),
        Column("value", "DOUBLE", "in the unit that the name says"),
        Column("detail", "STRING", "the reason"),
    ),
    checks=no_nan("value"),
)

ASSET_COVARIANCE = Table(
    name="asset_covariance",
    earlier_shape=frozenset({"asset_1", "asset_2"}),
    comment="V = X Sigma X' + Delta, a row an asset: whole rows, so that each covariance of two assets stands in both of theirs",
    key=("variant", "date", "asset_id"),
    date="date",
    columns=(
        VARIANT,
        AS_OF,
        ASSET,
        required(
            "covariance",
            "ARRAY<DOUBLE>",
            "N covariances with the assets of covariance_builds.asset_id, in their order, fraction^2 per period",
        ),
    ),
    checks=no_nan_in("covariance"),
)

ASSET_COVARIANCE_CELLS = Table(
    name="asset_covariance_cells",
    comment="V = X Sigma X' + Delta, a row a pair of assets, both ways round; written with `covariance: {cells: true}`",
    key=("variant", "date", "asset_1", "asset_2"),
    date="date",
    columns=(
        VARIANT,
        AS_OF,
        required("asset_1", "STRING", "asset"),
        required("asset_2", "STRING", "asset"),
        required("covariance", "DOUBLE", "fraction^2 per period"),
    ),
    checks=no_nan("covariance"),
)

COVARIANCE_BUILDS = Table(
    name="covariance_builds",
    comment="What each V of asset_covariance holds, and the assets that cannot have one",
    key=("variant", "date"),
    date="date",
    columns=(
        VARIANT,
        AS_OF,
        required("exposures", "STRING", "known (at the date) or used (in its regression)"),
        required("exposure_date", "DATE", "close at which these exposures were known"),
        required("inputs_hash", "STRING", "what this V was computed from"),
        required("n_assets", "INT", "assets in V"),
        required("refused", "ARRAY<STRUCT<asset_id: STRING, reason: STRING>>", "assets without a V, and why"),
        Column("asset_id", "ARRAY<STRING>", "assets in V, ascending: the order of its rows and columns; null: written before"),
    ),
)
