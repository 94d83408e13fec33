"""A run on the local engine knows beforehand what it takes of a machine, and takes no more than there is."""

import json
import subprocess
import sys
from datetime import date

import numpy as np
import pandas as pd
import pytest

from processes import small_model
from sigmalake.cli import engines, room
from sigmalake.cli.app import main
from sigmalake.cli.contexts import COMPUTING
from sigmalake.config.model import load_config
from sigmalake.engines.local.room import free_disk, free_memory
from sigmalake.errors import InfrastructureError
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import Lake
from sigmalake.stages.queries.model_size import BooksSize, ModelSize, SourceSize, model_size
from sigmalake.stages.queries.needs import need_of

STAGES = COMPUTING
LARGE = ModelSize(3000, 1260, 1260, 71, True, (SourceSize("panel", 450 << 20, 0, 3_780_000, 16, 330_000),))
CGROUPS = {  # of a process in a group of its own, by version: where its groups are told, and the names of the files
    2: ("0::/run/job\n", "run", "memory.max", "memory.current", "inactive_file"),
    1: ("4:memory:/run/job\n", "memory/run", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


MEASURED = """
import sys
from pathlib import Path

from sigmalake.cli.app import main

try:
    main()
finally:  # not of what `wait4` says: that counts the process from which this one was made
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    folder = Path(sys.argv[-1].partition("=")[2]).parent
    folder.joinpath("peak").write_text(peak.split()[1])
    folder.joinpath("modules").write_text(" ".join(sys.modules))
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The configuration's file of a small model, and its lake after a run in a process of its own, with its peak in bytes."""
    path = small_model(tmp_path_factory.mktemp("model"))
    call = [sys.executable, "-c", MEASURED, "run", "--engine", "local", "--config", path, "--set", "local.workers=1"]
    subprocess.run([*call, "--set", f"local.scratch={path.parent / 'scratch'}"], capture_output=True, check=True)
    return path, int((path.parent / "peak").read_text()) * 1024


@pytest.fixture
def said(monkeypatch, capsys):
    """`said(*arguments)` runs the command in this process: its exit code, stdout and stderr."""
    monkeypatch.setattr(engines, "_spark_at_hand", lambda: None)

    def say(*arguments):
        monkeypatch.setattr(sys, "argv", ["sigmalake", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as done:
            code = done.code
        return code, *capsys.readouterr()

    return say


def size_of(config):
    return model_size(config, Lake(FolderTables(config.lake)))


def test_a_run_loads_no_pandas(small):
    path, _ = small
    assert "pandas" not in (path.parent / "modules").read_text().split()


def test_the_estimate_is_above_the_peak_of_a_small_run(small, tmp_path):
    path, peak = small
    config = load_config(path, [f"lake={tmp_path / 'none-yet'}"])
    estimate = need_of(config, size_of(config), STAGES).memory(1)
    assert peak < estimate < 2.5 * peak


def test_too_little_memory_is_refused_with_the_numbers_before_anything_is_written(tmp_path, said):
    path = small_model(tmp_path)
    code, out, err = said("run", "--config", path, "--set", "local.memory=100m", "--set", "local.workers=2")
    assert (code, out) == (2, "")
    assert "needs about 0.3" in err
    assert "local.memory is 0.10 GB; use --engine spark, or set local.memory higher" in err
    assert {folder.name for folder in (tmp_path / "lake").iterdir()} == {"_lease"}


def test_a_run_with_nothing_to_do_needs_no_memory(small, said):
    path, _ = small
    code, _, err = said("run", "--config", path, "--engine", "local")
    assert code == 0, err
    config = load_config(path)
    assert size_of(config).n_fresh == 0
    assert need_of(config, size_of(config), STAGES).memory(8) == 0
    assert size_of(load_config(path, ["risk.short.every=week"])).n_fresh == 50


def test_fewer_workers_are_taken_where_all_do_not_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "model_size", lambda *_: LARGE)
    path, told = small_model(tmp_path), []
    need = need_of(load_config(path), LARGE, STAGES)
    assert need.memory(1) < need.memory(2) < need.memory(4)
    between = (need.memory(2) + need.memory(3)) // 2
    config = load_config(path, [f"local.memory={between // 1024}k", "local.workers=4"])
    assert room.room_for(config, Lake(FolderTables(config.lake)), STAGES, told.append).workers == 2
    assert [line.startswith("workers: 2 instead of 4: 4 need about ") for line in told] == [True]


@pytest.mark.parametrize(
    ("n_books", "n_dates", "rows", "peak"), [(5000, 252, 17.3, 2.6), (2500, 252, 8.7, 2.3), (5000, 126, 9.9, 2.2)]
)
def test_books_need_what_was_measured_and_at_most_twice_as_much(tmp_path, n_books, n_dates, rows, peak):
    books = SourceSize("books", int(10.5e6 * rows), 0, int(1e6 * rows), 4, 4_000_000)  # 10.5 bytes a row, as `bench.books` writes
    size = ModelSize(470, 252, 252, 18, False, (), BooksSize(books, n_books))
    body = {"columns": {"portfolio": "portfolio"}, "path": "books.parquet"}
    config = load_config(small_model(tmp_path), [f"sources.books={json.dumps(body)}"])
    need = need_of(config, size, ["portfolios"], {"portfolios": n_dates})
    assert 1.05 * peak < need.memory(2) / 1e9 < 2.1 * peak
    assert need.disk == 1300 * n_books * n_dates
    assert need_of(config, size._replace(books=None), ["portfolios"], {"portfolios": n_dates}).disk == 0


def test_a_disk_without_room_is_told_before_it_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "model_size", lambda *_: LARGE)
    monkeypatch.setattr(room, "free_disk", lambda _: 300_000_000)
    with pytest.raises(InfrastructureError, match=r"writes about 0\.\d+ GB to .*lake, where 0\.30 GB are free; free some space"):
        room.room_for(load_config(small_model(tmp_path)), Lake(FolderTables(str(tmp_path))), STAGES, print)


def test_a_plan_shows_what_it_takes(tmp_path, said):
    path = small_model(tmp_path)
    code, out, err = said("plan", "--config", path, "--set", "local.memory=4g", "--set", "local.workers=1")
    assert code == 0, err
    estimate = " ".join(out.split()).partition("estimate: ")[2]
    assert estimate.startswith("about 2 s, 400 MB of memory (local.memory is 4 GB), 1 MB of disk, ")
    code, out, err = said("plan", "--config", path, "--output", "json")
    by_stage = {stage["stage"]: stage.get("estimate") for stage in json.loads(out)}
    assert by_stage["risk"].keys() == {"disk_bytes", "memory_bytes", "seconds"}
    assert by_stage["release"] is None


def test_a_plan_of_nothing_shows_no_estimate(small, said):
    code, out, _ = said("plan", "--config", small[0], "--engine", "local")
    assert code == 0
    assert "estimate" not in out


LAYOUTS = ["a file", "a file by asset", "a file a month", "a file an asset", "CSV"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_assets_of_a_date_are_told_from_any_layout(tmp_path, layout):
    days = pd.bdate_range(date(2024, 1, 1), periods=60)
    rows = pd.DataFrame([(day, f"A{n}") for day in days for n in range(40)], columns=["date", "asset_id"])
    rows = rows.assign(ret=np.linspace(-0.01, 0.01, len(rows)), cap=1e9)
    by = {"a file a month": rows["date"].dt.month, "a file an asset": rows["asset_id"]}.get(layout, pd.Series("all", rows.index))
    rows = rows.sort_values(["asset_id", "date"]) if layout == "a file by asset" else rows
    folder, suffix = tmp_path / "panel", "csv" if layout == "CSV" else "parquet"
    folder.mkdir()
    for name, some in rows.groupby(by):
        some.to_csv(folder / "all.csv", index=False) if suffix == "csv" else some.to_parquet(folder / f"{name}.parquet")
    source = {"path": str(folder), "format": suffix, "columns": {"cap": "cap"}}
    body = {"model": "m", "lake": str(tmp_path / "lake"), "sources": {"panel": source}, "factors": [{"market": "market"}]}
    found = size_of(load_config(body))
    assert found.n_assets == 40
    assert 30 <= found.n_dates <= 120


@pytest.mark.parametrize("version", CGROUPS)
def test_free_memory_is_what_the_control_groups_leave(tmp_path, version):
    told, folder, limit, used, cache = CGROUPS[version]
    proc, group = tmp_path / "proc", tmp_path / "groups" / folder
    (proc / "self").mkdir(parents=True)
    (group / "job").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:   8000 kB\n")
    (proc / "self" / "cgroup").write_text(told)
    for at, most in ((group / "job", "max"), (group, str(5000 << 10))):
        (at / limit).write_text(most)
        (at / used).write_text(str(3000 << 10))
        (at / "memory.stat").write_text(f"anon 1\n{cache} {1000 << 10}\n")
    assert free_memory(proc, tmp_path / "groups") == 3000 << 10
    (group / limit).write_text(str(1 << 62))
    assert free_memory(proc, tmp_path / "groups") == 8000 << 10
    assert free_memory(tmp_path / "none", tmp_path / "none") is None


def test_free_disk_is_of_the_folder_that_is_there(tmp_path):
    assert free_disk(tmp_path / "a" / "b") > 0
    assert free_disk("s3://bucket/lake") is None
