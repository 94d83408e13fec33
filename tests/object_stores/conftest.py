"""An S3 server on the loopback, in a process of its own, started once; and the command line in this process."""

import io
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest

from sigmalake.cli import app

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDLOOPBACK", "AWS_SECRET_ACCESS_KEY": "loopback-secret", "AWS_REGION": "eu-central-1"}
BUCKET = "risk"


class Outcome(NamedTuple):
    """What a user sees."""

    exit_code: int
    out: str
    err: str


class Server(NamedTuple):
    """A server, and what it was asked."""

    url: str
    log: Path

    def asked(self, since: int = 0) -> list[str]:
        """The requests that its log has from a line on, without colours: `GET /bucket/key HTTP/1.1`."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if " HTTP/1.1" in line]
        return [line.replace("\x1b[", " ").split('"', 1)[1] for line in lines[since:]]


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@contextmanager
def environment(**given: str):
    """These variables of the stores, and none of the machine's."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "STORAGE_"))]:
        del os.environ[name]
    os.environ.update({"AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere", **given})
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    """A server with one bucket, which the environment leads to."""
    pytest.importorskip("moto", reason="moto is not installed; it is in the extra [test]")
    port, log = free_port(), tmp_path_factory.mktemp("s3") / "moto.log"
    url = f"http://127.0.0.1:{port}"
    program = [sys.executable, "-c", f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"]
    with log.open("wb") as opened, subprocess.Popen(program, stdout=opened, stderr=opened) as running:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        with urllib.request.urlopen(urllib.request.Request(f"{url}/{BUCKET}", method="PUT")):
            pass
        with environment(**KEYS, AWS_ENDPOINT_URL=url):
            yield Server(url, log)
        running.kill()


class Refuses(BaseHTTPRequestHandler):
    """A server that lets nobody in."""

    def do_GET(self):
        body = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_PUT = do_POST = do_GET  # noqa: N815 - as the base class calls them

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def refusing():
    with ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def command(*arguments: object) -> Outcome:
    """The command line in this process."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["sigmalake", *map(str, arguments)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            app.main()
        code = 0
    except SystemExit as done:
        code = int(done.code or 0)
    finally:
        sys.argv = before
    return Outcome(code, out.getvalue(), err.getvalue())
