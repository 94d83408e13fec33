"""Other versions of Spark, Java and Python: a model is the one of the local engine here, to the last bit.

Each is installed once into a folder of its own under sigmalake's cache; a pyspark in front of what .venv has.
"""

import os
import shutil
import site
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from lakes import differences
from processes import run, small_model
from sigmalake.cli.setup.runtime import cache_folder, java_version
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.records import SOURCE_PRINTS

pytestmark = pytest.mark.versions

ROOT = Path(__file__).parents[2]
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


def another(python: Path, release: str) -> Path:
    """An environment of another Python with what sigmalake needs for Spark, at the versions that are here."""
    folder = cache_folder() / "versions" / f"python-{release}"
    own = folder / "bin" / "python"
    if not (folder / "made").exists():
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        here = [f"{one.name}=={one.version}\n" for one in distributions() if one.name != "sigmalake"]
        (folder / "constraints.txt").write_text("".join(here))
        pip = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", folder / "constraints.txt"]
        subprocess.run([*pip, f"{ROOT}[spark]"], check=True)
        (folder / "made").touch()
    return own


def run_on(python: Path, engine: str, config: Path, lake: Path, java: Path | None = None) -> str:
    """What a run says on stderr."""
    call = [python, "-m", "sigmalake", "run", "--config", config, "--engine", engine, "--set", f"lake={lake}", *SMALL]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYSPARK_", "SPARK_"))}
    environment |= {"PYTHONPATH": str(ROOT / "lib")} | ({} if java is None else {"JAVA_HOME": str(java)})
    done = subprocess.run(list(map(str, call)), capture_output=True, text=True, timeout=1800, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("spark", SPARKS)
def test_a_model_on_this_spark_is_that_of_the_local_engine(spark, local, tmp_path):
    python = python_with(spark)
    asked = "import pyspark; from sigmalake.cli.setup.runtime import delta_jars; print(pyspark.__version__, delta_jars()[0].name)"
    told = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert told == [spark, f"delta-spark_{spark[:3]}_2.13-4.4.0.jar"]
    run_on(python, "spark", local, tmp_path / "lake")
    assert differences(tmp_path / "lake", local.parent / "lake", COMPARED) == []


@pytest.mark.parametrize("release", [21, 25])
def test_a_model_on_this_java_is_that_of_the_local_engine(release, local, tmp_path):
    homes = [Path(home) for pattern in ("/usr/lib/jvm/*", "/opt/*jdk*", "/opt/java/*") for home in Path("/").glob(pattern[1:])]
    found = [home for home in homes if (java_version(home) or (0,))[0] == release]
    if not found:
        pytest.skip(f"no Java {release} is installed")
    run_on(Path(sys.executable), "spark", local, tmp_path / "lake", found[0])
    assert differences(tmp_path / "lake", local.parent / "lake", COMPARED) == []


@pytest.mark.parametrize("release", ["3.12", "3.13", "3.14"])
def test_a_model_by_this_python_is_the_same_on_either_engine(release, local, tmp_path):
    found = next(iter(sorted(Path.home().glob(f".pyenv/versions/{release}.*/bin/python"))), shutil.which(f"python{release}"))
    if found is None:
        pytest.skip(f"no Python {release} is installed")
    python = another(Path(found), release)
    for engine in ("local", "spark"):
        run_on(python, engine, local, tmp_path / engine)
        assert differences(tmp_path / engine, local.parent / "lake", COMPARED) == [], engine
