"""The session and its settings, each with its reason."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

STATIC = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}

LOCAL = {
    "spark.master": "local[*, 3]",  # a task whose Python worker dies is tried again, as on a cluster
    "spark.driver.memory": "4g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.redaction.regex": "(?i)secret|password|passphrase|token|credential|key",  # not shown in its logs
    # Arrow would check every index that Spark's own code asks it for; what that costs was not measured alone
    "spark.driver.extraJavaOptions": "-Darrow.enable_unsafe_memory_access=true",
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.warehouse.dir": "spark-warehouse",
}

RUNTIME = {
    "spark.sql.legacy.parquet.nanosAsLong": "true",  # what pandas writes is read, and made timestamps in `sources`
    "parquet.page.verify-checksum.enabled": "true",  # a byte that a disk has changed is an error, and never a number
    "spark.sql.session.timeZone": "UTC",  # a DATE is a DATE wherever the job runs
    "spark.sql.ansi.enabled": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.databricks.delta.snapshotPartitions": "2",  # 50, the default, makes each commit some 7 s slower
    "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "1000000",  # packing: a group a date, rows in order
    "spark.sql.files.maxPartitionBytes": "32m",  # some dozen tasks: a lost one costs little
    "spark.sql.constraintPropagation.enabled": "false",  # a style renamed beside a check of all styles doubles what it derives
    "spark.sql.debug.maxToStringFields": "100",  # no warning about wide plans
    "spark.sql.parquet.columnarReaderBatchSize": "64",  # rows of a packed table are large; see `fit_batches`
    "spark.sql.execution.arrow.maxRecordsPerBatch": "64",
    "spark.sql.execution.arrow.maxBytesPerBatch": "2147483647",  # no bound: Spark would add a batch up after each of its rows
    "spark.sql.codegen.hugeMethodLimit": "8000",  # of bytecode: the JVM compiles no longer method, each row would be interpreted
}

JARS = "spark.jars"
BATCH_BYTES = 32 << 20  # of packed rows that the reader, and the Python worker, hold at a time
MOST_ROWS = 4096  # Spark's own default for flat rows


def local_session(
    jars: Sequence[Path], settings: Mapping[str, object], jvm_options: Mapping[str, str] = MappingProxyType({})
) -> SparkSession:
    """Start a session on this machine.

    Args:
        jars: Delta's; those that the user's settings name come after them.
        settings: of the user, which win over ours.
        jvm_options: settings that start this machine's JVM faster.
    """
    chosen = {**LOCAL, **STATIC, **jvm_options}
    chosen.update({key: _text(value) for key, value in settings.items() if key != JARS})
    chosen[JARS] = ",".join([*(str(jar) for jar in jars), *filter(None, [_text(settings.get(JARS, ""))])])
    builder = SparkSession.builder.appName("sigmalake")
    for key, value in chosen.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    prepare(spark, settings)
    return spark


def found_session() -> SparkSession | None:
    """The session that this process has, classic or of Spark Connect, whoever made it; None where there is none that runs."""
    try:
        spark = SparkSession.active()
        runs = bool(spark.version)
    except (PySparkRuntimeError, AttributeError):  # there is none; its context was stopped, and it not
        return None
    return spark if runs else None


def given_session(*, remote: bool) -> SparkSession:
    """The session of spark-submit or of a platform; or one on the server that SPARK_REMOTE names, whose statics are its own."""
    builder = SparkSession.builder.appName("sigmalake")
    for key, value in {} if remote else STATIC.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def prepare(spark: SparkSession, settings: Mapping[str, object]) -> None:
    """Set what a session of our own takes while it runs; the user's settings win."""
    for key, value in RUNTIME.items():
        if key not in settings:
            spark.conf.set(key, value)


def of_a_run(settings: Mapping[str, object]) -> dict[str, str]:
    """What a session of somebody else's is to have while a run lasts; the user's settings win."""
    return RUNTIME | {key: _text(value) for key, value in settings.items()}


@contextmanager
def held_settings(spark: SparkSession, settings: Mapping[str, str]) -> Iterator[list[str]]:
    """Have a running session keep some settings in here, and those it had after; yields the names of those that it refuses."""
    before: dict[str, str | None] = {}
    for name, value in settings.items():
        if _in_time(spark, name):
            old = spark.conf.get(name, None)
            if set_where_taken(spark, name, value):
                before[name] = old
    try:
        yield [name for name in settings if name not in before]
    finally:
        for name, old in before.items():
            with suppress(Exception):  # the session is gone
                spark.conf.unset(name) if old is None else spark.conf.set(name, old)


def set_where_taken(spark: SparkSession, name: str, value: str) -> bool:
    """Set a setting on a running session, unless that refuses it, as platforms do with most."""
    try:
        spark.conf.set(name, value)
    except Exception:  # refusals share no base class
        return False
    return True


def _in_time(spark: SparkSession, name: str) -> bool:
    """Whether a setting can still do something; of Spark's core a running session takes some, and never looks at them."""
    own = name.startswith("spark.") and not name.startswith(("spark.sql.", "spark.databricks."))
    return not own or bool(spark.conf.isModifiable(name))


def fit_batches(spark: SparkSession, row_bytes: int) -> int:
    """Bound the rows that Parquet's reader and Arrow hold at a time by the width of a row; returns the rows a batch.

    The default of 4,096 rows a batch dies of memory when a row is a date of 10,000 assets x 40 styles (3.5 MB).
    """
    rows = max(1, min(MOST_ROWS, BATCH_BYTES // max(row_bytes, 1)))
    for name in ("spark.sql.parquet.columnarReaderBatchSize", "spark.sql.execution.arrow.maxRecordsPerBatch"):
        set_where_taken(spark, name, str(rows))
    return rows


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
