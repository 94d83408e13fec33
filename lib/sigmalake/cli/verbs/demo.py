"""The verb `demo`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigmalake.cli.contexts import writing_context
from sigmalake.cli.setup.runtime import delta_jars, find_java, jars_folder
from sigmalake.cli.setup.spark_packages import check_spark_packages
from sigmalake.cli.terminal import say, show
from sigmalake.errors import InfrastructureError

if TYPE_CHECKING:
    from sigmalake.demo.run import Demo


class DemoEngine(StrEnum):
    """Which engines the demo runs on."""

    LOCAL = "local"
    SPARK = "spark"
    BOTH = "both"


def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the generated panel and the lakes go.")] = Path(
        "lakes/demo"
    ),
    detail: Annotated[bool, typer.Option("--detail", help="Also show the statistics of what was recovered.")] = False,
    engine: Annotated[
        DemoEngine, typer.Option(metavar="local|spark|both", help="What moves the rows; both: one after the other, compared.")
    ] = DemoEngine.LOCAL,
) -> None:
    """The whole flow on a generated market with known truth.

    Shows how near the truth the model comes, and where its tables are.
    """
    from sigmalake.demo import run as demo_run

    if engine is DemoEngine.SPARK:
        check_spark_packages(f"--engine {engine}")
    prepared = demo_run.prepare_demo(folder, say)
    if engine is not DemoEngine.SPARK:
        _run_demo(prepared, "local")
        _report_demo(prepared, detail=detail)
    if engine is DemoEngine.LOCAL or (engine is DemoEngine.BOTH and not _spark_is_ready()):
        return
    on_spark = prepared.on("spark")
    _run_demo(on_spark, "spark")
    _compare_demo(prepared, on_spark, detail=detail)


def _run_demo(prepared: "Demo", engine: str) -> None:
    from sigmalake.stages.run import run as run_all

    with writing_context(str(prepared.config_file), [f"lake={prepared.lake}"], engine=engine) as context:
        run_all(context)


def _report_demo(prepared: "Demo", *, detail: bool) -> None:
    from sigmalake.demo.first_report import first_report
    from sigmalake.demo.page import page_of
    from sigmalake.demo.run import detailed_report

    show(first_report(prepared))
    if detail:
        show("\n" + detailed_report(prepared, jars_folder()))
    show("\n" + page_of(prepared))


def _compare_demo(local: "Demo", on_spark: "Demo", *, detail: bool) -> None:
    """How the two lakes compare; the report of Spark's, where there is no other."""
    from sigmalake.demo.first_report import compared
    from sigmalake.demo.page import page_of

    if local.lake.is_dir():
        show("\n" + compared(local, on_spark))
        show("\n" + page_of(local))
    else:
        _report_demo(on_spark, detail=detail)


def _spark_is_ready() -> bool:
    """Whether there are pyspark, a Java and Delta's JARs; says so where there are not."""
    try:
        check_spark_packages(f"--engine {DemoEngine.BOTH}")
        find_java()
        delta_jars()
    except InfrastructureError as error:
        show(f"\nSpark was left out: {error}.")
        return False
    return True
