"""What a scheduler reads: the document of a run, also of one that fails, the codes of plan and status, the next step."""

import json
import signal
from datetime import UTC, date, datetime, timedelta

import jsonschema
import pytest
import yaml

from processes import killed_after, run, small_model
from sigmalake.cli import app as cli
from sigmalake.cli.verbs import run_document, status
from sigmalake.cli.verbs.status import age_of
from sigmalake.errors import STALE, WORK_TO_DO, ConfigError, InfrastructureError, SigmalakeError


@pytest.fixture
def config(tmp_path):
    return small_model(tmp_path)


@pytest.fixture
def call(monkeypatch, capsys):
    """The command as its entry point runs it: exit code, stdout, stderr."""

    def called(*arguments):
        monkeypatch.setattr("sys.argv", ["sigmalake", *map(str, arguments)])
        monkeypatch.setattr(cli, "prepare_environment", lambda: None)
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return called


def document(out):
    body = json.loads(out)
    jsonschema.validate(body, run_document.SCHEMA)
    return body


def test_a_run_is_one_document_with_stages_rows_reasons_warnings_and_its_release(config, call):
    code, out, _ = call("run", "--config", config, "--output", "json")
    body = document(out)
    assert (code, body["exit_code"], body["status"], body["changed"]) == (0, 0, "done", True)
    assert [stage["stage"] for stage in body["stages"]] == ["ingest", "quality", "regress", "risk", "covariance", "release"]
    ingest = body["stages"][0]
    assert (ingest["dates"], ingest["rows_out"]) == (50, 50)
    assert ingest["rows_in"] == ingest["rows_rejected"] + 2682 + 2620 + 67
    reasons = {(one["source"], one["column"], one["reason"]): one["rows"] for one in body["rejected"]}
    assert reasons["panel.exposures", "cap", "not positive"] == 1
    assert len(body["warnings"]) == 3
    assert body["release"]["new"]
    again = document(call("run", "--config", config, "--output", "json")[1])
    assert (again["status"], again["changed"], again["release"]["new"]) == ("nothing to do", False, False)
    assert again["release"]["release_id"] == body["release"]["release_id"]


def test_a_refused_release_and_a_mistake_are_in_the_document_with_their_codes(config, call):
    strict = yaml.safe_load(config.read_text()) | {"checks": {"min_r2": 0.999}}
    config.write_text(yaml.safe_dump(strict))
    code, out, err = call("run", "--config", config, "--output", "json")
    body = document(out)
    assert (code, body["exit_code"], body["status"], body["release"]) == (1, 1, "refused", None)
    assert body["error"]["type"] == "ReleaseRefusedError"
    assert body["error"]["message"] in err
    assert body["stages"][-1]["status"] == "refused"
    config.write_text("model: x\n")
    code, out, _ = call("run", "--config", config, "--output", "json")
    assert (code, document(out)["exit_code"], document(out)["error"]["type"], document(out)["stages"]) == (2, 2, "ConfigError", [])


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (InfrastructureError("no disk"), 3, "failed"),
        (ValueError("of the program"), 3, "failed"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_whatever_ends_a_run_is_in_the_document(config, call, monkeypatch, error, code, told):
    def ends(_context):
        raise error

    monkeypatch.setattr("sigmalake.stages.run.run", ends)
    ended, out, _ = call("run", "--config", config, "--output", "json")
    body = document(out)
    assert (ended, body["exit_code"], body["status"]) == (code, code, told)
    assert body["run_id"] is not None


def test_a_plan_with_exit_code_tells_work_from_none_and_from_mistakes(config, call):
    assert call("plan", "--config", config)[0] == 0
    assert call("plan", "--config", config, "--exit-code")[0] == WORK_TO_DO
    call("run", "--config", config)
    assert call("plan", "--config", config, "--exit-code")[0] == 0
    assert call("plan", "--config", config.parent / "none.yaml", "--exit-code")[0] == 2
    failures = {kind.exit_code for kind in (SigmalakeError, *SigmalakeError.__subclasses__())} | {129, 130, 143}
    assert not {WORK_TO_DO, STALE} & failures


def test_status_tells_the_age_the_next_step_and_an_old_release_by_its_code(config, call, monkeypatch):
    code, out, _ = call("status", "--config", config, "--max-age", "2d")
    assert (code, "no tables yet" in out, "makes the first release" in out) == (STALE, True, True)
    call("run", "--config", config)
    code, out, err = call("status", "--config", config, "--max-age", "2d")
    assert code == STALE
    assert "--max-age is 2d" in err
    assert "next: bring rows after 2024-03-08 into the sources" in out
    assert max(len(line) for line in out.splitlines() if "/" not in line) <= 80

    class Clock(datetime):
        @classmethod
        def now(cls, _zone=None):
            return datetime(2024, 3, 10, 12, tzinfo=UTC)

    monkeypatch.setattr(status, "datetime", Clock)
    assert call("status", "--config", config, "--max-age", "2d")[0] == 0
    assert call("status", "--config", config, "--max-age", "35h")[0] == STALE
    body = json.loads(call("status", "--config", config, "--output", "json")[1])
    assert body["age_days"] == pytest.approx(1.5)
    assert (body["stale"], body["interrupted"], body["withdrawn"], body["lease"]["state"]) == (False, [], [], "free")
    assert body["next"].startswith("nothing, until the sources change")


def test_ages_are_hours_days_or_weeks():
    assert status._parsed("36h") == timedelta(hours=36)
    assert status._parsed("1.5 d") == timedelta(hours=36)
    assert status._parsed("2w") == timedelta(days=14)
    with pytest.raises(ConfigError, match=r"--max-age 'soon' is no age; give hours, days or weeks"):
        status._parsed("soon")


def test_the_last_date_of_all_calendars_is_not_over_yet():
    assert age_of(date.max, datetime(2024, 1, 2, tzinfo=UTC)) < timedelta(0)


def test_status_names_a_withdrawn_release_with_its_reason(config, call):
    call("run", "--config", config)
    call("release", "--config", config, "--withdraw", "2024-03-08.1", "--why", "a bad source")
    code, out, _ = call("status", "--config", config)
    assert (code, "no release stands" in out, "withdrawn: a bad source" in out) == (0, True, True)


def test_status_names_a_run_that_was_killed_and_what_to_do(config):
    killed = run("run", "--config", config, script=killed_after("cross_sections"))
    assert killed.returncode == -signal.SIGKILL
    told = run("status", "--config", config).stdout
    assert "interrupted: run " in told
    assert "ended without giving the lake back" in told
    assert "goes on from where it was stopped" in told
    assert run("run", "--config", config).returncode == 0
    assert "interrupted" not in run("status", "--config", config).stdout


def test_the_schema_of_the_document_is_printed(call):
    assert json.loads(call("schema", "run")[1]) == run_document.SCHEMA
    jsonschema.Draft202012Validator.check_schema(run_document.SCHEMA)
