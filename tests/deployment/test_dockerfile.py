"""The steps of the Dockerfile, run in a root of their own: an overlay on this machine's, which stays as it is.

No image is built, since that needs a daemon and a registry: this machine's root takes the place of the base images, and files that
come from another image are left out.
"""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from environments import own

from distributions import ROOT, build

pytestmark = pytest.mark.deploy
FILE = ROOT / "deploy/docker/Dockerfile"
OVERLAY = """
set -eu
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
cp "$2" "$1/root/steps"
chroot "$1/root" /bin/sh -eux /steps
"""


class Step(NamedTuple):
    """An instruction and what it is given."""

    name: str
    given: str


def stage(target: str) -> list[Step]:
    """The steps of a stage of the Dockerfile."""
    stages: dict[str, list[Step]] = {}
    for line in FILE.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        name, given = line.split(maxsplit=1)
        if name == "FROM":
            steps = stages.setdefault(given.rpartition(" AS ")[2], [])
        else:
            steps.append(Step(name, given))
    return stages[target]


def as_shell(steps: list[Step], context: Path) -> str:
    """What a build would do, with the folder of the context at its place in the new root."""
    lines = []
    for name, given in steps:
        if name == "RUN":
            lines.append(f"( {given} )")
        elif name == "ENV":
            lines += [f"export {part}" for part in given.split(" ")]
        elif name == "WORKDIR":
            lines.append(f"mkdir -p {given} && cd {given}")
        elif name == "COPY" and not given.startswith("--from"):
            source, target = given.split()
            folder = target if target.endswith("/") else str(Path(target).parent)
            lines.append(f"mkdir -p {folder} && cp -R {context}/{source} {target}")
        else:
            assert name in {"COPY", "USER", "STOPSIGNAL", "ENTRYPOINT", "CMD"}, f"{name} is not run by this test"
    return "\n".join(lines)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    built = build(tmp_path_factory.mktemp("context"))
    return built.wheel.parents[1]


@pytest.fixture
def in_new_root(tmp_path):
    """Runs shell in an overlay root; stdout."""
    allowed = shutil.which("unshare") and subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    if not allowed or allowed.returncode:
        pytest.skip("this user may make no root of its own; root may")

    def run(shell):
        (tmp_path / "steps").write_text(shell)
        (tmp_path / "overlay").mkdir()
        command = ["unshare", "--mount", "--pid", "--fork", "bash", "-c", OVERLAY, "-", tmp_path / "overlay", tmp_path / "steps"]
        env = own(tmp_path, PATH="/usr/sbin:/usr/bin:/sbin:/bin")  # the system's Python, which any user may run
        done = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False, env=env)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run


def test_the_image_of_one_machine_runs_a_model(context, in_new_root):
    steps = stage("local")
    entry = " ".join(map(shlex.quote, words_of(steps, "ENTRYPOINT")))
    (user,) = (step.given for step in steps if step.name == "USER")
    demo = f"su {user} -s /bin/sh -c 'PATH={path_of(steps)} {entry} demo /data/demo' >/dev/null"
    said = in_new_root(as_shell(steps, context) + f"\n{demo}\nls /data/demo /data/demo/lake\n{entry} --version\n")
    assert {"report.html", "releases", "factor_returns"} <= set(said.split())
    assert re.search(r"^sigmalake \d", said, re.MULTILINE)
    assert not Path("/opt/sigmalake/bin/sigmalake").exists()


def test_the_image_of_a_cluster_has_the_package_and_deltas_jars(context, in_new_root):
    look = "ls /opt/sigmalake/jars /opt/sigmalake/jobs\n/opt/sigmalake/bin/pip list 2>/dev/null\n"
    said = in_new_root(f"{as_shell(stage('spark'), context)}\n{look}")
    assert {"delta-storage-4.4.0.jar", "run_model.py", "sigmalake"} <= set(said.split())
    assert "pyspark" not in said.split()  # it is the base image's


def words_of(steps: list[Step], name: str) -> list[str]:
    """The words of an instruction in the form of a list."""
    (given,) = (step.given for step in steps if step.name == name)
    return re.findall(r'"([^"]*)"', given)


def path_of(steps: list[Step]) -> str:
    """The PATH that the image sets, with a usual one behind it."""
    found = re.search(r"\bPATH=(\S+)", " ".join(step.given for step in steps if step.name == "ENV"))
    assert found is not None
    return found[1].replace("$PATH", "/usr/local/bin:/usr/bin:/bin")
