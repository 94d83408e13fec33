"""Rows of exposures, checked: styles, memberships, caps, weights and flags."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from sigmalake.config.model import Config
from sigmalake.numerics.exposures.style_rules import Missing
from sigmalake.tasks.sources.checking import CheckedRows, Findings, Reason, checked_rows
from sigmalake.tasks.sources.exposures.described import BesideRows, Described
from sigmalake.tasks.sources.exposures.factor_values import Entries, FactorValues, entries_of_map, gather_long_rows
from sigmalake.tasks.sources.exposures.memberships import (
    GroupShares,
    category_levels,
    column_shares,
    computed_shares,
    levels_against_rest,
    map_shares,
    member_columns,
    shares_against_rest,
)
from sigmalake.tasks.sources.raw_rows import Numbers, RawRows
from sigmalake.tasks.sources.returns.checked_returns import add_cap
from sigmalake.tasks.sources.row_hash import ColumnWords


def checked_exposures(raw: RawRows, config: Config, described: Described | None = None) -> CheckedRows:
    """Exposures: `style_0` and so on, `level_0` of a group that is a category, lists of the shares of the other groups.

    Also `in_estimation` and, where given, `cap`, `weight`, `issuer_id`, `cap_currency`.

    Args:
        raw: rows of the exposures' source; of a long one, all rows of their dates.
        config: names its columns and the factors.
        described: descriptors and shares of these dates; None: the model has none.
    """
    columns = config.sources.exposure_source.columns
    entries, source_rows = None, None
    if columns.factor is not None:
        raw, entries, source_rows = gather_long_rows(raw, columns)
    elif columns.map is not None:
        entries = entries_of_map(raw.column(columns.map))
    findings = Findings(raw.n_rows)
    findings.add_key(raw, columns.date, columns.asset_id)
    beside = None
    if described is not None:
        beside = BesideRows(described, raw.dates(columns.date).days, raw.texts(columns.asset_id))
    factors = _factor_values(raw, config, entries, beside)
    hashed = {} if entries is None else {"value by factor": entries.words}
    hashed |= {} if beside is None else beside.hashed
    hashed |= {name: raw.number_words(name) for name in factors if entries is None and not _is_described(beside, name)}
    payload = _styles(findings, config, factors, raw.n_rows)
    payload |= _memberships(findings, raw, config, factors, beside, hashed)
    payload |= _beside_factors(findings, raw, config, hashed)
    return checked_rows(raw, columns.date, columns.asset_id, findings, payload, hashed, source_rows)


def factor_columns(config: Config) -> list[str]:
    """The columns, or keys of a map, that hold a factor's number."""
    shares = [column for group in config.memberships for column in (group.columns or {}).values()]
    return list(dict.fromkeys([*config.style_columns, *shares]))


def _factor_values(
    raw: RawRows, config: Config, entries: Entries | None, beside: BesideRows | None
) -> dict[str, FactorValues]:  # fmt: skip
    """The numbers of all factors; those that were described take the place of the source's."""
    made = {} if beside is None else beside.descriptors
    own = [name for name in factor_columns(config) if name not in made]
    found = {name: FactorValues(raw.numbers(name), raw.column(name)) for name in own} if entries is None else entries.factors(own)
    readable = np.zeros(raw.n_rows, dtype=bool)
    for name, values in made.items():
        numbers = Numbers(values, np.isnan(values), readable)
        found[name] = FactorValues(numbers, numbers.array)
    return found


def _is_described(beside: BesideRows | None, name: str) -> bool:
    return beside is not None and name in beside.descriptors


def _styles(findings: Findings, config: Config, factors: Mapping[str, FactorValues], n_rows: int) -> dict[str, pa.Array]:
    """Every number that styles are made from. A missing one is no problem where a style may be missing, or has others."""
    alone = _never_missing(config)
    for column in config.style_columns:
        findings.add_number(column, *factors[column], required=column in alone)
    for style, rules in config.style_rules.items():
        columns = list(rules.weights(style))
        if rules.missing is Missing.REJECT and not set(columns) & alone:
            none = np.logical_and.reduce([factors[column].numbers.missing for column in columns])
            findings.add(style, Reason.MISSING, none, pa.nulls(n_rows, pa.string()))
    return {f"style_{number}": factors[column].numbers.array for number, column in enumerate(config.style_columns)}


def _never_missing(config: Config) -> set[str]:
    """Columns without which a row is rejected: styles as given, and what alone makes a style that no row may lack."""
    rules = config.style_rules
    rejecting = [list(r.weights(style)) for style, r in rules.items() if r.missing is Missing.REJECT]
    return {*(style for style in config.styles if style not in rules), *(c[0] for c in rejecting if len(c) == 1)}


def _memberships(
    findings: Findings,
    raw: RawRows,
    config: Config,
    factors: Mapping[str, FactorValues],
    beside: BesideRows | None,
    hashed: dict[str, ColumnWords],
) -> dict[str, pa.Array]:
    """The columns of memberships; what they are made from goes into the hash."""
    found: dict[str, pa.Array] = {}
    shares: dict[int, GroupShares] = {}
    taken = config.listed_factors
    for position, group in enumerate(config.memberships):
        if group.column is not None:
            hashed[group.column] = raw.text_words(group.column)
        if group.computed_from is not None:
            if beside is None:
                raise ValueError(f"the group {group.membership} needs {group.computed_from} beside the exposures")
            shares[position] = computed_shares(findings, raw, group, beside.shares(group.computed_from), taken)
        elif group.column is not None:
            levels = category_levels(findings, raw, group, group.column, taken)
            found[f"level_{position}"] = levels_against_rest(levels, group)
        elif group.columns is not None:
            shares[position] = column_shares(findings, group, factors, raw.n_rows)
        elif group.map is not None:
            hashed[group.map] = entries_of_map(raw.column(group.map)).words
            shares[position] = map_shares(findings, raw, group, group.map, taken)
    against = {position: shares_against_rest(of, config.memberships[position], raw.n_rows) for position, of in shares.items()}
    return found | member_columns(against, raw.n_rows)


def _beside_factors(findings: Findings, raw: RawRows, config: Config, hashed: dict[str, ColumnWords]) -> dict[str, pa.Array]:
    """Caps, weights, flags and issuers; what they are made from goes into the hash."""
    columns = config.sources.exposure_source.columns
    found = {"in_estimation": pa.array(np.ones(raw.n_rows, dtype=bool))}
    if columns.cap:
        add_cap(findings, raw, columns.cap)
        found["cap"], hashed[columns.cap] = raw.numbers(columns.cap).array, raw.number_words(columns.cap)
    if columns.cap_currency:
        findings.add_text(raw, columns.cap_currency)
        found["cap_currency"] = raw.texts(columns.cap_currency).values
        hashed[columns.cap_currency] = raw.text_words(columns.cap_currency)
    if columns.weight:
        numbers, shown = raw.numbers(columns.weight), raw.column(columns.weight)
        findings.add_number(columns.weight, numbers, shown, required=True)
        findings.add(columns.weight, Reason.NEGATIVE, numbers.values < 0, shown)
        found["weight"], hashed[columns.weight] = numbers.array, raw.number_words(columns.weight)
    if columns.in_estimation:
        findings.add_flag(raw, columns.in_estimation)
        found["in_estimation"] = raw.flags(columns.in_estimation).values
        hashed[columns.in_estimation] = raw.flag_words(columns.in_estimation)
    if columns.issuer_id:
        found["issuer_id"], hashed[columns.issuer_id] = raw.texts(columns.issuer_id).values, raw.text_words(columns.issuer_id)
    return found
