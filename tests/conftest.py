"""What the tests that need a JVM share: one local Spark session, and a small market with known truth."""

import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from plain_market import write_market_lake
from registered_packages import build_packages
from sigmalake.cli.setup.class_archive import archived_classes
from sigmalake.cli.setup.runtime import delta_jars, prepare_environment, quiet_jvm
from sigmalake.demo.market import Market, generate_market
from sigmalake.numerics.regression.rules import RegressionRules

settings.register_profile("same", derandomize=True)  # a run tells of the code, not of its luck
settings.register_profile("search", derandomize=False)  # --hypothesis-profile=search looks elsewhere each time
settings.load_profile("same")

SPARK_ONLY = re.compile(r"^from (pyspark|sigmalake\.engines\.spark|sigmalake\.cli import archive_classes)\b", re.MULTILINE)
collect_ignore = [  # where the extra [spark] is not installed, as in a Python with pandas 3
    str(file)
    for file in Path(__file__).parent.rglob("test_*.py")
    if find_spec("pyspark") is None and SPARK_ONLY.search(file.read_text(encoding="utf-8"))
]

SESSION = {
    "spark.master": "local[2]",  # two tasks at a time: enough for an order of rows to go wrong
    "spark.driver.memory": "2g",  # two cores' worth of small dates
    "spark.driver.extraJavaOptions": "-Darrow.enable_unsafe_memory_access=true -XX:TieredStopAtLevel=1",  # short jobs: C1 alone
    "spark.sql.shuffle.partitions": "2",  # of a few hundred rows: each more is a task that costs more than its work
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",  # the same, for listing files
    "spark.databricks.delta.snapshotPartitions": "1",  # a log of a dozen entries
    "spark.databricks.delta.stats.collect.using.tableSchema": "true",  # as is the default, said since `Lake` reads these statistics
}


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium of this machine, one for all tests: playwright runs once in a process."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium is installed; scripts/setup.sh --chromium installs one on Debian")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; it is in the extra [test]")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=program, args=[*quiet, "--disable-component-update", "--disable-sync"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def registered_packages(tmp_path_factory):
    """Folders with installed packages whose kernels are registered; no process has them on its path yet."""
    return build_packages(tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("wrong"))


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """The one session of all tests; what its JVM prints goes to a file."""
    from sigmalake.engines.spark.session import local_session

    prepare_environment()
    folder = tmp_path_factory.mktemp("spark")
    places = {"spark.sql.warehouse.dir": str(folder / "warehouse"), "spark.local.dir": str(folder / "local")}
    with quiet_jvm(folder / "spark.log"):
        session = local_session(delta_jars(), {**SESSION, **places}, archived_classes(delta_jars()))
    yield session
    session.stop()


@pytest.fixture(scope="session")
def market() -> Market:
    """Sixty names, eighty dates: listings, delistings, missing returns, names outside the estimation universe."""
    return generate_market(n_assets=60, n_dates=80, n_industries=4, n_styles=2, seed=5)


@pytest.fixture(scope="session")
def lake_market() -> Market:
    """What `plain_market_lake` is of: the factors and asset ids of the demo, smaller."""
    return generate_market(n_assets=100, n_dates=64)


@pytest.fixture(scope="session")
def plain_market_lake(tmp_path_factory, lake_market) -> Path:
    """A lake written without Spark."""
    root = tmp_path_factory.mktemp("plain") / "lake"
    write_market_lake(root, lake_market, ["ewma", "sample"], RegressionRules(min_assets=30))
    return root
