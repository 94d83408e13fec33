"""The session and its settings, each with its reason."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

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
    # Arrow would check every index that Spark's own code asks it for; what that costs was not measured alone
    "spark.driver.extraJavaOptions": "-Darrow.enable_unsafe_memory_access=true",
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.warehouse.dir": "spark-warehouse",
}

RUNTIME = {
    "spark.sql.legacy.parquet.nanosAsLong": "true",  # what pandas writes is read, and made timestamps in `sources`
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

BATCH_BYTES = 32 << 20  # of packed rows that the reader, and the Python worker, hold at a time
MOST_ROWS = 4096  # Spark's own default for flat rows


def local_session(
    jars: Sequence[Path], settings: Mapping[str, object], jvm_options: Mapping[str, str] = MappingProxyType({})
) -> SparkSession:
    """Start a session on this machine.

    Args:
        jars: Delta's.
        settings: of the user, which win over ours.
        jvm_options: settings that start this machine's JVM faster.
    """
    chosen = {**LOCAL, **STATIC, "spark.jars": ",".join(str(jar) for jar in jars), **jvm_options}
    chosen.update({key: _text(value) for key, value in settings.items()})
    builder = SparkSession.builder.appName("sigmalake")
    for key, value in chosen.items():
        builder = builder.config(key, value)
    return prepare(builder.getOrCreate(), settings)


def submitted_session(settings: Mapping[str, object]) -> tuple[SparkSession, list[str]]:
    """The session of spark-submit or of the platform, and the user's settings that come too late for it.

    Delta must be on its classpath.
    """
    builder = SparkSession.builder.appName("sigmalake")
    for key, value in STATIC.items():
        builder = builder.config(key, value)
    spark = prepare(builder.getOrCreate(), settings)
    late = [key for key in settings if not spark.conf.isModifiable(key)]
    for key in settings.keys() - set(late):
        spark.conf.set(key, _text(settings[key]))
    return spark, late


def prepare(spark: SparkSession, settings: Mapping[str, object]) -> SparkSession:
    """Set what can be set on a running session; the user's settings win."""
    for key, value in RUNTIME.items():
        if key not in settings:
            spark.conf.set(key, value)
    return spark


def fit_batches(spark: SparkSession, row_bytes: int) -> int:
    """Bound the rows that Parquet's reader and Arrow hold at a time by the width of a row; returns the rows a batch.

    The default of 4,096 rows a batch dies of memory when a row is a date of 10,000 assets x 40 styles (3.5 MB).
    """
    rows = max(1, min(MOST_ROWS, BATCH_BYTES // max(row_bytes, 1)))
    spark.conf.set("spark.sql.parquet.columnarReaderBatchSize", str(rows))
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(rows))
    return rows


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
