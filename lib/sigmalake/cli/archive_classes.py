"""Write the archive of the JVM's classes, where there is none: `python -m sigmalake.cli.archive_classes`."""

import sys
import tempfile
from pathlib import Path

from pyspark import SparkContext

from sigmalake.cli.setup.class_archive import archive_stem, archives_folder, find_archive, jvm_options, whole_archive
from sigmalake.cli.setup.runtime import delta_jars, prepare_environment, quiet_jvm
from sigmalake.config.model import load_config
from sigmalake.demo.run import prepare_demo
from sigmalake.engines.spark.engine import SparkEngine
from sigmalake.engines.spark.session import local_session
from sigmalake.errors import SigmalakeError
from sigmalake.stages.context import new_run_id, writing
from sigmalake.stages.run import run

SHORT_WINDOWS = (  # for the demo's model on 40 dates, which cost next to nothing
    "risk.ewma.factor_cov={half_life: 5, window: 20, corr_half_life: 5, corr_window: 20}",
    "risk.ewma.specific_var={half_life: 5, window: 20}",
    "risk.sample.factor_cov.window=20",
    "risk.sample.specific_var.window=20",
)


def make_archive() -> None:
    """Write the archive of what a small model loads from its panel to its release; one that was cut short goes.

    Raises:
        OSError: the folder cannot be written.
        SigmalakeError: no Java, or its JVM did not start.
    """
    prepare_environment()
    archives_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archives_folder()) as folder:
        demo, written = prepare_demo(Path(folder), lambda _: None, n_assets=60, n_dates=40), Path(folder, "classes.jsa")
        config, run_id = load_config(demo.config_file, SHORT_WINDOWS), new_run_id()
        writes = {
            **jvm_options(written, delta_jars()),
            "spark.driver.defaultJavaOptions": f'"-XX:ArchiveClassesAtExit={written}" -XX:TieredStopAtLevel=1',
        }
        with quiet_jvm(Path(folder, "jvm.log")):
            spark = local_session(delta_jars(), {**writes, "spark.local.dir": folder})
        run(writing(SparkEngine(spark, config.lake), config, run_id, say=lambda _: None))
        spark.stop()
        jvm = SparkContext._gateway.proc  # pyspark leaves its JVM behind; the archive is whole when that has ended
        jvm.stdin.close()
        jvm.wait()
        for useless in archives_folder().glob(f"{archive_stem()}*.jsa"):
            useless.unlink()
        written.replace(whole_archive(written.stat().st_size))


def main() -> int:
    """Make the archive where there is none; the exit code."""
    try:
        if find_archive() is None:
            make_archive()
    except (SigmalakeError, OSError) as error:
        print(f"no archive of the JVM's classes; sessions start some seconds later: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
