"""The JVM's classes, parsed once: an archive beside pyspark that the sessions on this machine map into memory.

A session loads some 20,000 classes of Spark and Delta before its first commit. An archive of them (class data sharing of the JVM)
belongs to one Java, one pyspark and one Delta; it lies in the Python environment that it was made for, and goes with it. Where
there is none, or the JVM refuses it, classes are loaded as ever.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sigmalake.errors import SigmalakeError
from sigmalake.runtime import DELTA_VERSION, delta_jars, find_java, java_version, prepare_environment, quiet_jvm

SHORT_WINDOWS = (  # for the demo's model on 40 dates, which cost next to nothing
    "risk.ewma.factor_cov={half_life: 5, window: 20, corr_half_life: 5, corr_window: 20}",
    "risk.ewma.specific_var={half_life: 5, window: 20}",
    "risk.sample.factor_cov.window=20",
    "risk.sample.specific_var.window=20",
)


def archive_file() -> Path:
    """Where the archive for this environment's pyspark and this machine's Java lies, or would."""
    from importlib.metadata import version  # noqa: PLC0415 - 20 ms that `--help` does without

    java = ".".join(map(str, java_version(find_java()) or ()))
    return Path(sys.prefix, "share", "sigmalake", f"classes-java{java}-spark{version('pyspark')}-delta{DELTA_VERSION}.jsa")


def jvm_options(archive: Path, jars: Sequence[Path]) -> dict[str, str]:
    """Settings of a session whose JVM maps an archive; its class path must begin as that of the JVM that wrote it."""
    return {
        "spark.driver.extraClassPath": os.pathsep.join(map(str, jars)),
        "spark.driver.defaultJavaOptions": f'"-XX:SharedArchiveFile={archive}"',
    }


def make_archive(archive: Path) -> None:
    """Write the archive of what a small model loads from its panel to its release.

    Raises:
        OSError: the folder cannot be written.
        SigmalakeError: no Java, or its JVM did not start.
    """
    prepare_environment()
    from pyspark import SparkContext  # noqa: PLC0415 - after the environment

    from sigmalake.config import load_config  # noqa: PLC0415
    from sigmalake.lake.lake import Lake, Writer  # noqa: PLC0415
    from sigmalake.spark.session import local_session  # noqa: PLC0415
    from sigmalake.stages.context import Context, new_run_id  # noqa: PLC0415
    from sigmalake.stages.demo import prepare_demo  # noqa: PLC0415
    from sigmalake.stages.run import run  # noqa: PLC0415

    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        demo, written = prepare_demo(Path(folder), lambda _: None, n_assets=60, n_dates=40), Path(folder, archive.name)
        config, run_id = load_config(demo.config_file, SHORT_WINDOWS), new_run_id()
        writes = {
            **jvm_options(archive, delta_jars()),
            "spark.driver.defaultJavaOptions": f'"-XX:ArchiveClassesAtExit={written}" -XX:TieredStopAtLevel=1',
        }
        with quiet_jvm(Path(folder, "jvm.log")):
            spark = local_session(delta_jars(), {**writes, "spark.local.dir": folder})
        run(Context(Lake(spark, config.lake, Writer(run_id, config.full_hash(), None)), config, run_id, say=lambda _: None))
        spark.stop()
        jvm = SparkContext._gateway.proc  # pyspark leaves its JVM behind; the archive is whole when that has ended
        jvm.stdin.close()
        jvm.wait()
        written.replace(archive)


def main() -> int:
    """Make the archive where there is none; the exit code."""
    try:
        archive = archive_file()
        if not archive.exists():
            make_archive(archive)
    except (SigmalakeError, OSError) as error:
        print(f"no archive of the JVM's classes; sessions start some seconds later: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
