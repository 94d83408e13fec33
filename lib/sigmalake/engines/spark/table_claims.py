"""Claims to a lake that are rows of a Delta table, for places that only Spark can commit to."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

from pyspark.errors import AnalysisException
from pyspark.sql import Row, SparkSession

from sigmalake.errors import ConfigError, InfrastructureError, is_conflict, telling_line
from sigmalake.lake.claims.claim import Claim, Pace
from sigmalake.tables.declaration import sql_text

COLUMNS = ("fence", "owner", "host", "pid", "expires_at", "released")
SLOW = Pace(lifetime=300.0, poll=5.0)  # a commit takes about a second


class TableClaims:
    """Rows of a Delta table, added by a serialisable MERGE: of two with one number, one fails.

    For a catalog's schema, and for storage that Delta can commit to and no store's client knows, say HDFS.
    """

    def __init__(self, spark: SparkSession, lake: str, table: str, pace: Pace = SLOW) -> None:
        self.lake, self.pace = lake, pace
        self._spark = spark
        self._table = table
        self._created = False

    def newest(self) -> Claim | None:
        """As `Claims`."""
        with self._explained():
            self._create()
            rows = self._spark.sql(f"SELECT * FROM {self._table} ORDER BY fence DESC LIMIT 1").collect()
        return _claim(rows[0]) if rows else None

    def add(self, claim: Claim) -> bool:
        """As `Claims`."""
        with self._explained():
            self._create()
            try:
                self._merge(claim, "WHEN NOT MATCHED THEN INSERT *")
            except Exception as error:  # Delta's errors of concurrency share no base class
                if is_conflict(error):
                    return False
                raise
            rows = self._spark.sql(f"SELECT * FROM {self._table} WHERE fence = {claim.fence}").collect()
        return [_claim(row) for row in rows] == [_stored(claim)]  # a number taken earlier was matched: nothing was inserted

    def renew(self, claim: Claim) -> None:
        """As `Claims`."""
        with self._explained():
            self._merge(claim, "WHEN MATCHED THEN UPDATE SET *")

    def _create(self) -> None:
        if self._created:
            return
        statement = (
            f"CREATE TABLE IF NOT EXISTS {self._table} (fence BIGINT NOT NULL, owner STRING NOT NULL, host STRING NOT NULL, "
            "pid INT NOT NULL, expires_at DOUBLE NOT NULL, released BOOLEAN NOT NULL) USING delta "
            "COMMENT 'Who may write to this lake: the row with the highest fence' "
            "TBLPROPERTIES ('delta.isolationLevel' = 'Serializable', 'delta.enableDeletionVectors' = 'false')"
        )
        for tries_left in reversed(range(4)):
            try:
                self._spark.sql(statement)
                break
            except Exception as error:  # another may be making it at this moment: then it will be there
                if not tries_left or "SCHEMA_NOT_FOUND" in str(error) or "CATALOG_NOT_FOUND" in str(error):
                    raise
                time.sleep(1.0)
        self._created = True

    def _merge(self, claim: Claim, action: str) -> None:
        ours = ", ".join(f"{_literal(value)} AS {name}" for name, value in asdict(claim).items() if name in COLUMNS)
        self._spark.sql(
            f"MERGE INTO {self._table} AS held USING (SELECT {ours}) AS ours ON held.fence = ours.fence {action}"
        )  # parameters of `sql` do not reach into a MERGE

    def place(self, _fence: int) -> str:
        """As `Claims`."""
        return f"the table {self._table}"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except AnalysisException as error:
            raise ConfigError(
                f"lake: {self.lake} cannot hold a table ({telling_line(error)}); create the schema first; "
                f"or for a folder write ./{self.lake}"
            ) from error
        except Exception as error:  # Spark's, Py4J's and Delta's errors share no base class
            raise InfrastructureError(
                f"the lease of {self.lake}, the table {self._table}, cannot be read or written: {telling_line(error)}; see that "
                "it is there and that this user may create and change tables in it"
            ) from error


def _claim(row: Row) -> Claim:
    return Claim(**{name: row[name] for name in COLUMNS})


def _stored(claim: Claim) -> Claim:
    """A claim as the table holds it, which has no column for when a process began."""
    return replace(claim, started=None)


def _literal(value: str | float) -> str:
    return sql_text(value) if isinstance(value, str) else f"{value!r}D" if isinstance(value, float) else str(value).lower()
