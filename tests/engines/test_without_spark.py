"""What is installed without the extra [spark]: a whole model, and a message where Spark is named."""

import subprocess
import sys

from processes import run, small_model

HIDDEN = "import sys; sys.modules.update(dict.fromkeys(['pyspark', 'py4j', 'delta']))\n"  # importing them fails
WITHOUT_SPARK = HIDDEN + "from sigmalake.cli.app import main; main()"


def test_every_module_but_those_of_spark_can_be_imported_without_it():
    program = HIDDEN + (
        "import importlib, pkgutil, sigmalake\n"
        "for module in pkgutil.walk_packages(sigmalake.__path__, 'sigmalake.'):\n"
        "    try:\n"
        "        module.name == 'sigmalake.__main__' or importlib.import_module(module.name)\n"
        "    except ModuleNotFoundError as error:\n"
        "        print(module.name, error.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    failed = dict(line.split(" ", maxsplit=1) for line in done.stdout.splitlines())
    of_spark = {name for name in failed if name.startswith("sigmalake.engines.spark.")}
    assert failed.keys() - of_spark == {"sigmalake.cli.archive_classes"}
    assert "sigmalake.engines.spark.engine" in of_spark
    assert {name.split(".")[0] for name in failed.values()} == {"pyspark"}  # and not py4j, which Spark Connect does without


def test_a_whole_model_runs_without_pyspark_and_the_spark_engine_names_the_extra(tmp_path):
    config = small_model(tmp_path, n_assets=30, n_dates=40)
    refused = run("run", "--config", config, "--engine", "spark", script=WITHOUT_SPARK)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr == (
        "error: Spark is to run (--engine), but pyspark is not installed; `pip install 'sigmalake[spark]'` brings it\n"
    )
    assert not (tmp_path / "lake").exists()
    done = run("run", "--config", config, script=WITHOUT_SPARK)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lake" / "releases").is_dir()
