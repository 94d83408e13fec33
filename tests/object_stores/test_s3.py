"""A model whose configuration, source, lake and holdings are in an S3 bucket: its life, in the order of the tests."""

from collections import Counter
from types import SimpleNamespace

import obstore
import pandas as pd
import pytest
import yaml

from lakes import differences
from object_stores.conftest import KEYS, command, environment, free_port
from object_stores.tiny import parquet, tiny_body, tiny_panel
from processes import KILLED, killed_after, run
from sigmalake import open_release
from sigmalake.config.stores.files import read_bytes
from sigmalake.config.stores.opening import open_store
from sigmalake.lake.lease import claims_of, hold

CONFIG = "s3://risk/conf/tiny.yaml"


@pytest.fixture(scope="module")
def model(s3, tmp_path_factory):
    """A run that is killed once the panel is written, and one that goes on from there."""
    panel, body = tiny_panel(), tiny_body("s3a://risk/lake", "../in")
    days = sorted(panel["date"].unique())
    store, folder = open_store("s3://risk"), tmp_path_factory.mktemp("s3_model")
    obstore.put(store, "conf/tiny.yaml", yaml.safe_dump(body).encode())
    for name, some in {"a": days[:12], "b": days[12:-1], "c": days[-1:]}.items():
        (folder / f"{name}.parquet").write_bytes(parquet(panel[panel["date"].isin(some)]))
    for name in ("a", "b"):
        obstore.put(store, f"in/{name}.parquet", folder / f"{name}.parquet")
    killed = run("run", "--config", CONFIG, script=killed_after("panel"))
    found = command("run", "--config", CONFIG)
    return SimpleNamespace(killed=killed, found=found, folder=folder, store=store)


def test_a_killed_run_is_gone_on_from(model):
    assert model.killed.returncode == KILLED, model.killed.stderr
    assert model.found.exit_code == 0, model.found.err
    assert "panel: 21 dates" in model.found.err


def test_a_run_with_nothing_to_do_reads_no_object_of_the_source(model, s3):
    before = len(s3.asked())
    found = command("run", "--config", CONFIG)
    assert found.exit_code == 0, found.err
    assert found.err.count("nothing to do") == 6
    asked = s3.asked(before)
    assert not [line for line in asked if "GET /risk/in/" in line]
    assert len(asked) < 700


def test_of_a_day_that_is_appended_its_file_and_the_one_before_it_are_read(model, s3):
    obstore.put(model.store, "in/c.parquet", model.folder / "c.parquet")
    before = len(s3.asked())
    found = command("run", "--config", CONFIG)
    assert found.exit_code == 0, found.err
    assert "panel: 2 dates" in found.err  # the last row of before waited for its return
    read = Counter(name for line in s3.asked(before) for name in "abc" if f"GET /risk/in/{name}.parquet" in line)
    assert read["a"] == 1  # its footer says that none of its dates is asked for
    assert read["b"] > 1  # the exposures of the day before
    assert read["c"] > 1


def test_the_tables_are_those_of_a_lake_in_a_folder(model, tmp_path):
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(tiny_body("lake", str(model.folder))))
    assert command("run", "--config", tmp_path / "tiny.yaml").exit_code == 0
    copied = command("copy", "--lake", "s3://risk/lake", tmp_path / "copy")
    assert copied.exit_code == 0, copied.err
    assert not differences(tmp_path / "copy", tmp_path / "lake", relative=1e-12)


def test_a_release_is_read_and_asked(model):
    risk = open_release("s3a://risk/lake").risk()
    held = pd.Series({asset: 1.0 / len(risk.assets) for asset in risk.assets})
    obstore.put(model.store, "held.csv", held.rename_axis("asset_id").rename("weight").to_csv().encode())
    found = command(
        "portfolio", "s3://risk/held.csv", "--lake", "s3://risk/lake", "--missing", "leave_out", "--to", "s3://risk/out/sheet.csv"
    )
    assert found.exit_code == 0, found.err
    assert "s3://risk/held.csv" in found.out
    assert "s3://risk/out/sheet.csv" in found.err
    assert "/tmp/" not in found.out + found.err
    assert len(read_bytes("s3://risk/out/sheet.csv").splitlines()) >= len(held)
    missing = command("portfolio", "s3://risk/other.csv", "--lake", "s3://risk/lake")
    assert (missing.exit_code, missing.err) == (2, "error: there is no file s3://risk/other.csv\n")


def test_the_lake_is_checked_and_maintained(model):
    for verb in ("check", "maintain"):
        found = command(verb, "--config", CONFIG)
        assert found.exit_code == 0, found.err


def test_of_two_writers_the_second_is_told_who_holds_the_lake(model):
    with hold(claims_of("s3a://risk/lake", None), "another run"):
        found = command("run", "--config", CONFIG)
    assert found.exit_code == 3
    assert "s3a://risk/lake is being written by another run" in found.err
    one, other = (claims_of("s3://risk/lake", None) for _ in range(2))
    claim = one.newest()
    assert claim.released
    assert not other.add(claim)


@pytest.mark.parametrize("verb", [("run", "--config"), ("sql", "select 1", "--lake")], ids=["run", "sql"])
@pytest.mark.parametrize("wrong", ["missing", "refusing", "unreachable"])
def test_a_store_that_cannot_be_used_is_told_in_a_sentence(s3, refusing, tmp_path, wrong, verb):
    lake = "s3://none/lake" if wrong == "missing" else "s3://risk/lake"
    words = {"missing": "there is no bucket", "refusing": "refuses these keys", "unreachable": "cannot be reached"}[wrong]
    endpoint = {"missing": s3.url, "refusing": refusing, "unreachable": f"http://127.0.0.1:{free_port()}"}[wrong]
    file = tmp_path / "model.yaml"
    file.write_text(yaml.safe_dump(tiny_body(lake, f"{lake}/in")))
    with environment(**KEYS, AWS_ENDPOINT_URL=endpoint):
        found = command(*verb, file if verb[0] == "run" else lake)
    assert found.exit_code == 3, found.err
    assert words in found.err
    assert endpoint in found.err
    assert found.err.count("\n") == 1, found.err
    assert len(found.err) < 300
