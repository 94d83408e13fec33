"""Progress is shown while a stage runs, and never gets in its way."""

import time
from types import SimpleNamespace

import pytest

from sigmalake.cli import progress

STAGES = {1: SimpleNamespace(numCompletedTasks=3, numTasks=8), 2: None}  # the second has just ended


def session_with(active_stages):
    tracker = SimpleNamespace(getActiveStageIds=active_stages, getStageInfo=STAGES.get)
    return SimpleNamespace(sparkContext=SimpleNamespace(statusTracker=lambda: tracker))


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.01)
    monkeypatch.setattr(progress, "BAR_SECONDS", 0.01)
    return session_with(lambda: list(STAGES))


def test_lines_tell_the_tasks_done_of_those_planned(session, capsys):
    with progress.watching_spark(session, on_terminal=False)("regress"):
        time.sleep(0.2)
    assert "regress: 3 of 8 tasks, 0 s\n" in capsys.readouterr().err


def test_a_bar_on_a_terminal_leaves_nothing_behind_on_stdout(session, capsys):
    with progress.watching_spark(session, on_terminal=True)("risk"):
        time.sleep(0.2)
    assert capsys.readouterr().out == ""


def test_a_session_that_cannot_be_asked_shows_nothing(capsys):
    with progress.watching_spark(SimpleNamespace(), on_terminal=False)("risk"):
        time.sleep(0.05)
    assert capsys.readouterr().err == ""


def test_an_engine_without_spark_shows_nothing(capsys):
    with progress.watching(SimpleNamespace(), on_terminal=False)("risk"):
        time.sleep(0.05)
    assert capsys.readouterr().err == ""


def test_a_stage_fails_with_its_own_error_when_the_session_dies_under_the_watch(monkeypatch):
    def dead():
        raise ConnectionError("the session is gone")

    monkeypatch.setattr(progress, "LINE_SECONDS", 0.01)
    with pytest.raises(ValueError, match="the stage's own"), progress.watching_spark(session_with(dead), on_terminal=False)("risk"):
        time.sleep(0.05)
        raise ValueError("the stage's own")
