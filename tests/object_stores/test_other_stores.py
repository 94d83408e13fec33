"""The same model in stores of other makers, each by a server of this machine that `scripts/test stores` fetches."""

import json
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager, suppress

import obstore
import pytest
import yaml

from object_stores.conftest import KEYS, command, environment, free_port
from object_stores.fetched import program
from object_stores.tiny import parquet, tiny_body, tiny_panel
from sigmalake import open_release
from sigmalake.config.stores.opening import arrow_place, open_store

AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # published with it


@contextmanager
def running(port, log, *arguments):
    with log.open("wb") as told, subprocess.Popen(list(map(str, arguments)), stdout=told, stderr=told) as server:
        try:
            for _ in range(300):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            yield
        finally:
            server.kill()


@contextmanager
def versitygw(path, port, folder):
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed; moto brings it")
    keys = ("--access", KEYS["AWS_ACCESS_KEY_ID"], "--secret", KEYS["AWS_SECRET_ACCESS_KEY"], "--region", KEYS["AWS_REGION"])
    (folder / "data").mkdir()
    (folder / "side").mkdir()
    posix = ("posix", "--sidecar", folder / "side", folder / "data")
    with running(port, folder / "log", path, *keys, "--port", f"127.0.0.1:{port}", *posix):
        url = f"http://127.0.0.1:{port}"
        with environment(**KEYS, AWS_ENDPOINT_URL=url):
            boto3.client("s3", endpoint_url=url, region_name=KEYS["AWS_REGION"]).create_bucket(Bucket="risk")
            yield "s3://risk"


@contextmanager
def azurite(path, port, folder):
    with running(port, folder / "log", path, "--location", folder, "--blobPort", port, "--silent", "--skipApiVersionCheck"):
        endpoint = f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}"
        keys = {"AZURE_STORAGE_ACCOUNT_NAME": AZURITE_ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": AZURITE_KEY}
        with environment(**keys, AZURE_STORAGE_ENDPOINT=endpoint):
            arrow_place("az://risk").files.create_dir("risk")
            yield "az://risk"


@contextmanager
def fake_gcs(path, port, folder):
    url = f"http://127.0.0.1:{port}"
    where = ("-scheme", "http", "-host", "127.0.0.1", "-port", port, "-external-url", url, "-public-host", f"127.0.0.1:{port}")
    with running(port, folder / "log", path, *where, "-backend", "memory"), environment(STORAGE_EMULATOR_HOST=url):
        made = urllib.request.Request(f"{url}/storage/v1/b?project=p", json.dumps({"name": "risk"}).encode())
        with urllib.request.urlopen(made):
            pass
        yield "gs://risk"


@pytest.mark.stores
@pytest.mark.parametrize(
    ("server", "name"),
    [(versitygw, "versitygw"), (azurite, "azurite-blob"), (fake_gcs, "fake-gcs-server")],
    ids=["versitygw", "azurite", "fake-gcs-server"],
)
def test_a_model_is_run_and_read(server, name, tmp_path):
    path = program(name)
    if path is None:
        pytest.skip(f"{name} is not here; scripts/test stores fetches it where go and npm are")
    with server(path, free_port(), tmp_path) as bucket:
        store = open_store(bucket)
        obstore.put(store, "in/a.parquet", parquet(tiny_panel()))
        obstore.put(store, "tiny.yaml", yaml.safe_dump(tiny_body(f"{bucket}/lake", "in")).encode())
        first = command("run", "--config", f"{bucket}/tiny.yaml")
        assert first.exit_code == 0, first.err
        again = command("run", "--config", f"{bucket}/tiny.yaml")
        assert again.exit_code == 0, again.err
        assert again.err.count("nothing to do") == 6
        assert len(open_release(f"{bucket}/lake").risk().assets) > 8
        for verb in ("check", "maintain"):
            found = command(verb, "--config", f"{bucket}/tiny.yaml")
            assert found.exit_code == 0, found.err
