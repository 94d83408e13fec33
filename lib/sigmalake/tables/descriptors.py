"""What descriptors are computed from, the descriptors, and shares: a row a date, before any exposure is made of them."""

import pyarrow.compute as pc

from sigmalake.tables.declaration import Column, Constraint, Table, counts, length, no_nan_in, required, same_size
from sigmalake.tables.shared_columns import ASSETS, IN_ESTIMATION, INPUTS_HASH

DESCRIPTOR_UNITS = {
    "size": "ln of the caps' currency",
    "size_cubed": "cube of the standardised size",
    "beta": "slope on the market",
    "momentum": "weighted log return",
    "daily_volatility": "fraction per period",
    "cumulative_range": "log return",
    "residual_volatility": "fraction per period",
    "turnover_1m": "ln of a fraction per month",
    "turnover_3m": "ln of a fraction per month",
    "turnover_12m": "ln of a fraction per month",
    "reversal": "log return of the last month",
    "book_to_price": "fraction",
    "earnings_to_price": "fraction",
    "cash_earnings_to_price": "fraction",
    "forecast_earnings_to_price": "fraction",
    "dividend_yield": "fraction",
    "earnings_growth": "fraction per year",
    "sales_growth": "fraction per year",
    "market_leverage": "fraction",
    "book_leverage": "fraction",
    "debt_to_assets": "fraction",
}

SENSITIVITIES = ("sensitivity", "sensitivity_own", "sensitivity_error")

PRICES = Table(
    name="prices",
    comment="Returns, caps and values traded by date: what descriptors are computed from",
    key=("date",),
    date="date",
    packed=True,
    columns=(
        required("date", "DATE", "close at which all of the row is known"),
        INPUTS_HASH,
        required("n_assets", "INT", "assets; 0 where no row of the source can be used: no period of the windows, then"),
        ASSETS,
        required("ret", "ARRAY<DOUBLE>", "N simple returns of the period that ends at date, fraction; null: missing"),
        Column("cap", "ARRAY<DOUBLE>", "N market capitalisations, any one currency; null: the source has none"),
        Column("traded_value", "ARRAY<DOUBLE>", "N values traded in the period, currency of the caps; null: the source has none"),
        IN_ESTIMATION,
        Column("asset_group", "ARRAY<STRING>", "N groups, to whose mean sensitivities are drawn; null: the source has none"),
    ),
    checks=(
        counts("n_assets", "asset_id"),
        *same_size("asset_id", "ret", "cap", "traded_value", "in_estimation", "asset_group"),
        *no_nan_in("ret", "cap", "traded_value"),
    ),
)

DESCRIPTORS = Table(
    name="descriptors",
    comment="Raw descriptors known at the close of a date, of the assets that have a price on it",
    key=("date",),
    date="date",
    packed=True,
    columns=(
        required("date", "DATE", "close at which they are known"),
        required("inputs_hash", "STRING", "what this row was computed from: the prices of its windows, the figures known by then"),
        required("n_assets", "INT", "assets"),
        ASSETS,
        *(required(name, "ARRAY<DOUBLE>", f"N values, {unit}; null: missing") for name, unit in DESCRIPTOR_UNITS.items()),
        Column("registered", "ARRAY<STRING>", "D descriptors of other packages, by their names in the configuration"),
        Column("registered_values", "ARRAY<DOUBLE>", "D x N values of these, a descriptor after the other; null: missing"),
        Column("detail", "STRING", "why a descriptor of another package has no values on the date; null: nothing to say"),
        Column("sensitivity_factor", "ARRAY<STRING>", "K factors whose sensitivities there are; null: none are asked for"),
        Column("sensitivity", "ARRAY<DOUBLE>", "N x K slopes on them as used, an asset after the other; null: missing"),
        Column("sensitivity_own", "ARRAY<DOUBLE>", "N x K slopes as estimated, before they were drawn to the mean of their group"),
        Column("sensitivity_error", "ARRAY<DOUBLE>", "N x K standard errors of these"),
    ),
    checks=(
        counts("n_assets", "asset_id"),
        *same_size("asset_id", *DESCRIPTOR_UNITS),
        *same_size(*SENSITIVITIES),
        Constraint(
            "sensitivities_are_complete",
            "sensitivity IS NULL OR cardinality(sensitivity) = cardinality(sensitivity_factor) * cardinality(asset_id)",
            holds=pc.field("sensitivity").is_null() | (length("sensitivity") == length("sensitivity_factor") * length("asset_id")),
        ),
        *no_nan_in(*DESCRIPTOR_UNITS, "registered_values", *SENSITIVITIES),
    ),
)

INDUSTRY_SHARES = Table(
    name="industry_shares",
    comment="Industry shares known at the close of a date, of the companies with a price and segments on it",
    key=("date",),
    date="date",
    packed=True,
    columns=(
        required("date", "DATE", "close at which they are known"),
        required("inputs_hash", "STRING", "what this row was computed from: the prices of its date, the segments known by then"),
        required("n_assets", "INT", "companies with shares"),
        required(
            "asset_id", "ARRAY<STRING>", "M ids, ascending: one for each of a company's industries, of which it has five at most"
        ),
        required("industry", "ARRAY<STRING>", "M industries, ascending within a company"),
        required("share", "ARRAY<DOUBLE>", "M shares, above 0; those of a company sum to 1"),
        required("priced_industry", "ARRAY<STRING>", "J industries of the segments known, ascending"),
        required("per_asset", "ARRAY<DOUBLE>", "J values of a unit of segment assets, caps' unit per segments' unit; null: no fit"),
        required("per_sale", "ARRAY<DOUBLE>", "J values of a unit of segment sales, caps' unit per segments' unit; null: no fit"),
        required(
            "unpriced", "ARRAY<STRING>", "ids of companies whose industries are all worth 0, and which keep plain proportions"
        ),
    ),
    checks=(
        *same_size("asset_id", "industry", "share"),
        *same_size("priced_industry", "per_asset", "per_sale"),
        *no_nan_in("share", "per_asset", "per_sale"),
    ),
)

REVENUE_SHARES = Table(
    name="revenue_shares",
    comment="Shares of countries, industries or other levels in companies' revenues: a row counts from its date until the next one",
    key=("date",),
    date="date",
    packed=True,
    columns=(
        required("date", "DATE", "close at which revenues became known"),
        required("inputs_hash", "STRING", "what this row was computed from: the revenues known by then"),
        required("n_assets", "INT", "companies with shares"),
        required("asset_id", "ARRAY<STRING>", "M ids, ascending: one for each level in which a company has revenue"),
        required("level", "ARRAY<STRING>", "M levels, ascending within a company"),
        required("share", "ARRAY<DOUBLE>", "M shares of the company's total revenue, above 0; those of a company sum to 1"),
        required("until", "ARRAY<DATE>", "M days after which the company's revenues are too old"),
    ),
    checks=(
        *same_size("asset_id", "level", "share", "until"),
        *no_nan_in("share"),
    ),
)
