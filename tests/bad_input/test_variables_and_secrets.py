"""Variables of the environment in a configuration, and secrets that are shown nowhere."""

import stat

import pytest
from small_panel import CONFIG, small_panel, swapped, written

from sigmalake.cli import terminal
from sigmalake.config.environment.secrets import is_secret, masked
from sigmalake.config.model import load_config
from sigmalake.errors import DataError
from sigmalake.lake.log import open_table, read_columns
from sigmalake.tables.records import RUNS

SECRET = "wJalrXUtnFEMI"
SPARK = "spark:\n  spark.hadoop.fs.s3a.secret.key: ${S3_KEY}\n  spark.hadoop.note: at ${S3_KEY}\n  my.monkey: ${ANIMAL:-chimp}\n"


@pytest.fixture(autouse=True)
def nothing_hidden(monkeypatch):
    monkeypatch.setattr(terminal._Hidden, "secrets", frozenset())


@pytest.fixture
def keyed(tmp_path, monkeypatch):
    """A configuration with a secret, beside its panel."""
    monkeypatch.setenv("S3_KEY", SECRET)
    small_panel().to_parquet(tmp_path / "panel.parquet")
    return written(tmp_path, CONFIG + SPARK)


SECRET_NAMES = [
    "access_key",
    "fs.s3a.secret.key",
    "sasToken",
    "API_KEY",
    "spark.ssl.keyPassword",
    "db.passwd",
    "accesskey",
    "AWSSecretKey",
]
OTHER_NAMES = ["monkey", "tokenizer", "spark.driver.memory", "keyboard", "hockey.team", "secretary", "partitions"]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_setting_is_secret_by_a_word_of_its_name(name):
    assert is_secret(name)


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_a_word_that_only_contains_another_is_not_secret(name):
    assert not is_secret(name)


MASKED = [
    (f"key {SECRET} is wrong", "key *** is wrong"),
    ("cannot read s3://AKIA:topsecret@bucket/a", "cannot read s3://***@bucket/a"),
    ("at abfss://c@a/b?sv=2024&sig=Ab%2Fc&se=1", "at abfss://c@a/b?sv=2024&sig=***&se=1"),
    ("s3://bucket/folder?key_prefix=a", "s3://bucket/folder?key_prefix=***"),
    ("columns: {asset_id: key}", "columns: {asset_id: key}"),
]


@pytest.mark.parametrize(("text", "shown"), MASKED)
def test_text_is_shown_without_secrets(text, shown):
    assert masked(text, [SECRET, "key"]) == shown  # three letters are no secret


def test_variables_are_put_in_when_the_file_is_read(keyed, monkeypatch, tmp_path):
    monkeypatch.setenv("LAKE_ROOT", str(tmp_path / "lakes"))
    keyed.write_text(swapped("lake: lake", "lake: ${LAKE_ROOT}/small", CONFIG.replace("model: small", "model: $${small}")) + SPARK)
    config = load_config(keyed)
    assert config.lake == str(tmp_path / "lakes" / "small")
    assert config.model == "${small}"
    assert config.spark == {
        "spark.hadoop.fs.s3a.secret.key": SECRET, "spark.hadoop.note": f"at {SECRET}", "my.monkey": "chimp",
    }  # fmt: skip


def test_a_number_may_be_a_variable(keyed, monkeypatch):
    monkeypatch.setenv("RIDGE", "0.25")
    assert load_config(keyed, ["regression.ridge=${RIDGE}"]).regression.ridge == 0.25


UNRESOLVED = [
    (
        "a variable that is not set",
        "lake: ${LAKE_ROOT}",
        "lake, line 2: the variable LAKE_ROOT is not set",
        "${LAKE_ROOT:-default}",
    ),
    ("a variable without a name", "lake: ${}", "lake, line 2: ${} names no variable"),
    ("a variable without an end", "lake: ${LAKE", "lake, line 2: ${LAKE} names no variable"),
    ("a variable within brackets", "lake: lake\nevaluate: {variants: [${A}]}", "line 3", "put ${...} in quotes"),
    ("a list that holds itself", "lake: &a [*a]", "lake.0: the anchor on line 2 holds itself"),
    ("a character NUL in a path", 'lake: "a\\0b"', "lake: 'a\\x00b' is not a path"),
]


@pytest.mark.parametrize(("line", "words"), [pytest.param(line, words, id=name) for name, line, *words in UNRESOLVED])
def test_a_variable_that_cannot_be_put_in_is_told_with_its_key_and_line(asked, tmp_path, line, words):
    seen = asked("validate", "--config", written(tmp_path, swapped("lake: lake", line)))
    assert seen.says(*words)
    assert (seen.exit_code, seen.out) == (2, "")


def test_a_secret_in_a_mistake_is_not_shown(asked, keyed):
    seen = asked("validate", "--config", keyed, "--set", "regression.ridge=${S3_KEY}")
    assert seen.says("regression.ridge: must be a number", "***")
    assert SECRET not in seen.err


def test_the_hash_does_not_depend_on_secrets_or_on_where_they_are_from(keyed, monkeypatch):
    first = load_config(keyed).full_hash()
    monkeypatch.setenv("S3_KEY", "another")
    assert load_config(keyed).full_hash() == first
    keyed.write_text(CONFIG)
    assert load_config(keyed).full_hash() == first


@pytest.mark.parametrize("form", ["text", "json"])
def test_validate_prints_no_secret(asked, keyed, form):
    seen = asked("validate", "--config", keyed, "--output", form, "--defaults")
    assert seen.exit_code == 0, seen.err
    assert SECRET not in seen.out + seen.err
    assert "***" in seen.out
    assert "chimp" in seen.out


def test_runs_hold_no_secret_neither_in_the_configuration_nor_in_an_error(asked, keyed, tmp_path, monkeypatch):
    def fails(*_: object) -> None:
        raise DataError(f"no such account: {SECRET}")

    monkeypatch.setattr("sigmalake.stages.run.STAGES", {"ingest": fails})
    assert asked("ingest", "--config", keyed).exit_code == 1
    (row,) = read_columns(open_table(str(tmp_path / "lake" / RUNS.name)), ["config", "error"]).to_pylist()
    assert row["error"] == "no such account: ***"
    assert "spark.hadoop.fs.s3a.secret.key: '***'" in row["config"]
    assert SECRET not in row["config"]


def test_an_unexpected_error_is_logged_for_its_owner_alone_and_without_secrets(asked, keyed, tmp_path, monkeypatch):
    def fails(*_: object) -> None:
        raise KeyError(f"no such account: {SECRET}")

    monkeypatch.setattr("sigmalake.stages.queries.validate.validate", fails)
    seen = asked("validate", "--config", keyed)
    assert seen.exit_code == 3
    assert SECRET not in seen.err
    (log,) = (tmp_path / "cache" / "logs").glob("*.log")
    assert "KeyError: 'no such account: ***'" in log.read_text()
    assert (stat.S_IMODE(log.stat().st_mode), stat.S_IMODE(log.parent.stat().st_mode)) == (0o600, 0o700)


def test_a_name_in_the_data_cannot_move_the_cursor(asked, tmp_path):
    small_panel().assign(symbol="\x1b[2J").to_parquet(tmp_path / "panel.parquet")
    seen = asked("run", "--config", written(tmp_path))
    assert "\x1b" not in seen.err + seen.out
