"""Environments of their own for the tools that read files of deploy/; made once, in the folder of the caches."""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from sigmalake.cli.setup.runtime import cache_folder

ROOT = Path(__file__).parents[2]
AIRFLOW = ("apache-airflow>=3.1,<4", "apache-airflow-providers-apache-spark>=5,<7")
SCHEMAS = ("kubernetes-validate>=1.31,<2", "databricks-bundles>=1,<2", "PyYAML>=6,<7", "jsonschema>=4.23,<5")
COMPOSE = "github.com/compose-spec/compose-go/v2@v2.16.2"  # brings the schema of compose files


def environment(name: str, *requirements: str) -> Path:
    """The `bin` folder of an environment with these packages."""
    folder = cache_folder() / "environments" / name
    made = folder / "made-from"
    if not made.exists() or made.read_text() != repr(requirements):
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        command = [folder / "bin/python", "-m", "pip", "install", "--quiet", "uv>=0.5,<1"]
        subprocess.run(command, check=True, timeout=600)
        subprocess.run([folder / "bin/uv", "pip", "install", "--quiet", *requirements], check=True, timeout=1800, env=own(folder))
        made.write_text(repr(requirements))
    return folder / "bin"


def own(folder: Path, **more: str) -> dict[str, str]:
    """The environment of processes that belong to an environment of Python."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AIRFLOW", "SPARK", "PYSPARK"))}
    return kept | {"VIRTUAL_ENV": str(folder), **more}


def compose_schema() -> dict[str, object]:
    """The JSON Schema of compose files, from the module that reads them."""
    if shutil.which("go") is None:
        pytest.skip("the schema of compose files comes with a module of Go, which is not installed")
    made = subprocess.run(
        ["go", "mod", "download", "-json", COMPOSE], check=True, capture_output=True, text=True, cwd="/", timeout=600
    )
    return json.loads((Path(json.loads(made.stdout)["Dir"]) / "schema/compose-spec.json").read_text())


def python_of_tests() -> Path:
    """The interpreter that runs the tests, whose packages sigmalake uses."""
    return Path(sys.executable)
