"""Lakes that cannot be written or read, and mishaps of the machine: exit codes 2, 3 and 130, before any JVM has started."""

import json
import os
import shutil
from contextlib import contextmanager, suppress

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from small_panel import CONFIG, small_panel, swapped, written

from plain_lake import create
from sigmalake.cli.setup.runtime import log_file
from sigmalake.errors import telling_line
from sigmalake.lake.claims.folder_claims import FolderClaims
from sigmalake.lake.format import FORMAT
from sigmalake.lake.lease import hold
from sigmalake.tables.packed import PANEL


@pytest.fixture
def config(tmp_path):
    small_panel().to_parquet(tmp_path / "panel.parquet")
    return written(tmp_path)


@contextmanager
def nobody():
    """Without the rights of root, whom no folder is closed to."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


VERBS_THAT_WRITE = ("run", "ingest", "regress", "risk", "covariance", "release")


@pytest.mark.parametrize("verb", [*VERBS_THAT_WRITE, "status"])
def test_a_lake_that_is_a_file_is_refused(asked, tmp_path, config, verb):
    (tmp_path / "lake").write_text("not a folder")
    seen = asked(verb, "--config", config)
    assert seen.says(f"lake: {tmp_path}/lake is a file", "name a folder")
    assert seen.exit_code == 2


def test_a_lake_below_a_file_is_refused(asked, tmp_path, config):
    (tmp_path / "lake").write_text("not a folder")
    seen = asked("run", "--config", config, "--set", f"lake={tmp_path}/lake/below")
    assert seen.says(f"{tmp_path}/lake/below cannot be written", "Not a directory")
    assert seen.exit_code == 3


@pytest.mark.parametrize("verb", ["run", "status"])
def test_a_lake_that_is_itself_a_delta_table_is_refused_and_left_alone(asked, tmp_path, config, verb):
    write_deltalake(f"{tmp_path}/lake", pa.table({"x": [1]}))
    before = sorted(tmp_path.rglob("lake/**"))
    seen = asked(verb, "--config", config)
    assert seen.says(f"lake: {tmp_path}/lake is itself a Delta table", "name another folder")
    assert (seen.exit_code, sorted(tmp_path.rglob("lake/**"))) == (2, before)


def test_a_lake_with_a_table_of_another_maker_is_refused(asked, tmp_path, config):
    write_deltalake(f"{tmp_path}/lake/panel", pa.table({"x": [1]}))
    seen = asked("status", "--config", config)
    assert seen.says(f"{tmp_path}/lake/panel was not made by sigmalake", "another folder")
    assert seen.exit_code == 2


def test_a_lake_of_another_format_is_refused(asked, tmp_path, config):
    create(tmp_path / "lake", PANEL, lake_format="99")
    seen = asked("status", "--config", config)
    assert seen.says("panel has lake format 99", f"format {FORMAT}", "Use the version that made it")
    assert seen.exit_code == 2


@pytest.mark.parametrize("made", [True, False], ids=["the lake", "the folder that it would be made in"])
def test_a_folder_that_is_read_only_is_told(asked, tmp_path_factory, tmp_path, config, made):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    base = tmp_path_factory.getbasetemp()  # a folder of a worker's, where there are several
    for parent in (tmp_path, base, *(parent for parent in base.parents if parent.name.startswith("pytest-"))):
        parent.chmod(0o755)
    lake = folder if made else folder / "lake"
    with nobody():
        seen = asked("run", "--config", config, "--set", f"lake={lake}")
    assert seen.says(f"the lake {lake} cannot be written: Permission denied", "make it writable")
    assert seen.exit_code == 3


def test_a_lake_held_by_another_writer_is_told_with_the_holder(asked, tmp_path, config):
    with hold(FolderClaims(tmp_path / "lake"), "run 20240102T030405-beef"):
        seen = asked("run", "--config", config)
    assert seen.says("is being written by run 20240102T030405-beef", f"pid {os.getpid()}", "--wait SECONDS")
    assert seen.exit_code == 3


def test_a_lake_that_is_not_there_yet_is_no_mistake(asked, tmp_path, config):
    seen = asked("status", "--config", config, "--output", "json")
    assert (seen.exit_code, json.loads(seen.out)["tables"], seen.err) == (0, [], "")
    assert not (tmp_path / "lake").exists()


BY_HAND = [
    ("a file of another kind", ["--to", "v.xlsx"], "--to v.xlsx", ".parquet or .csv"),
    ("a folder that is not there", ["--to", "nowhere/v.csv"], "the folder nowhere does not exist"),
    ("exposures of another kind", ["--exposures", "both"], "'both' is not one of 'known', 'used'"),
    ("a date that is none", ["--date", "today"], "--date 'today' is not a date", "YYYY-MM-DD"),
    ("a first date", ["--to", "v.csv", "--start", "2024-01-02"], "--start, --end and --wait", "one by hand is as of --date"),
    ("a wait", ["--to", "v.csv", "--wait", "5"], "--start, --end and --wait", "waits for nobody"),
    ("no asset", ["--assets", " , "], "names no asset"),
    ("a list of assets that is not there", ["--assets", "@assets.txt"], "assets cannot be read from assets.txt"),
]


@pytest.mark.parametrize(("options", "words"), [pytest.param(options, words, id=name) for name, options, *words in BY_HAND])
def test_a_covariance_by_hand_that_cannot_be_is_refused_before_it_is_computed(asked, config, options, words):
    seen = asked("covariance", "--config", config, *options)
    assert seen.says(*words)
    assert seen.exit_code == 2


def test_ctrl_c_is_130_and_one_line(asked, config, monkeypatch):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("sigmalake.config.model.load_config", interrupted)
    seen = asked("run", "--config", config)
    assert seen.says("interrupted; what was committed stays")
    assert seen.exit_code == 130


def test_ctrl_c_that_py4j_has_made_an_error_of_is_130_too(asked, config, monkeypatch):
    def ctrl_c():
        raise KeyboardInterrupt

    def interrupted(*_arguments, **_options):
        try:
            ctrl_c()
        except KeyboardInterrupt:
            raise RuntimeError("Gateway must be connected") from None

    monkeypatch.setattr("sigmalake.config.model.load_config", interrupted)
    seen = asked("run", "--config", config)
    assert seen.says("interrupted; what was committed stays")
    assert (seen.exit_code, seen.err.count("\n")) == (130, 1)


def test_a_mishap_of_ours_is_one_line_and_the_rest_is_in_the_log(asked, config, tmp_path, monkeypatch):
    def broken(*_arguments, **_options):
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr("sigmalake.config.model.load_config", broken)
    seen = asked("run", "--config", config)
    assert seen.says("error: RuntimeError: first line", "the whole story is in")
    assert seen.exit_code == 3
    assert "second line" not in seen.err
    log = next(tmp_path.glob("cache/logs/*.log")).read_text()
    assert "Traceback" in log
    assert "second line" in log


def test_a_cache_folder_that_cannot_be_made_does_not_hide_the_mishap(asked, config, tmp_path, monkeypatch):
    def broken(*_arguments, **_options):
        raise RuntimeError("what happened")

    monkeypatch.setattr("sigmalake.config.model.load_config", broken)
    (tmp_path / "cache").write_text("a file where the folder should be")
    seen = asked("run", "--config", config)
    assert seen.says("what happened")
    assert seen.exit_code == 3
    with suppress(FileNotFoundError):
        log_file().unlink()


SPARK_SAYS = """An error occurred while calling o123.save.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 3.0 failed
\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2898)
Caused by: java.lang.RuntimeException: a middle one
Caused by: java.io.IOException: No space left on device
\tat java.base/java.io.FileOutputStream.writeBytes(Native Method)
\t... 20 more
"""
A_WORKER_SAYS = """
An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "worker.py", line 1, in <module>
    main()
sigmalake.errors.DataError: caps has 1 wrong values
"""


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError(SPARK_SAYS), "IOException: No space left on device"),
        (RuntimeError(A_WORKER_SAYS), "DataError: caps has 1 wrong values"),
        (RuntimeError("[SOME_CLASS] One line. SQLSTATE: 42K05"), "[SOME_CLASS] One line."),
        (MemoryError(), "MemoryError"),
    ],
    ids=["Spark", "a Python worker", "an analysis", "no text at all"],
)
def test_the_line_of_a_long_error_that_tells_is_found(error, line):
    assert telling_line(error) == line


def test_a_mistake_does_not_make_the_lake(asked, tmp_path, config):
    written(tmp_path, swapped("panel.parquet", "other.parquet", CONFIG))
    assert asked("run", "--config", config).exit_code == 2
    assert not (tmp_path / "lake").exists()


@pytest.fixture
def complete(asked, config):
    """A lake with a release."""
    assert asked("run", "--config", config).exit_code == 0
    return config


def test_a_file_of_a_table_that_is_gone_is_told_with_what_to_do(asked, tmp_path, complete):
    for file in tmp_path.glob("lake/panel/*.parquet"):
        file.unlink()
    seen = asked("plan", "--config", complete)
    assert seen.says(
        "lake/panel/", ".parquet is missing", "restore it from a copy, or run: what the newest version lacks is made again"
    )
    assert seen.exit_code == 3


def test_a_torn_log_is_told_in_one_line(asked, tmp_path, complete):
    log = tmp_path / "lake" / "panel" / "_delta_log"
    (log / "_last_checkpoint").write_text('{"version": 900, "size": 3}')
    hinted = asked("status", "--config", complete)
    assert hinted.says(f"remove {log}/_last_checkpoint, which names a checkpoint that is not there, or restore {log} from a copy")
    assert (hinted.exit_code, len(hinted.err.splitlines())) == (3, 1)
    (log / "_last_checkpoint").unlink()
    (log / f"{1:020}.json").write_text("{broken")
    seen = asked("plan", "--config", complete)
    assert seen.says("panel: its log cannot be read", "restore", "from a copy, or remove")
    assert (seen.exit_code, len(seen.err.splitlines())) == (1, 1)


def test_without_the_table_of_factors_a_run_makes_it_anew(asked, tmp_path, complete):
    shutil.rmtree(tmp_path / "lake" / "factors")
    seen = asked("run", "--config", complete)
    assert seen.exit_code == 0, seen.err
    assert asked("plan", "--config", complete).out.count("nothing to do") == 6


NO_FOLDERS = [("{folder}/panel.parquet", "cannot hold files"), ("s3://bucket/x", "a folder of this machine")]


@pytest.mark.parametrize(("scratch", "words"), NO_FOLDERS)
def test_a_scratch_folder_that_is_none_is_refused_before_rows_are_read(asked, tmp_path, config, scratch, words):
    seen = asked("run", "--config", config, "--set", f"local.scratch={scratch.format(folder=tmp_path)}")
    assert seen.says("scratch", words)
    assert seen.exit_code == 2
    assert not list(tmp_path.glob("lake/panel"))
