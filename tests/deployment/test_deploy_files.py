"""Files of deploy/, as far as any machine can check them."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from sigmalake.config.model import load_config

DEPLOY = Path(__file__).parents[2] / "deploy"
FAKE = '#!/bin/sh\necho "$@" >>{calls}\nexit $(sed -n "$(wc -l <{calls})p" {codes})\n'


@pytest.fixture
def daily(tmp_path):
    """Runs deploy/run-daily with a `sigmalake` that ends with these codes in turn: the last code, its calls, the alerts."""

    def run(*codes, **environment):
        (tmp_path / "codes").write_text("".join(f"{code}\n" for code in codes))
        command, alert = tmp_path / "sigmalake", tmp_path / "alert"
        command.write_text(FAKE.format(calls=tmp_path / "calls", codes=tmp_path / "codes"))
        alert.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path / "alerts"}\n')
        for script in (command, alert):
            script.chmod(0o755)
        given = {"SIGMALAKE": str(command), "ALERT": str(alert), "PAUSE": "0", **environment}
        done = subprocess.run(
            [DEPLOY / "run-daily", "m.yaml"], env=os.environ | given, capture_output=True, timeout=60, check=False
        )
        alerts = (tmp_path / "alerts").read_text() if (tmp_path / "alerts").exists() else ""
        return done.returncode, (tmp_path / "calls").read_text().splitlines(), alerts

    return run


@pytest.mark.parametrize(
    ("codes", "ends_with", "tries", "alerts"),
    [
        ((0,), 0, 1, ""),
        ((1, 0), 1, 1, "1 m.yaml\n"),
        ((2, 0), 2, 1, "2 m.yaml\n"),
        ((3, 3, 0), 0, 3, ""),
        ((3, 3, 3, 3, 0), 3, 4, "3 m.yaml\n"),
        ((143, 0), 143, 1, ""),
    ],
)
def test_a_daily_run_tries_again_after_exit_code_3_alone(daily, codes, ends_with, tries, alerts):
    code, calls, told = daily(*codes)
    assert (code, len(calls), told) == (ends_with, tries, alerts)
    assert calls[0] == "run --config m.yaml --wait 600 --log-format json"


def test_a_signal_reaches_the_run_which_ends_as_it_wants(tmp_path):
    command = tmp_path / "sigmalake"
    command.write_text(f'#!/bin/bash\ntrap "exit 143" TERM\ntouch {tmp_path}/began\nfor i in $(seq 200); do sleep 0.1; done\n')
    command.chmod(0o755)
    process = subprocess.Popen([DEPLOY / "run-daily", "m.yaml"], env=os.environ | {"SIGMALAKE": str(command)})
    for _ in range(600):
        if (tmp_path / "began").exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143


def test_the_spark_application_fits_the_operators_schema():
    schema = json.loads((Path(__file__).parent / "schemas/sparkapplication.json").read_text())
    application = yaml.safe_load((DEPLOY / "kubernetes/sparkapplication.yaml").read_text())
    Draft202012Validator(schema).validate(application)
    wrong = application | {"spec": application["spec"] | {"mainFile": "x"}}
    assert not Draft202012Validator(schema).is_valid(wrong)


def test_systemd_takes_the_units(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("this machine has no systemd")
    for unit in (DEPLOY / "systemd").iterdir():
        text = re.sub(r"(?m)^ExecStart=/srv\S+", "ExecStart=/bin/true", unit.read_text())
        (tmp_path / unit.name).write_text(text)
    units = sorted(tmp_path.iterdir())
    assert [unit.name for unit in units] == ["sigmalake-alert.service", "sigmalake.service", "sigmalake.timer"]
    said = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, timeout=60, check=False)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
    ours = units[1]
    ours.write_text(ours.read_text().replace("Restart=", "Restrat="))
    assert "Restrat" in subprocess.run(["systemd-analyze", "verify", ours], capture_output=True, text=True, check=False).stderr


def test_lines_of_the_crontab_are_shell():
    lines = [line for line in (DEPLOY / "cron/sigmalake").read_text().splitlines() if re.match(r"\d", line)]
    assert len(lines) == 2
    for line in lines:
        *when, user, command = line.split(maxsplit=6)
        assert [bool(re.fullmatch(r"[\d*,/-]+", part)) for part in when] == [True] * 5
        assert user == "sigmalake"
        assert subprocess.run(["bash", "-nc", command], check=False).returncode == 0
        assert "%" not in command  # cron would take it for the end of the line


def test_the_model_of_the_compose_file_is_a_configuration():
    assert load_config(DEPLOY / "docker/model.yaml").lake == "s3://risk/lake"
