"""`sigmalake copy`: a release in a lake of its own."""

import shutil

import pytest
from released import assert_same_release, rows_of_release

from sigmalake.errors import ConfigError, InfrastructureError
from sigmalake.lake.books import release_ledger
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.log import commit_metadata
from sigmalake.lake.upkeep import copying
from sigmalake.lake.upkeep.copying import copy_release
from sigmalake.lake.upkeep.files import files_of_version
from sigmalake.reader.open_release import open_release
from sigmalake.reader.storage.delta_tables import ledger_of
from sigmalake.tables.catalogue import MODEL_TABLES


def copied(model, n, to):
    release = release_ledger(model.context().lake).releases[n]
    copy_release(
        FolderTables(str(model.lake_folder)), release, str(to), commit_metadata("copy", "copy", 0, release.config_hash, (), "local")
    )
    return release.release_id


@pytest.mark.parametrize("n", [0, 3, 5])
def test_a_copy_opens_on_its_own_and_equals_the_release(model, tmp_path, n):
    release = copied(model, n, tmp_path / "backup")
    expected = rows_of_release(model.lake_folder, release)
    shutil.rmtree(model.lake_folder)
    assert [found.release_id for found in ledger_of(str(tmp_path / "backup")).releases] == [release]
    assert_same_release(rows_of_release(tmp_path / "backup", release), expected)


def test_a_copy_answers_as_the_release_does(model, tmp_path):
    release = copied(model, 4, tmp_path / "backup")
    one, other = (open_release(lake, release) for lake in (model.lake_folder, tmp_path / "backup"))
    assert one.created_at == other.created_at
    assert one.tables == other.tables
    held = dict.fromkeys(one.risk().usable[:5], 0.2)
    assert one.risk().risk_of(held).vol == other.risk().risk_of(held).vol
    assert one.factor_returns().equals(other.factor_returns())


def test_a_copy_holds_only_the_files_of_its_release(model, tmp_path):
    copied(model, 2, tmp_path / "backup")
    model_tables = {table.name for table in MODEL_TABLES}
    for folder in (path for path in (tmp_path / "backup").iterdir() if path.name in model_tables):
        assert {path.name for path in folder.glob("*.parquet")} == files_of_version(str(folder), None).keys()


def test_a_run_goes_on_from_the_copy_of_the_last_release(model, tmp_path):
    release = copied(model, 5, tmp_path / "backup")
    model.body["lake"] = str(tmp_path / "backup")
    before = {table.name: model.versions()[table.name] for table in MODEL_TABLES}
    assert not any(model.plan().values())
    model.run()
    assert {table.name: model.versions()[table.name] for table in MODEL_TABLES} == before
    assert open_release(tmp_path / "backup").release_id == release


def test_a_run_on_the_copy_of_an_earlier_release_catches_up(model, tmp_path):
    expected = rows_of_release(model.lake_folder, copied(model, 2, tmp_path / "backup").replace(".1", ".1"))
    assert expected
    last = release_ledger(model.context().lake).releases[-1]
    original = rows_of_release(model.lake_folder, last.release_id)
    model.body["lake"] = str(tmp_path / "backup")
    model.run()
    caught_up = open_release(tmp_path / "backup")
    assert caught_up.as_of == last.as_of
    found = rows_of_release(tmp_path / "backup", caught_up.release_id)
    for name in ("panel", "cross_sections", "factor_returns", "specific_returns"):
        assert found[name].equals(original[name]), name


def test_a_copy_cut_short_has_no_release(model, tmp_path, monkeypatch):
    monkeypatch.setattr(copying, "_write", lambda *_: (_ for _ in ()).throw(InfrastructureError("the disk is full")))
    with pytest.raises(InfrastructureError):
        copied(model, 1, tmp_path / "backup")
    assert not ledger_of(str(tmp_path / "backup")).releases


def test_a_place_that_holds_something_is_refused(model, tmp_path):
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"backup is not empty: it holds notes.txt; name a new folder"):
        copied(model, 1, tmp_path / "backup")


@pytest.mark.parametrize(
    ("to", "message"), [("{lake}/copy", "lies within the lake"), ("{lake}/..", "or around it"), ("a.b", "for a folder write ./a.b")]
)
def test_a_place_that_cannot_be_one_is_refused(model, to, message):
    with pytest.raises(ConfigError, match=message):
        copied(model, 1, to.format(lake=model.lake_folder))


def test_a_file_that_was_altered_is_not_copied_as_if_it_were_whole(model, tmp_path):
    path = next((model.lake_folder / "factors").glob("*.parquet"))
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(InfrastructureError, match=r"its table says [\d,]+: the file was altered"):
        copied(model, 1, tmp_path / "backup")


def test_a_file_that_is_gone_is_named(model, tmp_path):
    path = next((model.lake_folder / "factors").glob("*.parquet"))
    path.unlink()
    with pytest.raises(InfrastructureError, match=r"a file of .*factors cannot be copied: .*see that it is there"):
        copied(model, 1, tmp_path / "backup")
