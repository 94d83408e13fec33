import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace

import obstore
import pytest
from obstore.exceptions import GenericError
from obstore.store import MemoryStore

from sigmalake.engines.spark.table_claims import TableClaims
from sigmalake.errors import ConfigError, InfrastructureError
from sigmalake.lake.claims import claim as module
from sigmalake.lake.claims import folder_claims, store_claims
from sigmalake.lake.claims.claim import Claim, Pace, new_claim, this_host
from sigmalake.lake.claims.folder_claims import FolderClaims
from sigmalake.lake.claims.store_claims import StoreClaims
from sigmalake.lake.lease import break_lease, claims_of, hold

FAST = Pace(lifetime=60.0, poll=0.05)
BRIEF = Pace(lifetime=0.6, poll=0.05)
SHORT = Pace(lifetime=6.0, poll=0.05)  # a lapsed claim is watched for a third of it


@pytest.fixture(params=["a folder", "an object store"])
def claims(request, tmp_path):
    return FolderClaims(tmp_path, FAST) if request.param == "a folder" else StoreClaims("memory:///lake", MemoryStore(), FAST)


@pytest.mark.jvm
def test_a_table_of_a_catalog_holds_claims_by_the_same_rules(spark):
    spark.sql("CREATE DATABASE leased")
    claims = TableClaims(spark, "spark_catalog.leased", "spark_catalog.leased.lease", FAST)
    test_a_second_writer_is_told_who_holds_the_lake(claims)
    claims.renew(replace(claims.newest(), host="elsewhere", expires_at=0.0, released=False))  # of one that died elsewhere
    claims.pace = SHORT
    with hold(claims, "heir") as lease:
        assert (lease.fence, lease.must_fence) == (2, True)
    claims.pace = FAST
    test_of_claims_with_one_number_exactly_one_is_added(claims)
    claims.renew(replace(claims.newest(), released=True))
    test_a_writer_who_slept_until_another_took_the_lake_finds_out(claims)
    assert claims.newest().fence == 9
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
        claims.pace = BRIEF
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
    claims.pace = BRIEF
    claims.add(Claim(1, "before", host, 1, expires_at=0.0, released=released))
    with hold(claims, "after") as lease:
        assert lease.must_fence == taken_over


def test_a_lake_whose_writer_was_killed_is_free_at_once(tmp_path):
    script = (
        "import os, sys; from pathlib import Path\nfrom sigmalake.lake.claims.folder_claims import FolderClaims\n"
        "from sigmalake.lake.lease import hold\nwith hold(FolderClaims(Path(sys.argv[1])), 'doomed'): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == -9
    claims = FolderClaims(tmp_path)
    assert not claims.newest().released
    with hold(claims, "heir") as lease:
        assert lease.fence == 2
        assert lease.must_fence, "its JVM may live on in a commit"


def test_a_living_lease_of_another_machine_is_respected():
    claim = Claim(1, "run", "elsewhere", 1, expires_at=100.0, released=False)
    assert claim.alive(99.0)
    assert not claim.alive(100.0)


def test_a_process_of_another_container_of_one_name_is_not_taken_for_dead(monkeypatch):
    claim = Claim(1, "run", this_host(), 2**22 + 1, expires_at=100.0, released=False)  # beyond the greatest id of a process
    assert not claim.alive(0.0)
    monkeypatch.setattr(module.Path, "readlink", lambda _: "pid:[1]")  # of another container
    assert claim.alive(0.0)


def test_claims_are_kept_where_the_lake_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert isinstance(claims_of(str(tmp_path), None), FolderClaims)
    assert isinstance(claims_of("s3a://bucket/lake", None), StoreClaims)
    assert isinstance(claims_of("main.risk", lambda table: TableClaims(None, "main.risk", table)), TableClaims)


def test_a_uri_that_its_store_does_not_know_is_refused():
    with pytest.raises(ConfigError, match="abfss://lake is no place of an object store"):
        claims_of("abfss://lake", None)


def test_a_store_that_cannot_be_reached_is_said(monkeypatch):
    claims = StoreClaims("s3://bucket/lake", MemoryStore())
    monkeypatch.setattr("sigmalake.lake.claims.store_claims.obstore.list", _unreachable)
    with pytest.raises(InfrastructureError, match=r"lease of s3://bucket/lake cannot be read or written: .* no route"):
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
    with (
        pytest.raises(InfrastructureError, match=r"a run that is starting .*_lease/000000007.json"),
        hold(FolderClaims(tmp_path, SHORT), "late"),
    ):
        pass
    os.utime(tmp_path / "_lease" / "000000007.json", (0, 0))
    with hold(FolderClaims(tmp_path, SHORT), "heir") as lease:
        assert (lease.fence, lease.must_fence) == (8, True)


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "_lease").write_text(json.dumps({}))
    with pytest.raises(InfrastructureError, match=r"the lake .* cannot be written: File exists"):
        FolderClaims(tmp_path).add(Claim(1, "run", "here", 1, 0.0, released=False))


@pytest.mark.parametrize("make", [FolderClaims, lambda _: StoreClaims("memory:///lake", MemoryStore())])
def test_old_claims_are_kept_for_the_record_but_not_for_ever(tmp_path, monkeypatch, make):
    for kept_by in (folder_claims, store_claims):
        monkeypatch.setattr(kept_by, "KEPT", 3)
    claims, seen = make(tmp_path), []
    for number in range(6):
        with hold(claims, f"run {number}") as lease:
            seen.append(lease.fence)
    assert seen == [1, 2, 3, 4, 5, 6]
    kept = len(list((tmp_path / "_lease").glob("*.json"))) if isinstance(claims, FolderClaims) else len(claims._numbers())
    assert kept == 3


def stored(tmp_path, claims, name, content):
    """An object of the place of claims, whatever it holds."""
    if isinstance(claims, FolderClaims):
        (tmp_path / "_lease").mkdir(exist_ok=True)
        (tmp_path / "_lease" / name).write_bytes(content)
    else:
        obstore.put(claims._store, f"_lease/{name}", content)


def claim_of(**changed):
    known = asdict(Claim(7, "run A", "elsewhere", 1, time.time() + 30, released=False))
    return json.dumps({**known, **changed}).encode()


UNREADABLE = [
    ("null", b"null", "holds null and no claim"),
    ("a list", b"[1, 2]", r"holds \[1, 2\] and no claim"),
    ("another encoding", json.dumps({"fence": 7}).encode("utf-16"), "is not readable"),
    ("half of one", claim_of()[:40], "is not readable"),
    ("a later version's", json.dumps({"version": 9, "writer": {"name": "run A"}}).encode(), "has no fence, owner, host, pid"),
    ("another's number", claim_of(fence=3), "has values that cannot be: fence 3"),
    ("no instant", claim_of(expires_at=float("inf")), "has values that cannot be: .*expires_at inf"),
    ("a text for a number", claim_of(pid="1"), "has no pid that this version"),
]


@pytest.mark.parametrize(("content", "words"), [pytest.param(*case, id=name) for name, *case in UNREADABLE])
def test_a_claim_that_cannot_be_read_is_named_and_can_be_ended(tmp_path, claims, content, words):
    stored(tmp_path, claims, "000000007.json", content)
    with (
        pytest.raises(InfrastructureError, match=rf"_lease/000000007.json, the lease of the lake, {words}.*--break"),
        hold(claims, "run"),
    ):
        pass
    broken = break_lease(claims, "somebody")
    assert (broken.fence, broken.must_fence) == (8, True)
    broken.fenced()
    broken.release()
    with hold(claims, "run") as lease:
        assert (lease.fence, lease.must_fence) == (9, False)


def test_a_claim_with_fields_of_a_later_version_is_one(tmp_path, claims):
    stored(tmp_path, claims, "000000007.json", claim_of(colour="blue", released=True))
    with hold(claims, "run") as lease:
        assert (lease.fence, lease.must_fence) == (8, False)


def test_a_claim_dated_far_ahead_is_told_with_its_file_and_taken_by_who_waits_and_sees_it_unchanged(tmp_path, claims):
    stored(tmp_path, claims, "000000007.json", claim_of(expires_at=time.time() + 1e6))
    told = r"lasts (1,000,000|999,\d{3}) s by .*_lease/000000007.json.* clock .*--break"
    with pytest.raises(InfrastructureError, match=told), hold(claims, "run"):
        pass
    claims.pace = Pace(lifetime=0.5, poll=0.05)
    with hold(claims, "run", wait=5.0) as lease:
        assert (lease.fence, lease.must_fence) == (8, True)


def test_a_holder_that_renews_is_not_taken_for_gone_by_who_waits(claims):
    claims.pace = Pace(lifetime=1.0, poll=0.05)
    with (
        hold(claims, "run A") as holder,
        pytest.raises(InfrastructureError, match="written by run A"),
        hold(claims, "run B", wait=2.5),
    ):
        pass
    assert holder.fence == 1


def test_a_holder_whose_clock_is_behind_is_not_taken_for_gone(claims):
    """Its claims have lapsed by our clock, and it renews them all the same."""
    claims.pace = Pace(lifetime=1.0, poll=0.05)
    behind = Claim(7, "run A", "elsewhere", 1, expires_at=time.time() - 7200.0, released=False)
    claims.add(behind)
    done = threading.Event()

    def renew():
        n = 0
        while not done.wait(0.2):
            n += 1
            claims.renew(replace(behind, expires_at=behind.expires_at + n))

    renewing = threading.Thread(target=renew)
    renewing.start()
    try:
        with pytest.raises(InfrastructureError, match="written by run A"), hold(claims, "run B"):
            pass
    finally:
        done.set()
        renewing.join()
    with hold(claims, "run B") as lease:  # it renews no more
        assert (lease.fence, lease.must_fence) == (8, True)


@pytest.mark.parametrize("name", ["notes.json", "7.json", "000000009 (copy).json", ".000000009.json.swp", "000000009.json.partial"])
def test_a_stray_file_beside_claims_is_no_claim(tmp_path, claims, name):
    stored(tmp_path, claims, name, b"stray")
    with hold(claims, "run") as lease:
        assert (lease.fence, lease.must_fence) == (1, False)


def test_a_link_that_leads_nowhere_is_named(tmp_path):
    (tmp_path / "_lease").mkdir()
    (tmp_path / "_lease" / "000000007.json").symlink_to(tmp_path / "nowhere")
    with (
        pytest.raises(InfrastructureError, match=r"000000007\.json, the lease of the lake, is a link that leads nowhere"),
        hold(FolderClaims(tmp_path, SHORT), "run"),
    ):
        pass
    break_lease(FolderClaims(tmp_path, SHORT), "somebody").release()
    with hold(FolderClaims(tmp_path, SHORT), "run") as lease:
        assert (lease.fence, lease.must_fence) == (9, True), "given up, not back: nobody has fenced the tables"


def test_a_claim_is_never_seen_in_part(tmp_path):
    """A reader beside 200 claims and renewals finds each whole."""
    claims, over = FolderClaims(tmp_path), threading.Event()

    def look():
        found = []
        while not over.is_set():
            found.append(claims.newest())
        return found

    with ThreadPoolExecutor() as pool:
        looking = pool.submit(look)
        for number in range(1, 101):
            claim = new_claim(number, "run", time.time() + 60)
            assert claims.add(claim)
            claims.renew(replace(claim, released=True))
        over.set()
        seen = looking.result()
    assert {claim.owner for claim in seen if claim is not None} == {"run"}
    assert not list((tmp_path / "_lease").glob("*.partial"))


def test_where_no_hard_links_are_a_claim_is_still_one_writers(tmp_path, monkeypatch):
    def unsupported(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", unsupported)
    claims = FolderClaims(tmp_path)
    assert claims.add(new_claim(1, "run A", time.time() + 60))
    assert not claims.add(new_claim(1, "run B", time.time() + 60))
    assert claims.newest().owner == "run A"


def test_a_process_that_has_the_number_of_a_dead_holder_is_not_taken_for_it():
    claim = new_claim(1, "run", time.time() + 60)
    assert claim.alive(time.time())
    assert not replace(claim, started=claim.started - 1).alive(time.time())


def test_a_machine_that_was_started_again_is_another(monkeypatch):
    claim = new_claim(1, "run", time.time() + 60)
    before = this_host()
    monkeypatch.setattr(module.Path, "read_text", lambda *_, **__: "another boot")
    assert this_host() != before
    assert not claim.over


def test_what_killed_writers_left_beside_is_cleared(tmp_path):
    claims = FolderClaims(tmp_path)
    claims.add(new_claim(1, "run", 0.0))
    for name, at in (("old", 0), ("new", time.time())):
        (tmp_path / "_lease" / f"{name}.partial").touch()
        os.utime(tmp_path / "_lease" / f"{name}.partial", (at, at))
    claims.add(new_claim(2, "run", 0.0))
    assert [path.name for path in (tmp_path / "_lease").glob("*.partial")] == ["new.partial"]
