"""The verb `sql`."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigmalake.cli.lakes.contexts import LakeConfig, LakeOption, released_lake
from sigmalake.cli.options import Overrides
from sigmalake.cli.stores import written
from sigmalake.cli.terminal import say, show
from sigmalake.errors import ConfigError

if TYPE_CHECKING:
    from sigmalake.reader.factor_model import FactorModel
    from sigmalake.report.text.query import Rows


class Form(StrEnum):
    """How rows are printed or written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def sql(
    query: Annotated[
        str | None, typer.Argument(metavar="SQL", help="One SELECT; @FILE for that of a file, - for that of standard input.")
    ] = None,
    config: LakeConfig = None,
    overrides: Overrides = None,
    lake: LakeOption = None,
    release: Annotated[str | None, typer.Option(metavar="ID", help="The release; the last by default.")] = None,
    tables: Annotated[bool, typer.Option("--tables", help="List the tables and views with their columns and units.")] = False,
    output: Annotated[
        Form | None, typer.Option("--output", metavar="table|csv|json|parquet", help="How rows are given; table by default.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(parser=written, metavar="FILE", help="Write all rows to a .csv, .json or .parquet file.")
    ] = None,
) -> None:
    """Ask a release in SQL.

    Every table is there at the version that the release names, with views for full and annualised covariances; current_ before a
    name takes the last release. DuckDB answers: it needs no Java, and the extra sigmalake[sql]. SQL reads no other file.
    """
    if tables and query is not None:
        raise ConfigError("--tables lists what there is, and a query asks it; give one of the two")
    form = _form(output, to)
    if tables and config is None and lake is None:
        _list_tables(None, form, to)
        return
    from sigmalake.reader.open_release import open_release
    from sigmalake.reader.sql.query import select

    text = None if tables else _statement(query)
    with released_lake(config, overrides, lake) as place:
        model = open_release(place.root, release, spark=place.spark)
        if text is None:
            _list_tables(model, form, to)
        else:
            _give(select(model.duckdb(locked=True), text, f"release {model.release_id}"), form, to)


def _statement(query: str | None) -> str:
    if query is None:
        raise ConfigError('a query is missing: sigmalake sql "select * from factor_returns limit 5"; or give --tables')
    if query == "-":
        return sys.stdin.read()
    if not query.startswith("@"):
        return query
    try:
        return Path(query[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the query {query} cannot be read: {error}") from None


def _form(output: Form | None, to: Path | None) -> Form:
    """As the option says, else as the file ends."""
    ending = None if to is None else to.suffix.removeprefix(".").lower()
    if to is not None and ending not in {Form.CSV, Form.JSON, Form.PARQUET}:
        raise ConfigError(f"--to {to} ends in none of .csv, .json and .parquet; name a file that does")
    if to is not None and output not in {None, ending}:
        raise ConfigError(f"--output {output} and --to {to} do not agree; leave --output out")
    if output is Form.PARQUET and to is None:
        raise ConfigError("--output parquet is a file: give --to FILE.parquet")
    return Form(ending) if ending is not None else output or Form.TABLE


def _give(rows: "Rows", form: Form, to: Path | None) -> None:
    from sigmalake.report.text.query import query_csv, query_json, query_table, write_query

    if to is not None:
        try:
            say(f"{write_query(rows, form.value, to):,} rows are in {to}")
        except OSError as error:
            raise ConfigError(f"--to {to} cannot be written: {error.strerror or error}") from error
    elif form is Form.TABLE:
        text, more = query_table(rows)
        show(text)
        if more:
            say("there are more rows: --output csv, or --to FILE, gives all of them")
    else:
        for piece in query_csv(rows) if form is Form.CSV else query_json(rows):
            show(piece)


def _list_tables(model: "FactorModel | None", form: Form, to: Path | None) -> None:
    """All that are declared, or those of a release."""
    import pyarrow as pa

    from sigmalake.reader.sql.listing import listed
    from sigmalake.reader.sql.query import names_of
    from sigmalake.report.text.query import listing_rows, listing_text

    found = list(listed(None if model is None else names_of(model.duckdb(locked=True))))
    if form is Form.TABLE:
        show(listing_text(found))
        show("current_ before the name of a table of the release, or of a view, takes the last release.")
        return
    _give(pa.Table.from_pylist(listing_rows(found)).to_reader(), form, to)
