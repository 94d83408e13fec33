"""A lake that somebody or something altered: the next run puts it right and says so, or refuses with the way out."""

import re
import shutil

import pytest

from altered import (
    ALTERATIONS,
    drop,
    flip_a_byte,
    put_a_dangling_link_in_its_place,
    put_a_file_in_its_place,
    put_a_file_in_the_place_of_its_log,
    put_a_table_of_other_columns_in_its_place,
)
from lakes import differences
from sigmalake import open_release
from sigmalake.demo.market import generate_market
from sigmalake.errors import DataError, InfrastructureError
from sigmalake.lake.books import all_releases
from sigmalake.stages.context import new_run_id, writing
from sigmalake.stages.queries.check import check
from sigmalake.stages.run import run
from sigmalake.tables.catalogue import ALL_TABLES
from small_model import REBUILT, WINDOWS, Model, make_model

TABLES = {table.name: table for table in ALL_TABLES}
REFUSED = {"lose_an_older_commit", "put_another_table_in_its_place"}  # nothing is guessed of a log that cannot be read
UNCHANGED = {"compact"}
EVERYWHERE = [("specific_risk", alteration) for alteration in ALTERATIONS]
ELSEWHERE = [
    *(("factors", alteration) for alteration in ("drop", "multiply_by_four", "put_another_table_in_its_place", "lose_a_file")),
    *(
        ("panel", alteration)
        for alteration in ("drop", "delete_half", "append_a_row_again", "lose_a_file", "lose_the_newest_commit")
    ),
    *(("cross_sections", alteration) for alteration in ("drop", "append_a_row_again", "lose_a_file")),
    *(("risk_models", alteration) for alteration in ("drop", "multiply_by_four", "cut_a_file")),
    *(("factor_covariance", alteration) for alteration in ("drop", "multiply_by_four")),
    *(("asset_covariance", alteration) for alteration in ("drop", "lose_a_file", "lose_the_newest_commit")),
    *(("factor_returns", "drop"), ("covariance_builds", "drop"), ("exposure_stability", "drop"), ("release_contents", "drop")),
    *(("source_prints", "multiply_by_four"), ("runs", "delete_half"), ("releases", "append_a_row_again")),
]


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Model:
    """A small model of one variant, released."""
    market = generate_market(n_assets=20, n_dates=45, n_industries=2, n_styles=1, seed=5)
    model = make_model(market, tmp_path_factory.mktemp("clean"))
    model.body["risk"] = {"short": WINDOWS["short"]}
    return model.write(market.panel).run()


def run_and_listen(model: Model) -> str:
    messages: list[str] = []
    run(writing(model.open_engine(model.body["lake"]), model.config, new_run_id(), say=messages.append))
    return "\n".join(messages)


def assert_whole(model: Model, clean: Model) -> None:
    assert not differences(clean.lake_folder, model.lake_folder, relative=REBUILT)
    messages = run_and_listen(model)
    assert all(line.partition(":")[2].startswith(" nothing to do") for line in messages.splitlines()), messages


@pytest.mark.parametrize(("table", "alteration"), [*EVERYWHERE, *ELSEWHERE])
def test_an_altered_table_is_put_right_and_named_or_refused(clean, tmp_path, table, alteration):
    model = clean.copied_to(tmp_path)
    folder = model.lake_folder / table
    ALTERATIONS[alteration](folder)
    if alteration in REFUSED:
        with pytest.raises(DataError, match=rf"was altered: {table}: .*restore .*{table}.* from a copy, or remove \S*{table}: "):
            run_and_listen(model)
        shutil.rmtree(folder)  # the way out
    messages = run_and_listen(model)
    assert f"{table}: " in messages.partition("\nrelease: ")[0]
    if alteration in UNCHANGED:
        assert "it holds the same rows, nothing changes" in messages
        assert len(all_releases(model.context().lake)) == 1
    assert_whole(model, clean)
    assert not [one for one in check(model.context().lake, model.config).problems if one.release_id is None]


def test_what_lies_in_the_place_of_a_table_is_refused_with_the_way_out(clean, tmp_path):
    model = clean.copied_to(tmp_path)
    folder = model.lake_folder / "factor_returns"
    kept = folder.rename(tmp_path / "kept")
    way = rf"restore {folder}\S* from a copy, or remove {folder}: the next run makes it anew"
    for put, message in (
        (
            put_a_table_of_other_columns_in_its_place,
            rf"factor_returns: it has no column factor, .*: another table is in its place; {way}",
        ),
        (put_a_file_in_its_place, rf"factor_returns: its log cannot be read: .*{way}"),
        (put_a_file_in_the_place_of_its_log, rf"factor_returns: its log cannot be read: .*{way}"),
    ):
        shutil.copytree(kept, folder)
        put(folder)
        with pytest.raises(DataError, match=message):
            model.run()
        shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
    shutil.copytree(kept, folder)
    put_a_dangling_link_in_its_place(folder)
    with pytest.raises(InfrastructureError, match=f"{folder} is a link to a folder that is not there; make that, or remove it"):
        model.run()


def test_a_byte_that_a_disk_changed_is_an_error_that_names_the_file_and_never_a_number(clean, tmp_path):
    model = clean.copied_to(tmp_path)
    (file,) = (model.lake_folder / "panel").glob("*.parquet")
    flip_a_byte(file, "ret.list.element")
    told = rf"{file} is damaged \(.*CRC.*\); restore it from a copy, or remove it: the next run makes the rows again"
    assert [one.table for one in check(model.context().lake, model.config).problems if re.search(told, one.text)] == ["panel"]
    with pytest.raises(InfrastructureError, match=told):
        open_release(model.lake_folder).compared_with(open_release(clean.lake_folder))
    drop(model.lake_folder / "cross_sections")  # what is computed again needs the panel
    with pytest.raises(InfrastructureError, match=told):
        model.run()
    file.unlink()
    model.run()
    assert_whole(model, clean)


LEDGER = [
    *(("runs", alteration) for alteration in ("drop", "lose_a_file", "lose_an_older_commit")),
    *(("releases", alteration) for alteration in ("drop", "lose_a_file", "lose_the_newest_commit", "lose_an_older_commit")),
]


@pytest.mark.parametrize(("table", "alteration"), LEDGER)
def test_the_ledger_is_not_made_up(clean, tmp_path, table, alteration):
    model = clean.copied_to(tmp_path)
    folder = model.lake_folder / table
    shutil.copytree(folder, tmp_path / "kept")
    ALTERATIONS[alteration](folder)
    with pytest.raises(DataError, match=rf"was altered: {table}: .*{table}.* from a copy"):
        run_and_listen(model)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(tmp_path / "kept", folder)  # the way out
    assert_whole(model, clean)


def test_what_an_alteration_destroyed_is_found_by_name_and_by_release(clean, tmp_path):
    model = clean.copied_to(tmp_path)
    drop(model.lake_folder / "specific_risk")
    run_and_listen(model)
    first, second = (release.release_id for release in all_releases(model.context().lake))
    found = check(model.context().lake, model.config, deep=True)
    assert found.releases == [first, second]
    assert [(problem.release_id, problem.table) for problem in found.problems] == [(first, "specific_risk")]
    assert "another table was made in its place" in found.problems[0].message
