"""A Python worker of Spark's local mode that dies is replaced, and its task tried again."""

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.jvm, pytest.mark.fault]

SCRIPT = """
import os, signal, sys
from pathlib import Path
from sigmalake.cli.setup.runtime import delta_jars, prepare_environment, quiet_jvm
prepare_environment()
from sigmalake.engines.spark.session import local_session
mark = Path(sys.argv[1])
def once(batches):
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    yield from batches
with quiet_jvm(mark.with_suffix(".log")):
    spark = local_session(delta_jars(), {"spark.driver.memory": "1g"})
print(spark.range(10).mapInArrow(once, "id long").count())
spark.stop()
"""


def test_a_python_worker_that_dies_is_replaced(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "died")], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "died").exists()
    assert done.stdout.split() == ["10"]
