"""The wheel, installed by pip, uv and pipx where nothing else is: what it weighs, what it lacks, and that it says so."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from distributions import build

pytestmark = pytest.mark.package
CORE_MB = 640  # on disk, without pip; 584 with pyarrow 25 and pandas 3
IMPORT_SECONDS = 3.0  # of CPU for `from sigmalake import fit`; 1.1 on a quiet machine
EXTRAS = {  # what each verb says where its extra is missing
    "report": (["report", "--lake", "demo/lake", "--to", "r.html"], "sigmalake[report]"),
    "sql": (["sql", "select 1", "--lake", "demo/lake"], "sigmalake[sql]"),
    "workbook": (["portfolio", "held.csv", "--lake", "demo/lake", "--to", "o.xlsx"], "sigmalake[excel]"),
    "export": (["export", "--lake", "demo/lake", "--as", "excel", "--variant", "ewma", "--to", "o.xlsx"], "sigmalake[excel]"),
    "spark": (["run", "--config", "demo/demo.yaml", "--engine", "spark"], "sigmalake[spark]"),
    "lineage": (["run", "--config", "demo/demo.yaml", "--set", "lineage.namespace=risk"], "sigmalake[lineage]"),
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the wheel, the tools that install it, and an environment `core` that holds it alone, with a demo's lake."""
    folder = tmp_path_factory.mktemp("installed")
    wheel = build(tmp_path_factory.mktemp("package")).wheel
    venv.create(folder / "tools", with_pip=True)
    run(folder, "tools/bin/python", "-m", "pip", "install", "--quiet", "uv>=0.5,<1", "pipx>=1.7,<2")
    run(folder, "tools/bin/uv", "venv", "--quiet", "--python", sys.executable, "core")
    run(folder, "tools/bin/uv", "pip", "install", "--quiet", "--python", "core/bin/python", wheel)
    run(folder, "core/bin/sigmalake", "demo", "demo")
    (folder / "held.csv").write_text("asset_id,weight\nA0001,1.0\n")
    return folder, wheel


def run(folder: Path, program: str, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """A program of the folder, in it, with an environment that knows of no other Python."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL", "JAVA", "SPARK"))}
    env = kept | {"PATH": f"{folder / 'tools/bin'}:/usr/bin:/bin", "HOME": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [folder / program, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=1200, check=False
    )
    assert done.returncode == code, f"{program} {arguments}: {done.stdout}{done.stderr}"
    return done


def test_the_core_is_small_and_has_no_spark(installed):
    folder, _ = installed
    listed = run(folder, "tools/bin/uv", "pip", "list", "--python", "core/bin/python").stdout
    names = {line.split()[0] for line in listed.splitlines()[2:]}
    assert not {"pyspark", "py4j", "delta-spark", "plotly", "duckdb", "xlsxwriter", "openlineage-python"} & names
    (pandas,) = (line.split()[1] for line in listed.splitlines() if line.startswith("pandas "))
    assert int(pandas.split(".")[0]) >= 3  # no limit of pyspark's
    megabytes = sum(file.stat().st_blocks * 512 for file in (folder / "core").rglob("*") if file.is_file()) / 2**20
    print(f"{len(names)} packages, {megabytes:.0f} MB")
    assert megabytes < CORE_MB


def test_the_first_import_is_quick(installed):
    folder, _ = installed
    imports = ("from sigmalake import fit", "import sigmalake")
    spent = [run(folder, "core/bin/python", "-c", f"{one}; import time; print(time.process_time())").stdout for one in imports]
    seconds, bare = map(float, spent)
    print(f"fit: {seconds:.2f} s, sigmalake: {bare:.2f} s of CPU")
    assert seconds < IMPORT_SECONDS
    assert bare < IMPORT_SECONDS / 10


@pytest.mark.parametrize("verb", EXTRAS)
def test_a_verb_without_its_extra_names_it_and_ends_with_3(installed, verb):
    folder, _ = installed
    arguments, extra = EXTRAS[verb]
    said = run(folder, "core/bin/sigmalake", *arguments, code=3)
    assert said.stdout == ""
    assert f"pip install '{extra}'" in said.stderr


def test_uv_runs_it_without_installing_it(installed):
    folder, wheel = installed
    tool = ("tools/bin/uv", "tool", "run", "--quiet", "--python", sys.executable)
    assert run(folder, *tool, "--from", wheel, "sigmalake", "--version").stdout.startswith("sigmalake ")
    asked = ("sql", "select count(*) as n from releases", "--lake", "demo/lake", "--output", "csv")
    assert run(folder, *tool, "--from", f"sigmalake[sql] @ {wheel.as_uri()}", "sigmalake", *asked).stdout == '"n"\n1\n'


def test_pipx_runs_and_installs_it(installed):
    folder, wheel = installed
    run(folder, "tools/bin/pipx", "install", "--quiet", "--python", sys.executable, wheel)
    assert run(folder, ".local/bin/sigmalake", "--version").stdout.startswith("sigmalake ")
    assert run(folder, "tools/bin/pipx", "run", "--spec", wheel, "sigmalake", "--version").stdout.startswith("sigmalake ")
