"""Portfolios of the user: their books as the source gives them, their risk on every date, and where it comes from."""

import pyarrow.compute as pc

from sigmalake.tables.declaration import Column, Constraint, Table, no_nan, no_nan_in, required, same_size
from sigmalake.tables.shared_columns import AS_OF, INPUTS_HASH, VARIANT

PORTFOLIO = required("portfolio", "STRING", "name of the book in the source")
MEASURED = ("ok", "partial")  # statuses with numbers
STATUSES = (*MEASURED, "uncovered", "no_weights", "no_model")

PORTFOLIO_BOOKS = Table(
    name="portfolio_books",
    comment="The books of sources.books, a row a date of the source",
    key=("date",),
    date="date",
    packed=True,
    columns=(
        required("date", "DATE", "day from whose close these books hold"),
        INPUTS_HASH,
        required("n_rows", "INT", "rows of the source that are packed here"),
        required("portfolio", "ARRAY<STRING>", "P names, ascending"),
        required("n_members", "ARRAY<INT>", "P counts of members; 0: no row of the book can be used"),
        required("n_rejected", "ARRAY<INT>", "P counts of rows of the book that cannot be used, see rejected_rows"),
        required("content", "ARRAY<BIGINT>", "P hashes of members and counts: another book has another one"),
        required("asset_id", "ARRAY<STRING>", "M members of these books, each once, ascending"),
        required("member", "ARRAY<INT>", "position in asset_id of each member, book by book, ascending"),
        required("holding", "ARRAY<DOUBLE>", "its weight, or its value, as the source gives it"),
    ),
    checks=(
        *same_size("portfolio", "n_members", "n_rejected", "content"),
        *same_size("member", "holding"),
        *no_nan_in("holding"),
    ),
)

PORTFOLIO_RISK = Table(
    name="portfolio_risk",
    comment="The risk of each book as of a date, members that are books themselves looked through: see docs/books.md",
    key=("variant", "date", "portfolio"),
    date="date",
    columns=(
        VARIANT,
        AS_OF,
        PORTFOLIO,
        INPUTS_HASH,
        required("book_hash", "BIGINT", "what this book's own numbers were computed from"),
        required("book_date", "DATE", "date of the book: the portfolio's newest at date"),
        required(
            "status",
            "STRING",
            "ok; partial: some of the weight has no risk data; uncovered: all of it; no_weights: values that sum to no weights; "
            "no_model: no Sigma or no exposures on the date",
        ),
        Column("detail", "STRING", "what is missing, in words; null: ok"),
        required("n_members", "INT", "members of the book"),
        required("n_rejected", "INT", "rows of the book that could not be used, see rejected_rows"),
        required("n_portfolios", "INT", "members that are looked through"),
        required("n_assets", "INT", "assets held once all is looked through, cash not counted"),
        required("n_uncovered", "INT", "of these, assets without risk data on the date; their weight is left out, not spread"),
        Column("net_weight", "DOUBLE", "sum of all weights, looked through; null: no weights"),
        Column("gross_weight", "DOUBLE", "sum of their absolute values"),
        Column("coverage", "DOUBLE", "share of gross_weight that has risk data or is cash; null: gross_weight is 0"),
        Column("variance", "DOUBLE", "x' Sigma x + h' D h, fraction^2 per period of the variant; null: see status"),
        Column("factor_variance", "DOUBLE", "x' Sigma x, fraction^2 per period"),
        Column("specific_variance", "DOUBLE", "h' D h, fraction^2 per period"),
        Column("vol", "DOUBLE", "root of variance, fraction per period"),
        Column("factor_vol", "DOUBLE", "root of factor_variance, fraction per period"),
        Column("specific_vol", "DOUBLE", "root of specific_variance, fraction per period"),
        Column("benchmark", "STRING", "what the book is held against; null: nothing"),
        Column("benchmark_coverage", "DOUBLE", "the benchmark's coverage; null: it has no book on the date"),
        Column("beta", "DOUBLE", "h' V b / b' V b; null: no benchmark, or one without risk"),
        Column("tracking_error", "DOUBLE", "volatility of h - b, fraction per period"),
        Column("active_factor_vol", "DOUBLE", "its part through factors: root of (x - x_b)' Sigma (x - x_b), fraction per period"),
        Column("active_specific_vol", "DOUBLE", "root of (h - b)' D (h - b), fraction per period"),
        Column("exposure", "ARRAY<DOUBLE>", "x = X'h by factor, in the order of risk_models.factors; null: see status"),
        Column("contribution", "ARRAY<DOUBLE>", "x_k (Sigma x)_k / vol by factor, fraction per period"),
        Column("active_exposure", "ARRAY<DOUBLE>", "the same of h - b; null: no benchmark"),
        Column("active_contribution", "ARRAY<DOUBLE>", "contribution to tracking_error by factor, fraction per period"),
        required(
            "uncovered",
            "ARRAY<STRUCT<asset_id: STRING, weight: DOUBLE, reason: STRING>>",
            "the ten largest weights without risk data, each with its reason",
        ),
    ),
    checks=(
        Constraint(
            "status_is_known",
            f"status IN ({', '.join(repr(status) for status in STATUSES)})",
            holds=pc.field("status").isin(list(STATUSES)),
        ),
        Constraint(
            "numbers_or_a_reason",
            "(status IN ('ok', 'partial')) = (variance IS NOT NULL)",
            holds=pc.field("status").isin(list(MEASURED)) == pc.field("variance").is_valid(),
        ),
        Constraint("no_look_ahead", "book_date <= date", holds=pc.field("book_date") <= pc.field("date")),
        Constraint(
            "counts_agree",
            "n_uncovered >= 0 AND n_assets >= n_uncovered AND n_members >= n_portfolios AND n_rejected >= 0",
            holds=(pc.field("n_uncovered") >= 0)
            & (pc.field("n_assets") >= pc.field("n_uncovered"))
            & (pc.field("n_members") >= pc.field("n_portfolios"))
            & (pc.field("n_rejected") >= 0),
        ),
        *same_size("exposure", "contribution", "active_exposure", "active_contribution"),
        *no_nan(
            *("net_weight", "gross_weight", "coverage", "variance", "factor_variance", "specific_variance", "vol", "factor_vol"),
            *("specific_vol", "benchmark_coverage", "beta", "tracking_error", "active_factor_vol", "active_specific_vol"),
        ),
        *no_nan_in("exposure", "contribution", "active_exposure", "active_contribution"),
    ),
)

PORTFOLIO_CONTRIBUTIONS = Table(
    name="portfolio_contributions",
    comment="Where the risk of each book comes from: of each factor, of each group of factors, and the specific part",
    key=("variant", "date", "portfolio", "kind", "name"),
    date="date",
    columns=(
        VARIANT,
        AS_OF,
        PORTFOLIO,
        required("kind", "STRING", "factor, group or specific: factors and the specific part sum to vol, so do groups and it"),
        required("name", "STRING", "the factor, the group, or specific"),
        Column("exposure", "DOUBLE", "x_k of a factor, styles in standard deviations, memberships as shares; null: no factor"),
        required("contribution", "DOUBLE", "to vol, fraction per period of the variant"),
        Column("active_exposure", "DOUBLE", "of h - b; null: no factor, or no benchmark"),
        Column("active_contribution", "DOUBLE", "to tracking_error, fraction per period; null: no benchmark"),
    ),
    checks=(
        Constraint(
            "kind_is_known",
            "kind IN ('factor', 'group', 'specific')",
            holds=pc.field("kind").isin(["factor", "group", "specific"]),
        ),
        *no_nan("exposure", "contribution", "active_exposure", "active_contribution"),
    ),
)
