"""
The same model on a cluster
===========================

One configuration, run by the local engine and then by Spark on a cluster of this machine: a master and two workers.
The tables are the same. Spark needs a Java; where there is none, the page says so and shows the local run alone.
"""

# %%
# The model is the country factor of the first example, as a file.

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

from sigmalake import open_release
from sigmalake.errors import SigmalakeError

here = Path.cwd()
repository = next(folder for folder in (here, *here.parents) if (folder / "conf/data").is_dir())
config = repository / "conf/country_usa.yaml"
folder = Path(tempfile.mkdtemp())
print(config.read_text(encoding="utf-8")[-1200:])

# %%
# On this machine, by the local engine:

local = [
    sys.executable,
    "-m",
    "sigmalake",
    "run",
    "--config",
    str(config),
    "--engine",
    "local",
    "--set",
    f"lake={folder / 'local'}",
]
said = subprocess.run(local, capture_output=True, text=True, check=True, cwd=repository)
print(said.stdout)

# %%
# On a cluster. `local-cluster[2,1,1024]` has Spark start a master and two workers with a core and 1 GB each, as processes of their
# own. On a real cluster the master's address stands there, and nothing else changes: the package goes to the executors as a zip
# file, and the job is one of `jobs/`.


def on_cluster() -> Path | None:
    from sigmalake.cli.setup.runtime import delta_jars, find_java

    try:
        java, jars = find_java(), ",".join(map(str, delta_jars()))
    except SigmalakeError as missing:
        print(f"Spark was left out: {missing}")
        return None
    package = shutil.make_archive(str(folder / "sigmalake"), "zip", repository / "lib", "sigmalake")
    job = [
        Path(sys.executable).parent / "spark-submit",
        "--master",
        "local-cluster[2,1,1024]",
        "--jars",
        jars,
        "--py-files",
        package,
    ]
    job += ["--conf", "spark.driver.host=127.0.0.1", repository / "jobs/run_model.py"]
    job += ["--config", config, "--set", f"lake={folder / 'spark'}"]
    environment = os.environ | {"JAVA_HOME": str(java), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    said = subprocess.run(job, capture_output=True, text=True, check=True, env=environment).stdout
    print("\n".join(said.splitlines()[-4:]))  # what comes before is progress
    return folder / "spark"


on_spark = on_cluster()

# %%
# Both lakes hold the same numbers, to the last bit:

first = open_release(folder / "local").factor_returns()
lakes = {"local engine": first}
if on_spark is not None:
    lakes["cluster"] = open_release(on_spark).factor_returns()
    print(np.array_equal(first.to_numpy(), lakes["cluster"].to_numpy()))

figure = go.Figure(layout={"height": 340, "margin": {"t": 30}})
for (name, returns), size in zip(lakes.items(), (14, 7), strict=False):
    figure.add_scatter(x=returns.index, y=100 * returns["USA"], mode="markers", name=name, marker={"size": size})
figure.update_yaxes(title="USA, % a month")
