"""What people call their columns."""

import re

DATE = (
    "date", "day", "trade_date", "tradedate", "trading_date", "trading_day", "datadate", "as_of", "asof", "as_of_date", "dt", "eom",
    "month_end", "period_end", "week", "month", "period", "timestamp", "time", "datum",
)  # fmt: skip
ASSET = (
    "asset_id", "asset", "symbol", "ticker", "isin", "cusip", "sedol", "figi", "permno", "ric", "secid", "sec_id", "security_id",
    "security", "barrid", "instrument", "instrument_id", "stock_id", "stock", "share", "id", "code", "gvkey", "name", "company",
)  # fmt: skip
RETURN = (
    "ret", "return", "returns", "rtn", "total_return", "tot_ret", "totret", "tri_ret", "daily_return", "weekly_return",
    "monthly_return", "simple_return", "ret_1d", "ret_1w", "ret_1m", "ret_pct", "r", "pct_change", "change_pct", "chg_pct", "perf",
    "performance",
)  # fmt: skip
CAP = (
    "cap", "mcap", "mktcap", "mkt_cap", "market_cap", "marketcap", "marketcapitalization", "market_capitalisation",
    "market_capitalization", "me", "market_value", "mv", "float_cap", "free_float_cap", "ffmcap", "capitalisation",
    "capitalization",
)  # fmt: skip
RATE = ("rf", "risk_free", "riskfree", "risk_free_rate", "rfr", "tbill", "t_bill", "rate")
CURRENCY = ("currency", "ccy", "curr", "cur", "currency_code")
ISSUER = ("issuer_id", "issuer", "issuer_name", "permco", "company_id", "company", "firm", "firm_id", "parent", "gvkey")
UNIVERSE = ("in_estimation", "estu", "in_estu", "estimation_universe", "universe", "in_universe", "in_index", "member", "is_member")
FACTOR, VALUE = ("factor", "factor_name", "style", "descriptor", "variable"), ("value", "exposure", "loading", "beta", "z", "score")

RETURN_WORDS, LOG_WORDS = {"ret", "return", "returns", "rtn"}, {"log", "ln"}
FORWARD_WORDS = {"fwd", "forward", "next", "future", "lead", "target"}
CAP_WORDS = {"mcap", "mktcap", "marketcap", "cap", "ffmcap", "capitalization", "capitalisation"}
PRICE_WORDS = {"price", "close", "open", "high", "low", "last", "prc", "px", "bid", "ask", "adjclose", "settle", "nav", "vwap"}
VOLUME_WORDS = {"volume", "shares", "adv", "turnover_value", "dollar_volume", "traded", "shrout"}
WEIGHT_WORDS = {"weight", "weights", "wgt", "wt", "w"}
GROUPS = ("sector", "gics_sector", "industry", "gics_industry", "country", "region", "icb", "sic", "naics", "exchange", "index")
GROUP_WORDS = {
    "sector",
    "industry",
    "gics",
    "icb",
    "sic",
    "naics",
    "country",
    "region",
    "market",
    "exchange",
    "subindustry",
    "group",
}


def plain(name: str) -> str:
    """A name in lower case, its words joined by underscores."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")


def words(name: str) -> set[str]:
    """The words of a name."""
    return set(plain(name).split("_"))


def rank(name: str, known: tuple[str, ...]) -> int | None:
    """The place of a name among known ones; None where it is none of them."""
    spelt = {plain(name), plain(name).replace("_", ""), name.strip().lower()}
    return next((place for place, one in enumerate(known) if one in spelt or one.replace("_", "") in spelt), None)


def is_return(name: str) -> bool:
    """Whether a name is one of a return of the row's own period."""
    return not is_forward(name) and (rank(name, RETURN) is not None or bool(words(name) & RETURN_WORDS))


def is_forward(name: str) -> bool:
    """Whether a name says that it is of a later period."""
    return bool(words(name) & FORWARD_WORDS)


def is_log(name: str) -> bool:
    """Whether a name says that it is a logarithm."""
    return bool(words(name) & LOG_WORDS)


def is_cap(name: str) -> bool:
    """Whether a name is one of a market capitalisation."""
    return not is_log(name) and (rank(name, CAP) is not None or bool(words(name) & CAP_WORDS))


def is_price(name: str) -> bool:
    """Whether a name is one of a price; `book_to_price` is a style."""
    return "to" not in words(name) and bool(words(name) & PRICE_WORDS)


def is_volume(name: str) -> bool:
    """Whether a name is one of a traded volume or a number of shares."""
    return bool(words(name) & VOLUME_WORDS)


def is_weight(name: str) -> bool:
    """Whether a name is one of a weight."""
    return bool(words(name) & WEIGHT_WORDS)


def group_rank(name: str) -> int:
    """Where a group stands among others: sectors first, then countries, then what has no known name."""
    known = rank(name, GROUPS)
    if known is not None:
        return known
    return next((len(GROUPS) + place for place, one in enumerate(sorted(GROUP_WORDS)) if one in words(name)), 99)
