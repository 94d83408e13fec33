import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from obstore.exceptions import GenericError
from obstore.store import MemoryStore

from sigmalake.engines.spark.table_claims import TableClaims
from sigmalake.errors import ConfigError, InfrastructureError
from sigmalake.lake import claims as module
from sigmalake.lake.claims import Claim, FolderClaims, Pace, this_host
from sigmalake.lake.lease import claims_of, hold
from sigmalake.lake.store_claims import StoreClaims

FAST = Pace(lifetime=60.0, poll=0.05)


@pytest.fixture(params=["a folder", "an object store", pytest.param("a catalog", marks=pytest.mark.jvm)])
def claims(request, tmp_path):
    if request.param == "a folder":
        yield FolderClaims(tmp_path, FAST)
    elif request.param == "an object store":
        yield StoreClaims("memory:///lake", MemoryStore(), FAST)
    else:
        spark = request.getfixturevalue("spark")
        spark.sql("CREATE DATABASE leased")
        yield TableClaims(spark, "spark_catalog.leased", "spark_catalog.leased.lease", FAST)
        spark.sql("DROP DATABASE leased CASCADE")


def test_a_second_writer_is_told_who_holds_the_lake(claims):
    with (
        hold(claims, "run A"),
        pytest.raises(InfrastructureError, match=rf"written by run A \(pid {os.getpid()} on .*lease 1"),
        hold(claims, "run B"),
    ):
        pass


def test_a_released_lake_is_free_and_its_number_has_grown(claims):
    with hold(claims, "run A") as first, pytest.raises(InfrastructureError), hold(claims, "run B"):
        pass
    with hold(claims, "run C") as third:
        assert (first.fence, third.fence) == (1, 2)


def test_waiting_for_a_lake_takes_it_once_it_is_free(claims):
    with ThreadPoolExecutor() as pool:
        with hold(claims, "run A"):
            waiting = pool.submit(_hold_once, claims, 30.0)
            time.sleep(0.3)
            assert not waiting.done()
        assert waiting.result() == 2


def _hold_once(claims, wait):
    with hold(claims, "another", wait) as lease:
        return lease.fence


def test_a_writer_who_slept_until_another_took_the_lake_finds_out(claims):
    with hold(claims, "asleep") as sleeper:
        sleeper.verify()
        claims.renew(replace(claims.newest(), host="elsewhere", expires_at=0.0))
        with hold(claims, "awake"), pytest.raises(InfrastructureError, match=r"lost the lease .* to awake"):
            sleeper.verify()


def test_of_claims_with_one_number_exactly_one_is_added(claims):
    def add(number):
        return claims.add(Claim(7, f"run {number}", "somewhere", number, expires_at=time.time() + 60, released=False))

    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(add, range(4)))
    assert sum(added) == 1
    assert claims.newest().owner == f"run {added.index(True)}"


def test_of_many_claimants_at_once_one_holds_the_lake_at_a_time(claims):
    inside = []

    def claim(number):
        with suppress(InfrastructureError), hold(claims, f"run {number}"):
            inside.append(number)
            assert len(inside) == 1
            time.sleep(0.2)
            inside.remove(number)
            return 1
        return 0

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(claim, range(4))) >= 1


def test_a_holder_renews_its_claim_while_it_works(claims):
    claims.pace = Pace(lifetime=4.0, poll=0.05)
    with hold(claims, "run"):
        first = claims.newest().expires_at
        for _ in range(200):
            if claims.newest().expires_at > first:
                break
            time.sleep(0.05)
        assert claims.newest().expires_at > first
    assert claims.newest().released


@pytest.mark.parametrize(("host", "released", "taken_over"), [("elsewhere", False, True), ("elsewhere", True, False)])
def test_a_holder_that_neither_gave_the_lake_back_nor_died_may_wake(claims, host, released, taken_over):
    claims.add(Claim(1, "before", host, 1, expires_at=0.0, released=released))
    with hold(claims, "after") as lease:
        assert lease.taken_over == taken_over


def test_a_lake_whose_writer_was_killed_is_free_at_once(tmp_path):
    script = (
        "import os, sys; from pathlib import Path\nfrom sigmalake.lake.claims import FolderClaims\n"
        "from sigmalake.lake.lease import hold\nwith hold(FolderClaims(Path(sys.argv[1])), 'doomed'): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == -9
    claims = FolderClaims(tmp_path)
    assert not claims.newest().released
    with hold(claims, "heir") as lease:
        assert lease.fence == 2
        assert not lease.taken_over


def test_a_living_lease_of_another_machine_is_respected():
    claim = Claim(1, "run", "elsewhere", 1, expires_at=100.0, released=False)
    assert claim.alive(99.0)
    assert not claim.alive(100.0)


def test_a_process_of_another_container_of_one_name_is_not_taken_for_dead(monkeypatch):
    claim = Claim(1, "run", this_host(), 2**22 + 1, expires_at=100.0, released=False)  # beyond the greatest id of a process
    assert not claim.alive(0.0)
    monkeypatch.setattr(module.Path, "readlink", lambda _: "pid:[1]")
    assert claim.alive(0.0)


def test_claims_are_kept_where_the_lake_lies(tmp_path):
    assert isinstance(claims_of(str(tmp_path), None), FolderClaims)
    assert isinstance(claims_of("s3a://bucket/lake", None), StoreClaims)
    assert isinstance(claims_of("main.risk", lambda table: TableClaims(None, "main.risk", table)), TableClaims)
    assert isinstance(claims_of("hdfs://namenode/lake", lambda table: TableClaims(None, "lake", table)), TableClaims)


def test_a_uri_that_its_store_does_not_know_is_refused():
    with pytest.raises(ConfigError, match="lake: abfss://lake is no place of an object store"):
        claims_of("abfss://lake", None)


def test_a_store_that_cannot_be_reached_is_said(monkeypatch):
    claims = StoreClaims("s3://bucket/lake", MemoryStore())
    monkeypatch.setattr("sigmalake.lake.store_claims.obstore.list", _unreachable)
    with pytest.raises(InfrastructureError, match=r"lease of s3://bucket/lake cannot be read or written: no route .*AWS_"):
        claims.newest()


def _unreachable(*_):
    raise GenericError("no route to host")


@pytest.mark.jvm
def test_a_schema_that_is_not_there_is_said(spark):
    with pytest.raises(ConfigError, match=r"lake: spark_catalog.nowhere cannot hold a table .*create the schema first"):
        TableClaims(spark, "spark_catalog.nowhere", "spark_catalog.nowhere.lease").newest()


@pytest.mark.jvm
def test_a_table_in_a_folder_of_the_lake_holds_claims_as_well(spark, tmp_path):
    claims = TableClaims(spark, "a lake", f"delta.`{tmp_path}/_lease`", FAST)
    with hold(claims, "run A"), pytest.raises(InfrastructureError, match="written by run A"), hold(claims, "run B"):
        pass
    assert claims.newest().released


def test_a_claim_that_is_not_yet_written_counts_as_held(tmp_path):
    (tmp_path / "_lease").mkdir()
    (tmp_path / "_lease" / "000000007.json").touch()
    with pytest.raises(InfrastructureError, match="a run that is starting"), hold(FolderClaims(tmp_path), "late"):
        pass


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "_lease").write_text(json.dumps({}))
    with pytest.raises(InfrastructureError, match=r"the lake .* cannot be written: File exists"):
        FolderClaims(tmp_path).add(Claim(1, "run", "here", 1, 0.0, released=False))


@pytest.mark.parametrize("make", [FolderClaims, lambda _: StoreClaims("memory:///lake", MemoryStore())])
def test_old_claims_are_kept_for_the_record_but_not_for_ever(tmp_path, monkeypatch, make):
    monkeypatch.setattr(module, "KEPT", 3)
    claims, seen = make(tmp_path), []
    for number in range(6):
        with hold(claims, f"run {number}") as lease:
            seen.append(lease.fence)
    assert seen == [1, 2, 3, 4, 5, 6]
    kept = len(list((tmp_path / "_lease").glob("*.json"))) if isinstance(claims, FolderClaims) else len(claims._paths())
    assert kept == 3
