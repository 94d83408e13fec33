"""The verbs for a lake as a whole, on the command line: what they print, and their exit codes."""

import json

import pytest
import yaml

from sigmalake.cli import app as cli
from sigmalake.lake.books import release_ledger
from sigmalake.reader.open_release import open_release


@pytest.fixture
def run(model, monkeypatch, capsys):
    """A verb on the model's configuration; gives the exit code, and what it printed."""
    file = model.folder / "model.yaml"

    def called(verb, *args, config=True):
        file.write_text(yaml.safe_dump(model.body, sort_keys=False))
        monkeypatch.setattr("sys.argv", ["sigmalake", verb, *(["--config", str(file)] if config else []), *args])
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = ended.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return called


def test_a_lake_is_maintained_copied_and_a_release_withdrawn(model, run, tmp_path):
    named = [release.release_id for release in release_ledger(model.context().lake).releases]
    model.body["retention"] |= {"last": 2}

    code, out, _ = run("maintain", "--dry-run", "--output", "json")
    planned = json.loads(out)
    assert (code, planned["dry_run"], planned["trimmed"]) == (0, True, named[:4])
    assert open_release(model.lake_folder, named[0]).release_id == named[0]

    code, out, err = run("maintain")
    assert code == 0
    assert "2 releases kept, 4 trimmed (retention: the last 2)" in out.replace("\n", " ")
    assert out.splitlines()[-1].startswith("all tables")
    assert "4 releases trimmed" in err
    code, _, err = run("maintain")
    assert (code, "maintain: nothing to do" in err) == (0, True)

    code, out, _ = run("copy", str(tmp_path / "backup"), "--release", named[4])
    assert (code, f"release {named[4]} is copied to {tmp_path / 'backup'}" in out) == (0, True)
    assert open_release(tmp_path / "backup").release_id == named[4]
    code, out, err = run("copy", str(tmp_path / "other"), "--release", named[0])
    assert (code, out) == (1, "")
    assert "was trimmed" in err

    code, out, _ = run("release", "--withdraw", named[5], "--why", "a return was wrong")
    assert (code, out) == (0, f"release {named[5]} is withdrawn: a return was wrong; {named[4]} is the last release\n")
    code, out, _ = run("run")
    assert code == 0
    assert f"release {named[4]}" in out
    code, out, _ = run("releases", "--output", "json")
    assert [release["state"] for release in json.loads(out)] == ["trimmed"] * 4 + ["stands", "withdrawn"]

    code, out, _ = run("upgrade")
    assert (code, "nothing to do, the format is the present one" in out) == (0, True)


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--withdraw", "{last}"], 2, "--withdraw needs --why TEXT"),
        (["--withdraw", "{last}", "--why", " "], 2, "--withdraw needs --why TEXT"),
        (["--why", "wrong"], 2, "name the release that is withdrawn"),
        (["--withdraw", "2001-01-01.1", "--why", "wrong"], 1, "has no release 2001-01-01.1"),
    ],
)
def test_a_withdrawal_that_cannot_be_has_a_sentence(model, run, args, code, message):
    last = open_release(model.lake_folder).release_id
    found, out, err = run("release", *(arg.format(last=last) for arg in args))
    assert (found, out) == (code, "")
    assert message in err
    assert open_release(model.lake_folder).release_id == last


def test_two_do_not_maintain_at_once(model, run):
    from sigmalake.lake.claims.folder_claims import FolderClaims
    from sigmalake.lake.lease import hold

    with hold(FolderClaims(model.lake_folder), "another run"):
        code, _, err = run("maintain")
    assert code == 3
    assert "is being written by another run" in err


@pytest.mark.parametrize(("verb", "args"), [("copy", ["there"]), ("releases", []), ("compare", ["a", "b"])])
def test_no_lake_is_exit_code_2(run, tmp_path, verb, args):
    code, out, err = run(verb, *args, "--lake", str(tmp_path / "nowhere"), config=False)
    assert (code, out) == (2, "")
    assert "there is no lake at" in err


def test_a_lake_in_a_catalog_is_not_copied_by_its_files(run):
    code, _, err = run("copy", "there", "--lake", "catalog.schema", config=False)
    assert code == 2
    assert "lies in a catalog, whose files only the platform can read: copy its tables with CREATE TABLE ... CLONE" in err
