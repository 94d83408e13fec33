"""The DAGs, run by `airflow dags test` in an environment of their own, on a small model of the test's own."""

import json
import subprocess

import pytest
from environments import AIRFLOW, ROOT, environment, own, python_of_tests

from processes import small_model
from sigmalake.cli.setup.runtime import delta_jars, find_java
from sigmalake.reader.open_release import open_release

pytestmark = pytest.mark.deploy
DAGS = ROOT / "deploy/airflow"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory):
    """Runs `airflow ARGUMENTS` with a database of its own; more environment as keywords."""
    bin_folder, home = environment("airflow", *AIRFLOW), tmp_path_factory.mktemp("airflow")
    command = home / "sigmalake"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT / "lib"} exec {python_of_tests()} -m sigmalake "$@"\n')
    command.chmod(0o755)
    settings = {"HOME": str(home), "AIRFLOW_HOME": str(home), "SIGMALAKE": str(command), "SIGMALAKE_MAX_AGE": "9999w"}
    settings |= {"AIRFLOW__CORE__DAGS_FOLDER": str(DAGS), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}

    def run(*arguments, **environment_variables):
        env = own(bin_folder.parent, **settings, **environment_variables)
        env["PATH"] = f"{bin_folder}:{python_of_tests().parent}:{env['PATH']}"
        return subprocess.run(
            [bin_folder / "airflow", *arguments], env=env, capture_output=True, text=True, timeout=1200, check=False, cwd=home
        )

    migrated = run("db", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    return run


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("model"), n_assets=20, n_dates=24)


def outcome_of(airflow, dag, config, **environment_variables):
    done = airflow("dags", "test", dag, SIGMALAKE_CONFIG=str(config), **environment_variables)
    return done.returncode, done.stdout + done.stderr


def test_the_local_dag_makes_a_release(airflow, config):
    code, said = outcome_of(airflow, "sigmalake_local", config)
    assert code == 0, said
    assert open_release(str(config.parent / "lake")).release_id == "2024-02-01.1"


def test_a_run_that_is_refused_is_not_tried_again(airflow, config, tmp_path):
    wrong = tmp_path / "model.yaml"
    wrong.write_text(config.read_text().replace("model: small", "modl: small"))
    _, said = outcome_of(airflow, "sigmalake_local", wrong)
    assert "ended with exit code 2" in said
    assert "up_for_retry" not in said.lower()


def test_the_spark_dag_submits_the_run(airflow, tmp_path):
    config = small_model(tmp_path, n_assets=20, n_dates=24)
    cluster = {"conn_type": "spark", "host": "local[2]", "extra": json.dumps({"spark-binary": "spark-submit"})}
    settings = {
        "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps(cluster),
        "SIGMALAKE_JOBS": str(ROOT / "jobs"),
        "SIGMALAKE_JARS": ",".join(map(str, delta_jars())),
        "JAVA_HOME": str(find_java()),
        "PYSPARK_PYTHON": str(python_of_tests()),
        "PYTHONPATH": str(ROOT / "lib"),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    code, said = outcome_of(airflow, "sigmalake_spark", config, **settings)
    assert code == 0, said[-4000:]
    assert open_release(str(tmp_path / "lake")).release_id == "2024-02-01.1"
