"""Verify: whether the tables hold what our runs wrote, before a run rests on them; what a run can put right is put right."""

from collections.abc import Sequence
from functools import partial

from sigmalake.errors import ConfigError, DataError, ReleaseRefusedError
from sigmalake.lake.books import known_tables, model_name
from sigmalake.lake.dates import DateRange
from sigmalake.lake.lake import Lake
from sigmalake.lake.row_filter import of_dates
from sigmalake.lake.trust.findings import Finding, Remedy, findings, unreadable
from sigmalake.stages.context import Context, Outcome, recorded
from sigmalake.tables.books import PORTFOLIO_BOOKS
from sigmalake.tables.catalogue import ALL_TABLES, MODEL_TABLES
from sigmalake.tables.declaration import Table
from sigmalake.tables.descriptors import PRICES
from sigmalake.tables.long import ASSET_COVARIANCE, ASSET_COVARIANCE_CELLS, COVARIANCE_BUILDS
from sigmalake.tables.packed import PANEL, RISK_MODELS
from sigmalake.tables.records import IRREPLACEABLE, REJECTED_ROWS, RELEASE_CONTENTS, RUNS

MOST_PASSES = 3  # a table that was put back may lack a file
COMPUTED_WITH = {  # a table without hashes of its own, and those whose rows have to go for it to be computed again
    ASSET_COVARIANCE.name: (COVARIANCE_BUILDS,),
    ASSET_COVARIANCE_CELLS.name: (COVARIANCE_BUILDS,),
    REJECTED_ROWS.name: (PANEL, PRICES, PORTFOLIO_BOOKS),
}


def refuse_other_model(context: Context) -> None:
    """Refuse a lake that belongs to another model.

    Raises:
        ConfigError: names both.
    """
    given, found = context.config.model, model_name(context.lake, (RUNS, PANEL, PRICES))
    if found not in (None, given):
        refuse(context.lake, find(context.lake))  # of a lake that is wholly another's, nothing
        raise ConfigError(
            f"the lake {context.lake.root} belongs to the model {found!r}, and the configuration is of {given!r}: name another "
            f"folder as `lake:`, or put `model: {found}` back"
        )


def dropped_variants(context: Context) -> list[str]:
    """The variants that the lake has rows of and the configuration does not name: a run would delete these rows."""
    stored = context.lake.columns(RISK_MODELS, ["variant"]).column("variant").unique().to_pylist()
    return sorted(set(stored) - context.config.risk.keys())


def refuse_dropped_variants(context: Context) -> None:
    """Refuse to delete the rows of variants in silence.

    Raises:
        ConfigError: names them.
    """
    names = [name for name in dropped_variants(context) if name not in (context.config.retired_variants or ())]
    if names and not context.drop_variants:
        listed, them = ", ".join(names), "it" if len(names) == 1 else "them"
        raise ConfigError(
            f"the lake {context.lake.root} has risk models of {listed}, which `risk:` does not name: this run would delete their "
            f"rows. Put {them} back under `risk:`, list {them} under `retired_variants:`, or run with --drop-variants"
        )


def find(lake: Lake) -> list[Finding]:
    """What is wrong with the tables; nothing is written."""
    if found := unreadable(lake, IRREPLACEABLE):
        return found
    required = {table.name for table in (*MODEL_TABLES, *IRREPLACEABLE, RELEASE_CONTENTS)}
    return findings(lake, known_tables(lake, required), ALL_TABLES, IRREPLACEABLE)


def verify(context: Context) -> list[Finding]:
    """Put right what is wrong with the tables, as far as this run can; the stages after it compute what is missing.

    Raises:
        ConfigError: the lake belongs to another model.
        DataError: something is wrong that no run can put right; nothing has been changed.
    """
    refuse(context.lake, unreadable(context.lake, IRREPLACEABLE))
    refuse_other_model(context)
    everything: list[Finding] = []
    for _ in range(MOST_PASSES):
        found = find(context.lake)
        refuse(context.lake, found)
        fresh = [one for one in found if one not in everything]
        if not fresh:
            break
        recorded(context, "verify", partial(_put_right, context, fresh))
        everything += fresh
    return everything


def refuse(lake: Lake, found: Sequence[Finding]) -> None:
    """Refuse what no run can put right.

    Raises:
        DataError: names it, with the way out.
    """
    if refused := [one.text for one in found if one.remedy is Remedy.REFUSE]:
        raise DataError(f"{lake.root} was altered: {'; '.join(refused)}. Nothing was computed")


def refuse_altered(context: Context) -> None:
    """Refuse to go on where something is wrong with the tables now, say because somebody wrote to them during this run.

    Raises:
        ReleaseRefusedError: names what is wrong.
    """
    found = [one for one in find(context.lake) if one.remedy is not Remedy.REBUILD]  # what was lost was made again by this run
    if found:
        raise ReleaseRefusedError(f"not released, tables were altered: {'; '.join(one.text for one in found)}. Use `sigmalake run`")


def _put_right(context: Context, found: Sequence[Finding]) -> Outcome:
    """The tables that others are computed with come first: what is removed of them is not put back again."""
    lake = context.lake
    for one in sorted(found, key=lambda one: one.table.name in COMPUTED_WITH):
        for table in COMPUTED_WITH.get(one.table.name, ()) if one.ranges else ():
            _remove(context, table, one.ranges)
        if one.remedy is Remedy.RESTORE:
            lake.restore(one.table, one.version, one.ranges)
        elif one.remedy is Remedy.FORGET:
            lake.forget_lost_files(one.table, one.lost)
        elif one.remedy is Remedy.VOUCH:
            lake.vouch(one.table)
    return Outcome(said="\n  ".join(["tables were altered, and are put right", *(one.text for one in found)]))


def _remove(context: Context, table: Table, ranges: Sequence[DateRange]) -> None:
    lake = context.lake
    if lake.span(table) is not None:
        lake.replace_filtered(table, context.engine.no_rows(table), "invalidate", of_dates(table.date or "", ranges))
