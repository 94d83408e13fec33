"""Two DAGs of Airflow for one model: `sigmalake_local` runs it on the worker, `sigmalake_spark` submits it to a cluster.

They need apache-airflow 3 with its provider `apache-spark`. sigmalake has an environment of its own, since Airflow pins many
packages: SIGMALAKE names its command, SIGMALAKE_CONFIG the model. For the cluster SIGMALAKE_JOBS is the folder `jobs/`,
SIGMALAKE_ZIP and SIGMALAKE_JARS are what `scripts/package` prints, and the connection `spark_default` is the cluster.
"""

import json
import os
import re
import subprocess
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Context, Param, dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

SIGMALAKE = os.environ.get("SIGMALAKE", "sigmalake")
CONFIG = os.environ.get("SIGMALAKE_CONFIG", "/etc/sigmalake/model.yaml")
JOBS = os.environ.get("SIGMALAKE_JOBS", "/opt/sigmalake/jobs")
MAX_AGE = os.environ.get("SIGMALAKE_MAX_AGE", "4d")  # a Friday's release is as old on a Tuesday after a holiday

RETRY = 3  # the only exit code that a second try can change
DAILY: dict[str, Any] = {
    "schedule": "30 22 * * 1-5",
    "start_date": datetime(2024, 1, 1),
    "catchup": False,  # a run computes every date that is not up to date: there is nothing to catch up with
    "max_active_runs": 1,  # a lake has one writer
    "tags": ["sigmalake"],
    "default_args": {"retries": 3, "retry_delay": timedelta(minutes=2), "retry_exponential_backoff": True},
    "params": {
        "start": Param("", type="string", description="first return date to compute, YYYY-MM-DD; empty: open"),
        "end": Param("", type="string", description="last return date to compute; empty: open"),
    },
}
DATES = ["{{ '--start=' ~ params.start if params.start else '--log-format=text' }}"]
DATES += ["{{ '--end=' ~ params.end if params.end else '--log-format=text' }}"]


def end_of(code: int, what: str) -> None:
    """End a task as its exit code asks: 0 is well, 3 may be tried again, and all else needs a person."""
    if code == RETRY:
        raise AirflowException(f"{what} ended with exit code 3: infrastructure, or another writer; worth a retry")
    if code:
        raise AirflowFailException(f"{what} ended with exit code {code}; its log says what is wrong, and a retry would not help")


def sigmalake(*arguments: str) -> str:
    """Run a verb, with its progress in the task's log; what it prints on stdout."""
    done = subprocess.run([SIGMALAKE, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout)
    end_of(done.returncode, f"sigmalake {arguments[0]}")
    return done.stdout


@task
def run(params: dict[str, str] | None = None) -> dict[str, Any]:
    """Compute what is not up to date; the document of the run is the task's XCom."""
    dates = [f"--{name}={given}" for name, given in (params or {}).items() if given]
    return json.loads(sigmalake("run", "--config", CONFIG, "--wait", "600", "--output", "json", *dates))


@task(retries=0)
def is_fresh() -> None:
    """Fail where the last release is too old, say since the vendor's file has not come for days."""
    sigmalake("status", "--config", CONFIG, "--max-age", MAX_AGE)


class SubmitRun(SparkSubmitOperator):
    """spark-submit in client mode, which ends with the exit code of the run."""

    def execute(self, context: Context) -> None:
        """Submit, and tell apart what is worth a retry."""
        try:
            super().execute(context)
        except AirflowException as error:
            if code := re.search(r"Error code is: (\d+)", str(error)):
                end_of(int(code[1]), "spark-submit")
            raise


@dag(dag_id="sigmalake_local", **DAILY)
def local() -> None:
    """The local engine, on the worker's cores."""
    run() >> is_fresh()


@dag(dag_id="sigmalake_spark", **DAILY)
def spark() -> None:
    """A cluster; the lake and the sources lie where driver and executors both see them."""
    submitted = SubmitRun(
        task_id="run",
        name="sigmalake",
        application=f"{JOBS}/run_model.py",
        application_args=["--config", CONFIG, "--wait", "600", *DATES],
        py_files=os.environ.get("SIGMALAKE_ZIP"),
        jars=os.environ.get("SIGMALAKE_JARS"),
        deploy_mode="client",
    )
    submitted >> is_fresh()


local()
spark()
