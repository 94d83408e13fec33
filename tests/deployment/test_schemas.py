"""Files of deploy/ against the schemas that the platforms publish; `scripts/test deploy` fetches these."""

import subprocess

import pytest
import yaml
from environments import ROOT, SCHEMAS, compose_schema, environment
from jsonschema import Draft202012Validator

pytestmark = pytest.mark.deploy
DEPLOY = ROOT / "deploy"
JOBS = """
import sys, yaml
from databricks.bundles.jobs import Job
for file in sys.argv[1:]:
    for job in yaml.safe_load(open(file))["resources"]["jobs"].values():
        assert Job.from_dict(job).as_dict() == job
"""


@pytest.fixture(scope="module")
def bin_of_schemas():
    return environment("schemas", *SCHEMAS)


@pytest.mark.parametrize("version", ["1.31", "1.34"])
def test_kubernetes_takes_the_cron_job(bin_of_schemas, version):
    command = [bin_of_schemas / "kubernetes-validate", "--strict", "-k", version, DEPLOY / "kubernetes/cronjob.yaml"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (said.returncode, said.stderr) == (0, "")
    assert "INFO" in said.stdout


def test_kubernetes_refuses_a_misspelt_key(bin_of_schemas, tmp_path):
    wrong = tmp_path / "cronjob.yaml"
    wrong.write_text((DEPLOY / "kubernetes/cronjob.yaml").read_text().replace("backoffLimit", "backofLimit"))
    said = subprocess.run([bin_of_schemas / "kubernetes-validate", "--strict", wrong], capture_output=True, check=False)
    assert said.returncode != 0


def test_databricks_takes_the_jobs_of_the_bundle(bin_of_schemas, tmp_path):
    python, bundle = bin_of_schemas / "python", DEPLOY / "databricks/databricks.yml"
    said = subprocess.run([python, "-c", JOBS, bundle], capture_output=True, text=True, timeout=120, check=False)
    assert (said.returncode, said.stderr) == (0, "")
    wrong = tmp_path / "databricks.yml"
    wrong.write_text(bundle.read_text().replace("max_retries", "max_retry"))
    assert "max_retry" in subprocess.run([python, "-c", JOBS, wrong], capture_output=True, text=True, check=False).stderr


def test_compose_takes_the_file():
    schema, file = Draft202012Validator(compose_schema()), yaml.safe_load((DEPLOY / "docker/compose.yaml").read_text())
    schema.validate(file)
    file["services"]["daily"]["comand"] = "x"
    assert not schema.is_valid(file)
