"""Tables created and brought up to date by delta-rs alone: the same commits whichever engine writes the rows."""

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake
from deltalake.exceptions import DeltaError

from sigmalake.config.stores.opening import delta_options
from sigmalake.errors import InfrastructureError
from sigmalake.lake.format import FORMAT, FORMAT_PROPERTY, check_format
from sigmalake.lake.log import clear_torn_log, commit_metadata, open_table
from sigmalake.lake.upkeep.older import missing_columns
from sigmalake.tables.declaration import CONSTRAINT, Column, Table

CONSTRAINTS_FROM = 3  # writer version of the Delta protocol from which constraints hold
ON_THIS_SNAPSHOT = CommitProperties(max_commit_retries=0)


class AddColumns(NamedTuple):
    """A commit that adds columns, null in the rows that are there."""

    columns: tuple[Column, ...]


class SetProperties(NamedTuple):
    """A commit that sets properties, constraints among them; one of a name that is there replaces it."""

    properties: dict[str, str]


Step = AddColumns | SetProperties


def all_properties(table: Table) -> dict[str, str]:
    """The properties of a table of ours: what is declared, and the format of the lake."""
    return {**table.properties(), FORMAT_PROPERTY: str(FORMAT)}


def steps_to_declaration(table: Table, log: DeltaTable) -> list[Step]:
    """The commits that bring a stored table to its declaration; none where it is there.

    Columns come first, since constraints name them. What was checked of older rows by other words is not checked again.

    Raises:
        ConfigError: the table lacks a column that is never null.
    """
    stored = log.metadata().configuration
    missing = missing_columns(table, (field.name for field in log.schema().fields), log.table_uri)
    steps: list[Step] = [AddColumns(tuple(missing))] if missing else []
    properties = {name: value for name, value in all_properties(table).items() if _differs(name, stored.get(name), value)}
    if table.checks and log.protocol().min_writer_version < CONSTRAINTS_FROM:
        properties["delta.minWriterVersion"] = str(CONSTRAINTS_FROM)
    return [*steps, SetProperties(properties)] if properties else steps


def take(log: DeltaTable, step: Step) -> None:
    """Make a step's commit on the snapshot that was opened, or fail."""
    match step:
        case AddColumns(columns):
            log.alter.add_columns(_delta_schema(_as_null(columns)).fields, commit_properties=ON_THIS_SNAPSHOT)
        case SetProperties(properties):
            log.alter.set_table_properties(properties, raise_if_not_exists=False, commit_properties=ON_THIS_SNAPSHOT)


def create_table(location: str, table: Table) -> DeltaTable:
    """The table at a location, which is created where there is none, with constraints, properties and comments in one commit.

    A table that is there comes back as it is: `check_format` tells a stranger's, `steps_to_declaration` what an older one lacks.
    """
    log = open_table(location)
    if log is not None:
        return log
    clear_torn_log(location)
    properties = {**all_properties(table), "delta.minWriterVersion": str(CONSTRAINTS_FROM)}
    try:
        return DeltaTable.create(
            location,
            _delta_schema(table.columns),
            description=table.comment,
            configuration=properties,
            storage_options=delta_options(location),
            raise_if_key_not_exists=False,  # constraints and our format are no properties that Delta itself knows
        )
    except DeltaError as error:
        log = open_table(location)  # another may have created it at this moment
        if log is None:
            if Path(location).is_symlink():
                raise InfrastructureError(f"{location} is a link to a folder that is not there; make that, or remove it") from error
            raise
        return log


def prepare_table(location: str, table: Table) -> DeltaTable:
    """The table at a location as it is declared: created where there is none, renewed or brought up to date where it is older.

    Raises:
        ConfigError: it has a layout that this version does not know, or is no table of ours.
    """
    log = create_table(location, table)
    check_format(log.metadata().configuration.get(FORMAT_PROPERTY), location)
    if table.earlier_shape & {field.name for field in log.schema().fields}:
        _renew(log, table)
    for step in steps_to_declaration(table, log):
        take(log, step)
    return log


def _renew(log: DeltaTable, table: Table) -> None:
    """Give a table another shape, without rows; what it held stays readable at its earlier versions."""
    for name in [key for key in log.metadata().configuration if key.startswith(CONSTRAINT)]:
        log.alter.drop_constraint(name.removeprefix(CONSTRAINT), commit_properties=ON_THIS_SNAPSHOT)
    empty, ours = table.arrow_schema().empty_table(), commit_metadata("renewal", "create", 0, "", (), "local")
    properties = CommitProperties(custom_metadata={"userMetadata": ours}, max_commit_retries=0)
    write_deltalake(log, empty, mode="overwrite", schema_mode="overwrite", commit_properties=properties)


def _as_null(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Columns as a table takes them that has rows: null in these."""
    return tuple(column._replace(nullable=True) for column in columns)


def _delta_schema(columns: tuple[Column, ...]) -> Schema:
    declared = Table("", "", (), columns).arrow_schema()
    return Schema.from_arrow(
        pa.schema([field.with_metadata({"comment": c.comment}) for field, c in zip(declared, columns, strict=True)])
    )


def _differs(name: str, stored: str | None, declared: str) -> bool:
    """Spark writes a constraint's words with a blank between; a property of another value was set on purpose, and stays."""
    if stored is None or not name.startswith(CONSTRAINT):
        return stored is None
    return "".join(stored.split()) != "".join(declared.split())
