"""The columns that the checks of a source read, and what each is used for."""

from sigmalake.config.columns import ExposureColumns, ReturnColumns
from sigmalake.config.model import Config
from sigmalake.config.sources import PriceSource
from sigmalake.errors import ConfigError
from sigmalake.sources.schema import DATES, FLAGS, MAPS, NAMES, NUMBERS, Use


def needed_columns(config: Config, source: str) -> dict[str, Use]:
    """The columns that the checks of a source read.

    Args:
        config: names them.
        source: as the configuration calls it: panel, exposures, returns, caps, prices and so on.

    Raises:
        ConfigError: a group of factors is of a form that the source cannot have.
    """
    s = config.sources
    if source in {"panel", "exposures"}:
        needed = _of_exposures(config, source, s.exposure_columns)
        return needed | (_of_returns(config) if source == "panel" else {})
    if source == "returns":
        return _of_returns(config)
    if source == "books" and s.books is not None:
        c = s.books.columns
        return {c.portfolio: NAMES, c.date: DATES, c.asset_id: NAMES, c.holding: NUMBERS}
    place = s.locations()[source]
    columns = place.columns  # type: ignore[attr-defined]  # every source has some
    made = {"ret"} if isinstance(place, PriceSource) and place.from_prices is not None else set()
    return {name: use for key, use in _USES.items() if key not in made and (name := getattr(columns, key, None)) is not None}


_USES = {
    "date": DATES, "known_at": DATES, "period_end": DATES, "asset_id": NAMES,
    "item": NAMES, "industry": NAMES, "level": NAMES, "currency": NAMES, "cap_currency": NAMES, "factor": NAMES, "group": NAMES,
    "ret": NUMBERS, "rate": NUMBERS, "interest_rate": NUMBERS, "cap": NUMBERS,
    "traded_value": NUMBERS, "price": NUMBERS, "volume": NUMBERS, "value": NUMBERS,
    "assets": NUMBERS, "sales": NUMBERS, "revenue": NUMBERS, "in_estimation": FLAGS,
    "split": NUMBERS, "adjustment": NUMBERS, "dividend": NUMBERS, "spin_off": NUMBERS, "delisting_return": NUMBERS,
    "delisting_code": NUMBERS,
}  # fmt: skip


def _of_returns(config: Config) -> dict[str, Use]:
    columns = config.sources.return_columns
    keys = ("ret",) if getattr(columns, "price", None) is None else ReturnColumns.PRICED
    named = {key: getattr(columns, key) for key in ("date", "asset_id", *keys, "rate", "currency")}
    return {name: _USES[key] for key, name in named.items() if name is not None}


def _of_exposures(config: Config, source: str, columns: ExposureColumns) -> dict[str, Use]:
    needed = {columns.date: DATES, columns.asset_id: NAMES}
    if columns.factor is not None and columns.value is not None:
        if apart := next((group for group in config.memberships if group.column or group.map), None):
            raise ConfigError(
                f"sources.{source}: a long source has only date, asset, factor and value, and the group {apart.membership} is "
                f"column {apart.column or apart.map}; give its shares as factors, by `columns:`"
            )
        return {**needed, columns.factor: NAMES, columns.value: NUMBERS}
    if columns.map is not None:
        needed[columns.map] = MAPS
    else:
        own = [column for column in config.style_columns if column not in config.described_columns]
        shares = [column for group in config.memberships for column in (group.columns or {}).values()]
        needed |= dict.fromkeys([*own, *shares], NUMBERS)
    for group in config.memberships:
        needed |= {group.column: NAMES} if group.column else {}
        needed |= {group.map: MAPS} if group.map else {}
    mapped = {key: getattr(columns, key) for key in ("cap", "cap_currency", "weight", "in_estimation", "issuer_id")}
    uses = {**_USES, "weight": NUMBERS, "issuer_id": NAMES}
    return needed | {name: uses[key] for key, name in mapped.items() if name is not None}
