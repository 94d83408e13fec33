"""
The same model on a cluster
===========================

One configuration, run by the local engine and then by Spark on a standalone cluster of this machine: a master and two workers.
The tables are the same. Spark needs a Java; where there is none, the page says so and shows the local run alone.
"""

# %%
# The model is the country factor of the first example, as a file.

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

from sigmalake import open_release

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
# On a cluster. `scripts/cluster start` prints the address of the master, and the job is the one that a real cluster would get.


def on_cluster() -> Path | None:
    from sigmalake.cli.setup.runtime import delta_jars, find_java  # noqa: PLC0415

    submit = Path(sys.executable).parent / "spark-submit"
    try:
        java, jars = find_java(), ",".join(map(str, delta_jars()))
    except Exception as missing:
        print(f"Spark was left out: {missing}")
        return None
    subprocess.run([repository / "scripts/package"], cwd=repository, check=True, capture_output=True)
    package = next((repository / "dist").glob("sigmalake-*.zip"))
    started = subprocess.run([repository / "scripts/cluster", "start"], capture_output=True, text=True, check=True)
    try:
        lake = folder / "spark"
        job = [
            submit,
            "--master",
            started.stdout.strip(),
            "--jars",
            jars,
            "--py-files",
            package,
            "--conf",
            "spark.executor.memory=1g",
        ]
        job += [repository / "jobs/run_model.py", "--config", config, "--set", f"lake={lake}"]
        environment = {
            "JAVA_HOME": str(java),
            "PYSPARK_PYTHON": sys.executable,
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        }
        print(subprocess.run(job, capture_output=True, text=True, check=True, env=environment).stdout)
        return lake
    finally:
        subprocess.run([repository / "scripts/cluster", "stop"], check=False, capture_output=True)


on_spark = on_cluster() if shutil.which("bash") else None

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
