import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sigmalake.errors import InfrastructureError
from sigmalake.lake import lease as module
from sigmalake.lake.lease import Claim, hold, hold_lake, newest_claim


def test_a_second_writer_is_told_who_holds_the_lake(tmp_path):
    with (
        hold(tmp_path, "run A"),
        pytest.raises(InfrastructureError, match=rf"written by run A \(pid {os.getpid()} on .*lease 1"),
        hold(tmp_path, "run B"),
    ):
        pass


def test_a_released_lake_is_free_and_its_number_has_grown(tmp_path):
    with hold(tmp_path, "run A") as first, pytest.raises(InfrastructureError), hold(tmp_path, "run B"):
        pass
    with hold(tmp_path, "run C") as third:
        assert (first.fence, third.fence) == (1, 2)


def test_waiting_for_a_lake_takes_it_once_it_is_free(tmp_path):
    with ThreadPoolExecutor() as pool:
        with hold(tmp_path, "run A"):
            waiting = pool.submit(_hold_once, tmp_path, 10.0)
            time.sleep(0.3)
            assert not waiting.done()
        assert waiting.result() == 2


def _hold_once(folder, wait):
    with hold(folder, "another", wait) as lease:
        return lease.fence


def test_a_lake_whose_writer_was_killed_is_free_at_once(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from sigmalake.lake.lease import hold\n"
        "with hold(Path(sys.argv[1]), 'doomed'): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == -9
    assert not newest_claim(tmp_path / "_lease").released
    with hold(tmp_path, "heir") as lease:
        assert lease.fence == 2


def test_an_expired_lease_of_another_machine_is_taken_and_its_owner_finds_out(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LIFETIME", 0.0)
    with hold(tmp_path, "asleep") as sleeper:
        path = tmp_path / "_lease" / "000000001.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "host": "elsewhere"}))
        with hold(tmp_path, "awake"), pytest.raises(InfrastructureError, match=r"lost the lease .* to awake"):
            sleeper.verify()


def test_a_living_lease_of_another_machine_is_respected():
    claim = Claim(1, "run", "elsewhere", 1, expires_at=100.0, released=False)
    assert claim.alive(99.0)
    assert not claim.alive(100.0)


def test_of_many_claimants_at_once_exactly_one_wins(tmp_path):
    def claim(number):
        try:
            with hold(tmp_path, f"run {number}"):
                time.sleep(0.5)
        except InfrastructureError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(8))) == 1


def test_a_lake_behind_a_uri_or_in_a_catalog_has_no_lease_to_hold():
    for root in ("s3://bucket/lake", "main.risk"):
        with hold_lake(root, "run") as lease:
            assert lease is None


def test_a_claim_that_is_not_yet_written_counts_as_held(tmp_path):
    (tmp_path / "_lease").mkdir()
    (tmp_path / "_lease" / "000000007.json").touch()
    with pytest.raises(InfrastructureError, match="a run that is starting"), hold(tmp_path, "late"):
        pass


def test_old_claims_are_kept_for_the_record_but_not_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3)
    for number in range(6):
        with hold(tmp_path, f"run {number}") as lease:
            pass
    assert lease.fence == 6
    assert len(list((tmp_path / "_lease").glob("*.json"))) == 3
