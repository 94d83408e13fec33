"""`sigmalake lease` says who may write to a lake, and ends a lease whose holder is gone."""

import json
import time
from dataclasses import replace

import pytest
from small_panel import small_panel, written

from sigmalake.lake.claims.claim import Claim
from sigmalake.lake.claims.folder_claims import FolderClaims
from sigmalake.lake.lake import FENCE_PROPERTY
from sigmalake.lake.lease import hold
from sigmalake.lake.log import open_table


@pytest.fixture
def config(tmp_path):
    small_panel().to_parquet(tmp_path / "panel.parquet")
    return written(tmp_path)


def fences(tmp_path):
    tables = [open_table(str(path)) for path in sorted((tmp_path / "lake").iterdir()) if path.name != "_lease"]
    return {table.metadata().configuration.get(FENCE_PROPERTY) for table in tables}


def test_a_lake_that_nobody_writes_to_is_said_to_be_free(asked, config):
    seen = asked("lease", "--config", config)
    assert (seen.exit_code, seen.err) == (0, "")
    assert "nobody has written to it yet" in seen.out
    assert asked("run", "--config", config).exit_code == 0
    found = json.loads(asked("lease", "--config", config, "--output", "json").out)
    assert (found["state"], found["fence"]) == ("free", 1)
    assert asked("lease", "--config", config, "--break").exit_code == 0
    assert json.loads(asked("lease", "--config", config, "--output", "json").out) == found, "there was nothing to end"


def test_a_lease_is_shown_with_its_holder_and_ended_on_request(asked, config, tmp_path):
    assert asked("run", "--config", config).exit_code == 0
    claims = FolderClaims(tmp_path / "lake")
    claims.add(Claim(2, "run far away", "elsewhere", 7, time.time() + 1e6, released=False))
    assert "held by run far away (pid 7 on elsewhere, lease 2) until" in asked("lease", "--config", config).out
    assert asked("run", "--config", config).says("000000002.json", "clock", "--break")
    ended = asked("lease", "--config", config, "--break")
    assert ended.exit_code == 0
    assert "ended: held by run far away" in ended.out
    assert fences(tmp_path) == {"3"}
    again = asked("run", "--config", config)
    assert again.exit_code == 0, again.err
    assert fences(tmp_path) == {"3"}


def test_a_run_whose_lease_was_ended_stops_before_it_writes_more(asked, config, tmp_path):
    claims = FolderClaims(tmp_path / "lake")
    with hold(claims, "run A") as lease:
        assert asked("lease", "--config", config, "--break").exit_code == 0
        with pytest.raises(Exception, match=r"lost the lease .* to sigmalake lease --break"):
            lease.verify()


def test_a_lease_that_cannot_be_read_is_told_and_ended(asked, config, tmp_path):
    (tmp_path / "lake" / "_lease").mkdir(parents=True)
    (tmp_path / "lake" / "_lease" / "000000004.json").write_text("null")
    refused = asked("run", "--config", config)
    assert (refused.exit_code, refused.says("000000004.json", "holds null", "--break")) == (3, True)
    assert json.loads(asked("lease", "--config", config, "--output", "json").out)["state"] == "unreadable"
    assert asked("lease", "--config", config, "--break").exit_code == 0
    assert asked("run", "--config", config).exit_code == 0


def test_a_run_that_takes_a_lake_over_fences_every_table_also_from_a_holder_that_died_here(asked, config, tmp_path):
    assert asked("run", "--config", config).exit_code == 0
    claims = FolderClaims(tmp_path / "lake")
    dead = replace(claims.newest(), fence=2, pid=2**22 + 1, expires_at=time.time() + 60, released=False)
    claims.add(dead)
    assert "whose process has ended" in asked("lease", "--config", config).out
    assert asked("run", "--config", config).exit_code == 0
    assert fences(tmp_path) == {"3"}
