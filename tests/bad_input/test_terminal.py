"""The command as a user's shell sees it: what goes to which stream, and the exit codes."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from small_panel import CONFIG, small_panel, swapped, written

from sigmalake import __version__

VERBS = ("run", "ingest", "regress", "risk", "covariance", "release", "plan", "validate", "status")


def sigmalake(*arguments, **options):
    call = [sys.executable, "-m", "sigmalake", *map(str, arguments)]
    return subprocess.run(call, capture_output=True, text=True, timeout=300, check=False, **options)


def test_the_version_is_shown():
    said = sigmalake("--version")
    assert (said.returncode, said.stdout, said.stderr) == (0, f"sigmalake {__version__}\n", "")


def test_help_is_quick_and_loads_neither_spark_nor_pandas():
    script = (
        "import sys\n"
        "from sigmalake.cli.app import main\n"
        "sys.argv = ['sigmalake', '--help']\n"
        "main()\n"
        "sys.stderr.write(' '.join({'pyspark', 'pandas', 'numpy', 'deltalake', 'pydantic'} & set(sys.modules)))\n"
    )
    before = os.times()
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    after = os.times()
    assert said.stderr == ""
    assert all(verb in said.stdout for verb in VERBS)
    busy = after.children_user - before.children_user + after.children_system - before.children_system
    assert busy < 0.5  # seconds; of the processor, since other work on the machine is not ours


def test_without_a_verb_the_help_is_shown_and_that_is_wrong_usage():
    said = sigmalake()
    assert said.returncode == 2
    assert "Commands:" in said.stdout + said.stderr


def test_an_unknown_verb_proposes_the_nearest():
    said = sigmalake("runn")
    assert (said.returncode, said.stdout) == (2, "")
    assert "Did you mean 'run'?" in said.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_says_what_it_does_and_takes_the_form_of_its_output(verb):
    said = sigmalake(verb, "--help", env={**os.environ, "COLUMNS": "120"})
    assert said.returncode == 0
    assert "--config" in said.stdout
    assert "--output text|json" in said.stdout
    assert not [line for line in said.stdout.splitlines() if "<" in line]


@pytest.fixture(scope="module")
def by_the_shell(tmp_path_factory):
    """A panel ingested by the shell with `--output json`, and what that said."""
    folder = tmp_path_factory.mktemp("small")
    small_panel().to_parquet(folder / "panel.parquet")
    config = written(folder)
    return config, sigmalake("ingest", "--config", config, "--output", "json")


@pytest.fixture(scope="module")
def small_lake(by_the_shell):
    """The same lake, with the stages that follow."""
    config, _ = by_the_shell
    done = sigmalake("run", "--config", config)
    assert done.returncode == 0, done.stderr
    return config


def test_a_stage_says_one_json_object_on_stdout_and_its_progress_on_stderr(by_the_shell):
    _, said = by_the_shell
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["rows_rejected"] == 0
    told = [line for line in said.stderr.splitlines() if " tasks, " not in line]  # a slow machine says how far it is
    assert [line.split(":")[0].strip() for line in told] == ["engine", "ingest", "panel.exposures", "panel.returns"]


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_gives_json_and_nothing_else_on_stdout(small_lake, asked, verb):
    seen = asked(verb, "--config", small_lake, "--output", "json")
    assert seen.exit_code == 0, seen.err
    assert json.loads(seen.out)


def test_a_covariance_by_hand_is_json_too(small_lake, asked):
    seen = asked("covariance", "--config", small_lake, "--assets", "A00,A01", "--output", "json")
    assert seen.exit_code == 0, seen.err
    assert json.loads(seen.out)["n_assets"] == 2


NOT_IN_THE_RELEASE = [
    ("an unknown asset", ["--assets", "A00,XYZ"], "no V as of 2024-01-09 for XYZ"),
    ("an unknown variant", ["--variant", "long"], "--variant long", "has short"),
    ("an unknown release", ["--release", "2020-01-01.1"], "no release 2020-01-01.1; it has 2024-01-09.1"),
    ("a date without a risk model", ["--date", "2023-12-29"], "no short risk model", "2023-12-29", "2024-01-03 to 2024-01-09"),
]


@pytest.mark.parametrize(
    ("options", "words"), [pytest.param(options, words, id=name) for name, options, *words in NOT_IN_THE_RELEASE]
)
def test_what_the_release_does_not_hold_is_told(small_lake, asked, options, words):
    seen = asked("covariance", "--config", small_lake, *options)
    assert seen.says(*words)
    assert (seen.exit_code, seen.out) == (1, "")


def test_a_data_mistake_is_one_line_on_the_terminal(tmp_path):
    small_panel().drop(columns="beta").to_parquet(tmp_path / "panel.parquet")
    said = sigmalake("ingest", "--config", written(tmp_path))
    assert said.returncode == 2
    assert said.stdout == ""
    engine, told = said.stderr.splitlines()
    assert engine.startswith("engine: ")
    assert "has no column beta" in told


@pytest.mark.jvm
def test_a_setting_that_spark_refuses_is_told(tmp_path):
    small_panel().to_parquet(tmp_path / "panel.parquet")
    said = sigmalake("ingest", "--engine", "spark", "--config", written(tmp_path, CONFIG + "spark: {spark.driver.memory: lots}\n"))
    assert (said.returncode, said.stdout) == (3, "")
    assert "lots" in said.stderr
    assert "Traceback" not in said.stderr


def test_ctrl_c_in_a_run_is_130_one_line_and_gives_the_lake_back(tmp_path):
    small_panel(n_dates=2000).to_parquet(tmp_path / "panel.parquet")  # its regressions take longer than the interrupt
    config = written(tmp_path, swapped("lake: lake", f"lake: {tmp_path}/lake"))
    call = [sys.executable, "-m", "sigmalake", "run", "--config", str(config)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as running:
        engine, first = running.stderr.readline(), running.stderr.readline()  # ingest is done, the regressions run
        assert engine.startswith("engine: local"), engine
        assert first.startswith("1/6 ingest: "), first
        time.sleep(0.2)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the whole group
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert [line for line in err.splitlines() if line and not line.startswith("  panel.")] == [
        "interrupted; what was committed stays, and the next run goes on from there"
    ]
    claim = json.loads(sorted((tmp_path / "lake" / "_lease").glob("*.json"))[-1].read_text())
    assert claim["released"]
