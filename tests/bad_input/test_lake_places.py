"""Lakes in places that Delta cannot name, and tables that go while a run is at work: the right code and a sentence."""

import shutil

import pytest
from small_panel import CONFIG, small_panel, swapped, written

from sigmalake.lake.lake import Lake


@pytest.fixture
def panel(tmp_path):
    small_panel().to_parquet(tmp_path / "panel.parquet")


@pytest.mark.parametrize("verb", ["run", "plan", "status"])
@pytest.mark.parametrize("name", ["a%20b", "a\\\\b", "a\\nb", "a\\tb"])
@pytest.mark.usefixtures("panel")
def test_a_path_that_delta_takes_for_another_is_refused_before_anything_is_made(asked, tmp_path, name, verb):
    config = written(tmp_path, swapped("lake: lake", f'lake: "{name}"'))
    seen = asked(verb, "--config", config, *([] if verb == "status" else ["--engine", "local"]))
    assert seen.exit_code == 2, seen.err
    assert "in its path" in seen.err
    assert "Traceback" not in seen.err
    assert sorted(path.name for path in tmp_path.iterdir()) in (
        ["cache", "model.yaml", "panel.parquet"],
        ["model.yaml", "panel.parquet"],
    )


@pytest.mark.parametrize("name", ["100% of it", "a b#c", "ü?"])
@pytest.mark.usefixtures("panel")
def test_other_signs_in_a_path_are_no_mistake(asked, tmp_path, name):
    config = written(tmp_path, swapped("lake: lake", f'lake: "{name}"'))
    assert asked("run", "--config", config).exit_code == 0
    assert {"specific_returns", "factor_covariance"} <= {path.name for path in (tmp_path / name).iterdir()}
    again = asked("run", "--config", config)
    assert (again.exit_code, again.err.count("nothing to do")) == (0, 6)


@pytest.mark.parametrize(("gone", "after"), [("factors", "panel"), ("panel", "cross_sections"), ("cross_sections", "risk_models")])
@pytest.mark.usefixtures("panel")
def test_a_table_that_is_removed_during_a_run_is_named_and_the_next_run_heals(asked, tmp_path, monkeypatch, gone, after):
    config, write = written(tmp_path, CONFIG), Lake._write

    def write_and_remove(self, table, *rest):
        write(self, table, *rest)
        if table.name == after:
            shutil.rmtree(tmp_path / "lake" / gone)

    monkeypatch.setattr(Lake, "_write", write_and_remove)
    seen = asked("run", "--config", config)
    monkeypatch.setattr(Lake, "_write", write)
    assert seen.says(f"{gone} of {tmp_path}/lake was removed while the run was at work", "Run again")
    assert seen.exit_code == 3
    again = asked("run", "--config", config)
    assert (again.exit_code, again.says()) == (0, True), again.err
