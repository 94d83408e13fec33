"""Other versions of Spark and of Java: a model is the one of the local engine, to the last bit.

Each pyspark is installed once into an environment of its own under sigmalake's cache, in front of what .venv has.
"""

import os
import site
import subprocess
import sys
from pathlib import Path

import pytest

from lakes import differences
from processes import run, small_model
from sigmalake.cli.setup.runtime import cache_folder, java_version
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.records import SOURCE_PRINTS

pytestmark = pytest.mark.versions

COMPARED = (*MODEL_TABLES, SOURCE_PRINTS)
SPARKS = ("4.0.4", "4.1.4")  # beside the one of .venv, which all other tests run on
SMALL = ("--set", "spark.spark.driver.memory=1g", "--set", "spark.spark.sql.shuffle.partitions=3")


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The configuration of a model that the local engine has made."""
    config = small_model(tmp_path_factory.mktemp("local"), n_assets=24, n_dates=34)
    done = run("run", "--config", config, "--engine", "local")
    assert done.returncode == 0, done.stderr
    return config


def python_with(spark: str) -> Path:
    """A Python that has this pyspark, and all else from the one that runs the tests."""
    folder = cache_folder() / "versions" / f"spark-{spark}-python{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"pyspark=={spark}"], check=True)
        (folder / "made").touch()
    own = Path(next((folder / "lib").glob("python*")), "site-packages")
    (own / "tests.pth").write_text("\n".join([*site.getsitepackages(), ""]))
    return python


def run_on(python: Path, config: Path, lake: Path, java: Path | None = None) -> str:
    """What a run on Spark says on stderr."""
    call = [python, "-m", "sigmalake", "run", "--config", config, "--engine", "spark", "--set", f"lake={lake}", *SMALL]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYSPARK_", "SPARK_"))}
    environment |= {} if java is None else {"JAVA_HOME": str(java)}
    done = subprocess.run(list(map(str, call)), capture_output=True, text=True, timeout=1800, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("spark", SPARKS)
def test_a_model_on_this_spark_is_that_of_the_local_engine(spark, local, tmp_path):
    python = python_with(spark)
    asked = "import pyspark; from sigmalake.cli.setup.runtime import delta_jars; print(pyspark.__version__, delta_jars()[0].name)"
    told = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert told == [spark, f"delta-spark_{spark[:3]}_2.13-4.4.0.jar"]
    run_on(python, local, tmp_path / "lake")
    assert differences(tmp_path / "lake", local.parent / "lake", COMPARED) == []


@pytest.mark.parametrize("release", [21, 25])
def test_a_model_on_this_java_is_that_of_the_local_engine(release, local, tmp_path):
    homes = [Path(home) for pattern in ("/usr/lib/jvm/*", "/opt/*jdk*", "/opt/java/*") for home in Path("/").glob(pattern[1:])]
    found = [home for home in homes if (java_version(home) or (0,))[0] == release]
    if not found:
        pytest.skip(f"no Java {release} is installed")
    run_on(Path(sys.executable), local, tmp_path / "lake", found[0])
    assert differences(tmp_path / "lake", local.parent / "lake", COMPARED) == []
