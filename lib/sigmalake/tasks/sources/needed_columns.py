"""The columns that the checks of a source read, and of which type each must be; a source without them is refused by name."""

import difflib
from collections.abc import Iterable, Mapping
from enum import StrEnum

import pyarrow as pa

from sigmalake.config.model import Config
from sigmalake.config.columns import ExposureColumns, Location
from sigmalake.errors import ConfigError
from sigmalake.tasks.sources.raw_rows import FILE, RAGGED, is_text

MOST_SHOWN = 1000  # characters of the columns that there are


class ColumnKind(StrEnum):
    """What a column must hold, as messages call it."""

    DATE = "dates or timestamps or text"
    ID = "text or whole numbers"
    NUMBER = "numbers or text"
    FLAG = "true or false or numbers or text"
    MAP = "a map"


def needed_columns(config: Config, source: str) -> dict[str, ColumnKind]:
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
    columns = s.locations()[source].columns  # type: ignore[attr-defined]  # every source has some
    return {name: _KINDS[key] for key in _KINDS if (name := getattr(columns, key, None)) is not None}


def require_columns(schema: pa.Schema, needed: Mapping[str, ColumnKind], name: str, place: Location) -> None:
    """Every column is there, and of a type that can be read.

    Raises:
        ConfigError: lists what is missing beside what there is, or names the type found.
    """
    if missing := [column for column in needed if column not in schema.names]:
        there = [column for column in schema.names if column not in (RAGGED, FILE)]
        close = [f"{c} (is it {near[0]}?)" if (near := _similar(c, there)) else c for c in missing]
        shown = ", ".join(column if column.isprintable() else repr(column) for column in there)
        header = "the first line of a CSV file names its columns, between commas; " if place.read_as == "csv" else ""
        raise ConfigError(
            f"sources.{name}: {place.where} has no column {', '.join(close)}; it has {shown[:MOST_SHOWN] or 'none'}; "
            f"{header}name the right one under sources.{name}.columns or factors"
        )
    for column, kind in needed.items():
        if not _is_of(schema.field(column).type, kind):
            raise ConfigError(
                f"sources.{name}: column {column} of {place.where} holds {schema.field(column).type}, not {kind.value}; "
                "convert it in the source, or name another column"
            )


_KINDS = {
    "date": ColumnKind.DATE, "known_at": ColumnKind.DATE, "period_end": ColumnKind.DATE, "asset_id": ColumnKind.ID,
    "item": ColumnKind.ID, "industry": ColumnKind.ID, "currency": ColumnKind.ID, "cap_currency": ColumnKind.ID,
    "ret": ColumnKind.NUMBER, "rate": ColumnKind.NUMBER, "interest_rate": ColumnKind.NUMBER, "cap": ColumnKind.NUMBER,
    "traded_value": ColumnKind.NUMBER, "price": ColumnKind.NUMBER, "volume": ColumnKind.NUMBER, "value": ColumnKind.NUMBER,
    "assets": ColumnKind.NUMBER, "sales": ColumnKind.NUMBER, "in_estimation": ColumnKind.FLAG,
}  # fmt: skip


def _of_returns(config: Config) -> dict[str, ColumnKind]:
    columns = config.sources.return_columns
    named = {key: getattr(columns, key) for key in ("date", "asset_id", "ret", "rate", "currency")}
    return {name: _KINDS[key] for key, name in named.items() if name is not None}


def _of_exposures(config: Config, source: str, columns: ExposureColumns) -> dict[str, ColumnKind]:
    needed = {columns.date: ColumnKind.DATE, columns.asset_id: ColumnKind.ID}
    if columns.factor is not None and columns.value is not None:
        if apart := next((group for group in config.memberships if group.column or group.map), None):
            raise ConfigError(
                f"sources.{source}: a long source has only date, asset, factor and value, and the group {apart.membership} is "
                f"column {apart.column or apart.map}; give its shares as factors, by `columns:`"
            )
        return {**needed, columns.factor: ColumnKind.ID, columns.value: ColumnKind.NUMBER}
    if columns.map is not None:
        needed[columns.map] = ColumnKind.MAP
    else:
        own = [column for column in config.style_columns if column not in config.described_columns]
        shares = [column for group in config.memberships for column in (group.columns or {}).values()]
        needed |= dict.fromkeys([*own, *shares], ColumnKind.NUMBER)
    for group in config.memberships:
        needed |= {group.column: ColumnKind.ID} if group.column else {}
        needed |= {group.map: ColumnKind.MAP} if group.map else {}
    mapped = {key: getattr(columns, key) for key in ("cap", "cap_currency", "weight", "in_estimation", "issuer_id")}
    kinds = {**_KINDS, "weight": ColumnKind.NUMBER, "issuer_id": ColumnKind.ID}
    return needed | {name: kinds[key] for key, name in mapped.items() if name is not None}


def _is_of(kind: pa.DataType, wanted: ColumnKind) -> bool:
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    of_kind = {
        ColumnKind.DATE: pa.types.is_date(kind) or pa.types.is_timestamp(kind) or is_text(kind),
        ColumnKind.ID: is_text(kind) or pa.types.is_integer(kind),
        ColumnKind.NUMBER: number or is_text(kind),
        ColumnKind.FLAG: pa.types.is_boolean(kind) or number or is_text(kind),
        ColumnKind.MAP: pa.types.is_map(kind),
    }
    return bool(of_kind[wanted] or pa.types.is_null(kind))  # of a column without any value, no type is known


def _similar(column: str, there: Iterable[str]) -> list[str]:
    plain = {name.strip().lower(): name for name in there}
    return [plain[name] for name in difflib.get_close_matches(column.lower(), plain, n=1)]
