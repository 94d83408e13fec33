"""The lake's own books: what came in, what ran, what was released."""

from sigmalake.tables.declaration import Column, Table, required

REJECTED_ROWS = Table(
    name="rejected_rows",
    comment="Source rows that the model cannot use, each with its reasons",
    key=("source", "row_hash", "copy", "column", "reason"),
    date="date",
    columns=(
        required("source", "STRING", "the source's name in the configuration; panel.returns is the returns' side of a panel"),
        required("row_hash", "STRING", "hash of the row"),
        required("copy", "INT", "which of the rows that are equal to the last byte, from 1"),
        required("column", "STRING", "the source's column"),
        required("reason", "STRING", "what is wrong with it"),
        Column("date", "DATE", "date of the row; null where unreadable"),
        Column("asset_id", "STRING", "asset; null where unreadable"),
        Column("value", "STRING", "the value seen"),
        required(
            "source_rows",
            "INT",
            "rows of the source that this stands for: those of one asset and date in a long source, else 1",
        ),
    ),
)

SOURCE_PRINTS = Table(
    name="source_prints",
    comment="What each file of a source holds on each date: a file that has not changed is not read again",
    key=("source", "file", "date"),
    columns=(
        required(
            "source", "STRING", "prices, fundamentals, books, or which side of a panel row it feeds: exposures, returns or caps"
        ),
        required("key", "STRING", "hash of the rules by which its rows were checked"),
        required("state", "STRING", "size and time of the file when it was read"),
        Column("file", "STRING", "as Spark names it"),
        Column("date", "DATE", "date of the rows; null where unreadable"),
        required("rows", "BIGINT", "rows"),
        required("rejected", "BIGINT", "of these, with a problem"),
        required("high", "BIGINT", "sum of the upper halves of the rows' hashes"),
        required("low", "BIGINT", "sum of the lower halves"),
        Column(
            "levels",
            "ARRAY<STRUCT<group: INT, level: STRING>>",
            "levels of the memberships that learn them; -1: currencies of local returns or caps",
        ),
    ),
)

ACCOUNT = (
    "ARRAY<STRUCT<source: STRING, rows_in: BIGINT, packed: BIGINT, rejected: BIGINT, outside: BIGINT, without_exposures: BIGINT>>"
)

RUNS = Table(
    name="runs",
    comment="A row for each stage of each run",
    key=("run_id", "stage"),
    columns=(
        required("run_id", "STRING", "one call of the command"),
        required(
            "stage", "STRING", "describe, ingest, quality, regress, risk, covariance, portfolios, release, evaluate or maintain"
        ),
        required("started_at", "TIMESTAMP", "UTC"),
        Column("finished_at", "TIMESTAMP", "UTC"),
        required("status", "STRING", "done, failed or refused"),
        Column("first_date", "DATE", "of the dates computed"),
        Column("last_date", "DATE", "of the dates computed"),
        Column("n_dates", "INT", "dates computed, and removed"),
        Column("rows_in", "BIGINT", "rows read: of the sources at describe and ingest, else of the table before"),
        Column("rows_out", "BIGINT", "rows written to the stage's packed table"),
        Column("rows_rejected", "BIGINT", "source rows rejected"),
        Column("account", ACCOUNT, "describe, ingest: where every row of every source went"),
        required("config_hash", "STRING", "of the configuration"),
        required("config", "STRING", "the configuration, resolved"),
        required("code_version", "STRING", "version of sigmalake"),
        Column("source_versions", "MAP<STRING, STRING>", "describe, ingest: Delta version, or fingerprint of the files, by source"),
        Column("table_versions", "MAP<STRING, BIGINT>", "version of each table of the stage when it was done"),
        required("seconds", "DOUBLE", "wall time"),
        Column("error", "STRING", "the message, where it failed"),
        Column("engine", "STRING", "what moved the rows: local or spark; null: written before, spark"),
        Column("sequence", "BIGINT", "grows from row to row, whatever clocks say; null: written before, ordered by finished_at"),
        Column("table_ids", "MAP<STRING, STRING>", "Delta's id of each of these tables; null: written before"),
    ),
)

RELEASES = Table(
    name="releases",
    comment="A commit that names the version of every table: what a reader opens",
    key=("release_id",),
    columns=(
        required("release_id", "STRING", "as_of, and a number for each release of that date"),
        required("created_at", "TIMESTAMP", "UTC: when it became known"),
        required("as_of", "DATE", "newest date of the model"),
        required("variants", "ARRAY<STRING>", "variants that it holds, in the order of the configuration"),
        required("tables", "MAP<STRING, BIGINT>", "Delta version of every table"),
        required("config_hash", "STRING", "of the configuration"),
        required("run_id", "STRING", "the run that released it"),
        required("checks", "ARRAY<STRUCT<name: STRING, passed: BOOLEAN, detail: STRING>>", "what was checked"),
        required("sequence", "BIGINT", "1, 2, 3: the order of releases"),
        Column("table_ids", "MAP<STRING, STRING>", "Delta's id of every table; null: written before"),
        Column(
            "ledger_versions",
            "MAP<STRING, BIGINT>",
            "Delta version of the other tables, from which on their commits are looked at; null: written before",
        ),
    ),
)

RELEASE_CONTENTS = Table(
    name="release_contents",
    comment="Row counts and checksums by date of each release, where they differ from those of the release before it",
    key=("sequence", "run_id", "table", "variant", "date"),
    columns=(
        required("sequence", "BIGINT", "of the release"),
        required("release_id", "STRING", "of the release"),
        required("run_id", "STRING", "the run that released it"),
        required("table", "STRING", "name of the table; * for all of them together"),
        Column("variant", "STRING", "of the rows; null: the table has none"),
        Column("date", "DATE", "of the rows; null: the table has no dates, or the rows have none"),
        required("rows", "BIGINT", "how many; 0: none any more"),
        required(
            "checksum", "BIGINT", "sum of the hashes of the rows, mod 2^64: the same for the same rows in any order and any files"
        ),
    ),
)

RELEASE_WITHDRAWALS = Table(
    name="release_withdrawals",
    comment="Releases that no longer stand, each with its reason; rows are only added",
    key=("release_id", "action"),
    columns=(
        required("release_id", "STRING", "of `releases`"),
        required("action", "STRING", "withdrawn: by somebody, see why; trimmed: by the retention, its files are no longer kept"),
        required("withdrawn_at", "TIMESTAMP", "UTC: from when readers refuse it"),
        required("why", "STRING", "the reason, in words"),
        required("run_id", "STRING", "the command that did it"),
    ),
)

IRREPLACEABLE = (RUNS, RELEASES, RELEASE_WITHDRAWALS)
"""What no run can make again."""
