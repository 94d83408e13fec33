"""Keys of stores are said once, and each client is given the same."""

import pytest

from object_stores.conftest import KEYS, environment
from object_stores.tiny import tiny_body
from sigmalake.config.environment.secrets import is_secret
from sigmalake.config.model import load_config
from sigmalake.config.stores.credentials import s3_access, store_secrets
from sigmalake.config.stores.opening import object_store_options, spark_settings
from sigmalake.config.stores.uri import Kind, StoreUri, parse_uri
from sigmalake.errors import ConfigError

PROFILES = """\
[default]
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key = default-secret
[research]
aws_access_key_id = AKIDRESEARCH
aws_secret_access_key = research-secret
aws_session_token = research-token
"""
SETTINGS = """\
[profile research]
region = eu-west-1
endpoint_url = http://minio:9000
[profile single]
sso_session = firm
region = eu-west-1
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "credentials").write_text(PROFILES)
    (tmp_path / "config").write_text(SETTINGS)
    return {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), "AWS_CONFIG_FILE": str(tmp_path / "config")}


def test_a_named_profile_gives_keys_region_and_endpoint(files):
    access = s3_access({**files, "AWS_PROFILE": "research"})
    assert access == ("eu-west-1", "http://minio:9000", "AKIDRESEARCH", "research-secret", "research-token")


def test_keys_of_the_environment_win_over_a_profile_and_take_none_of_its_token(files):
    access = s3_access({**files, **KEYS, "AWS_PROFILE": "research"})
    assert access == ("eu-central-1", "http://minio:9000", "AKIDLOOPBACK", "loopback-secret", None)


def test_without_a_name_the_default_profile_counts_and_without_files_each_client_looks_for_a_role(files):
    assert s3_access(files).key_id == "AKIDDEFAULT"
    assert s3_access({"AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_CONFIG_FILE": "/nowhere"}) == (None,) * 5


@pytest.mark.parametrize(
    ("name", "words"), [("other", "no profile of that name"), ("single", "export-credentials --profile single")]
)
def test_a_profile_that_gives_no_keys_is_refused(files, name, words):
    with pytest.raises(ConfigError, match=words):
        s3_access({**files, "AWS_PROFILE": name})


def test_every_client_is_given_the_same_keys_and_none_is_shown(files):
    with environment(**files, AWS_PROFILE="research"):
        options, settings = object_store_options("s3a://b/x"), spark_settings(["/a/folder", "s3://b/x"])
        assert store_secrets() == {"AKIDRESEARCH", "research-secret", "research-token"}
    assert options["aws_secret_access_key"] == settings["spark.hadoop.fs.s3a.secret.key"] == "research-secret"
    assert options["aws_region"] == settings["spark.hadoop.fs.s3a.endpoint.region"] == "eu-west-1"
    secret = {name for name, value in settings.items() if value in {"AKIDRESEARCH", "research-secret", "research-token"}}
    assert len(secret) == 3
    assert all(map(is_secret, secret))


def test_spark_is_not_given_a_uri_that_it_does_not_know():
    with pytest.raises(ConfigError, match="Spark knows no az://"):
        spark_settings(["az://c/x"])


def test_the_region_of_the_own_store_of_aws_has_to_be_said():
    with environment(), pytest.raises(ConfigError, match="set AWS_REGION"):
        object_store_options("s3://b/x")


def test_the_parts_of_uris():
    assert parse_uri("s3a://b/a/k=0%201/x") == StoreUri(Kind.S3, "b", "a/k=0 1/x")
    assert parse_uri("abfss://c@a.dfs.core.windows.net/x/") == StoreUri(Kind.AZURE, "c", "x", "a")
    with pytest.raises(ConfigError, match="no question mark"):
        parse_uri("s3://b/x?endpoint_override=http://host")


def test_paths_of_a_configuration_behind_a_uri_are_relative_to_it(monkeypatch):
    import json

    body = json.dumps(tiny_body("../lake", "in/a.parquet")).encode()
    monkeypatch.setattr("sigmalake.config.stores.files.read_bytes", lambda _: body)
    config = load_config("s3://risk/conf/tiny.yaml")
    assert (config.lake, config.sources.panel.path) == ("s3://risk/lake", "s3://risk/conf/in/a.parquet")
