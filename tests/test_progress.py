"""Progress is shown while a stage runs, and never gets in its way."""

import io
import json
import os
import pty
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import pyarrow as pa
import pytest

from sigmalake.cli import progress, terminal
from sigmalake.lake.progress import Progress

STAGES = {1: SimpleNamespace(numCompletedTasks=3, numTasks=8), 2: None}  # the second has just ended


def session_with(active_stages):
    tracker = SimpleNamespace(getActiveStageIds=active_stages, getStageInfo=STAGES.get)

    def counter(start):
        return SimpleNamespace(value=start)

    return SimpleNamespace(sparkContext=SimpleNamespace(statusTracker=lambda: tracker, accumulator=counter))


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.01)
    monkeypatch.setattr(progress, "BAR_SECONDS", 0.01)
    return session_with(lambda: list(STAGES))


def test_lines_tell_the_tasks_done_of_those_planned(session, capsys):
    with progress.watching_spark(session, on_terminal=False)("4/7 regress"):
        time.sleep(0.2)
    assert "4/7 regress: 3 of 8 tasks, 0 s\n" in capsys.readouterr().err


def test_lines_tell_the_dates_done_of_those_planned_by_the_local_engine(session, capsys):
    written = Progress()
    with progress.watching(SimpleNamespace(storage=SimpleNamespace(progress=written)), on_terminal=False)("4/7 regress"):
        written.plan("cross_sections", "dates", 300)
        written.add("factor_returns", 17)
        written.add("cross_sections", 120)
        time.sleep(0.2)
    assert "4/7 regress: 120 of 300 dates, 0 s\n" in capsys.readouterr().err


def test_lines_tell_the_dates_that_executors_of_spark_have_made(session, capsys):
    written = Progress()
    engine = SimpleNamespace(spark=session, storage=SimpleNamespace(progress=written))
    with progress.watching(engine, on_terminal=False)("4/7 regress"):
        written.plan("cross_sections", "dates", 300)
        assert written.made_elsewhere("factor_returns") is None
        made = written.made_elsewhere("cross_sections")
        made.value += 120
        time.sleep(0.2)
        made.value += 200  # of an executor that was lost, some dates were made twice
        time.sleep(0.2)
    told = capsys.readouterr().err
    assert "4/7 regress: 120 of 300 dates, 0 s\n" in told
    assert "4/7 regress: 300 of 300 dates, 0 s\n" in told


def test_a_bar_on_a_terminal_leaves_nothing_behind_on_stdout(session, capsys):
    with progress.watching_spark(session, on_terminal=True)("risk"):
        time.sleep(0.2)
    assert capsys.readouterr().out == ""


def test_a_session_that_cannot_be_asked_shows_the_seconds_alone(session, capsys):
    with progress.watching_spark(SimpleNamespace(), on_terminal=False)("risk"):
        time.sleep(0.05)
    assert set(capsys.readouterr().err.splitlines()) == {"risk: 0 s"}


def test_a_stage_fails_with_its_own_error_when_the_session_dies_under_the_watch(monkeypatch):
    def dead():
        raise ConnectionError("the session is gone")

    monkeypatch.setattr(progress, "LINE_SECONDS", 0.01)
    with pytest.raises(ValueError, match="the stage's own"), progress.watching_spark(session_with(dead), on_terminal=False)("risk"):
        time.sleep(0.05)
        raise ValueError("the stage's own")


def test_lines_of_json_have_level_message_and_counts_and_no_control_characters(session, capsys, monkeypatch):
    monkeypatch.setattr(terminal._Log, "form", terminal.LogFormat.JSON)
    with progress.watching_spark(session)("4/7 regress"):
        time.sleep(0.05)
    terminal.say("warning: a name with \x1b[2J in it")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {name: lines[0][name] for name in ("level", "stage", "done", "planned")} == {
        "level": "info", "stage": "4/7 regress", "done": 3, "planned": 8,
    }  # fmt: skip
    assert (lines[-1]["level"], lines[-1]["message"]) == ("warning", r"a name with \x1b[2J in it")


def test_long_lines_are_broken_at_80_columns_on_a_terminal_and_stay_whole_in_a_log(monkeypatch, capsys):
    text = "  panel.exposures: " + " ".join(["36,120 rows"] * 12) + " /a/path/" + "x" * 100
    terminal.say(text)
    assert capsys.readouterr().err == f"{text}\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    terminal.say(text)
    *lines, path = capsys.readouterr().err.splitlines()
    assert max(map(len, lines)) <= 80
    assert path.strip() == "/a/path/" + "x" * 100
    assert all(line.startswith("      ") for line in [*lines[1:], path])


def on_a_terminal(arguments, limit=60.0):
    """What a command writes to a terminal of 80 columns, in pieces, each with the seconds since the one before."""
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm-256color"}
    call = [sys.executable, "-m", "sigmalake", *arguments]
    process = subprocess.Popen(call, stdin=slave, stdout=slave, stderr=slave, env=environment, close_fds=True)
    os.close(slave)
    pieces, last = [], time.monotonic()
    while time.monotonic() - last < limit:
        try:
            found = os.read(master, 1 << 16)
        except OSError:  # the process has ended
            break
        if not found:
            break
        pieces.append((time.monotonic() - last, found.decode()))
        last = time.monotonic()
    os.close(master)
    assert process.wait(timeout=limit) == 0
    return pieces


def test_a_run_on_a_terminal_has_a_line_a_stage_within_80_columns(tmp_path):
    from processes import small_model

    config = small_model(tmp_path)
    text = "".join(piece for _, piece in on_a_terminal(["run", "--config", str(config)]))
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r\n", "\n")
    plain = [line.rsplit("\r", 1)[-1] for line in shown.split("\n")]
    stages = [line for line in plain if line[:3] in {f"{n}/6" for n in range(1, 7)}]
    assert [line.split(":")[0] for line in stages] == [
        "1/6 ingest", "2/6 quality", "3/6 regress", "4/6 risk", "5/6 covariance", "6/6 release",
    ]  # fmt: skip
    assert [line for line in plain if len(line) > 80 and "/" not in line] == []
    assert sum(line.startswith("warning: ") for line in plain) == 3, "a warning has a line of its own, above the bar"


def test_a_command_that_loads_for_long_says_so_on_a_terminal_and_a_quick_one_does_not(monkeypatch, capsys):
    def said(pause):
        with terminal.first_line("sigmalake report", after=0.05):
            pause()
        return capsys.readouterr().err

    def quick():
        terminal.say("done")
        time.sleep(0.2)

    assert said(lambda: time.sleep(0.3)) == ""  # a log needs none
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert said(lambda: time.sleep(0.3)) == "sigmalake report: loading its libraries\n"
    assert said(quick) == "done\n"


def test_reading_and_quality_count_what_is_done_of_what_is_planned(tmp_path, monkeypatch):
    from processes import small_model
    from sigmalake.cli import app

    seen = {}
    plan, collected, add = Progress.plan, Progress.collected, Progress.add

    def noted(method):
        def call(self, *given, **more):
            method(self, *given, **more)
            if self.unit:
                seen[self.table, self.unit] = (self.done, self.planned)

        return call

    for name, method in (("plan", plan), ("collected", collected), ("add", add)):
        monkeypatch.setattr(Progress, name, noted(method))
    monkeypatch.setattr(sys, "argv", ["sigmalake", "run", "--config", str(small_model(tmp_path)), "--engine", "local"])
    app.main()
    n_dates = seen["panel", "dates"][1]
    assert n_dates > 10
    assert seen["data_quality", "dates"] == (n_dates, n_dates)
    assert seen["panel", "parts of panel read"] == (1, 1)


def test_rows_are_counted_as_files_are_written(tmp_path):
    from sigmalake.engines.local.engine import LocalEngine
    from sigmalake.engines.local.tables import LocalTables
    from sigmalake.tables.long import FACTORS

    tables = LocalTables(str(tmp_path / "lake"), 1)
    columns = {"factor_set": ["a"] * 3, "position": [0, 1, 2], "factor": list("xyz"), "factor_group": ["style"] * 3}
    rows = pa.table({**columns, "kind": ["style"] * 3, "given": pa.nulls(3)}).cast(FACTORS.arrow_schema())
    tables.progress.plan("factors", "rows", 3)
    tables.write(FACTORS, LocalEngine(tables).driver_rows(rows), replaced=None, metadata=json.dumps({}))
    assert tables.progress.done == 3


def test_stdout_of_a_run_is_one_json_document_whatever_goes_to_stderr(tmp_path):
    from processes import run, small_model

    found = run("run", "--config", small_model(tmp_path), "--output", "json", "--log-format", "json")
    body = json.loads(found.stdout)
    assert (body["status"], body["exit_code"], body["changed"]) == ("done", 0, True)
    assert all(json.loads(line)["level"] in {"info", "warning"} for line in io.StringIO(found.stderr))
    assert "\x1b" not in found.stderr + found.stdout
