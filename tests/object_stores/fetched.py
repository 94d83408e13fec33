"""What `scripts/test stores` fetches: JARs for S3A on Spark, by their hashes, and other servers of stores, at their versions.

`python tests/object_stores/fetched.py` fetches all of it into the cache folder. A server that cannot be had is named, and its
tests are left out.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from sigmalake.cli.setup.runtime import Jar, cache_folder, fetch_jar

# hadoop-aws of the Hadoop in pyspark 4.2, and the modules of the AWS SDK that it loads: 13 MB, where the whole SDK is 690.
PINS = [line.split() for line in Path(__file__).with_name("s3a_jars.txt").read_text(encoding="ascii").splitlines()]
JARS = [Jar(group, artifact, version, int(size), digest) for group, artifact, version, size, digest in PINS]
VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
FAKE_GCS = "github.com/fsouza/fake-gcs-server@v1.56.1"
AZURITE = "azurite@3.37.0"


def folder() -> Path:
    """Where it is kept."""
    return cache_folder() / "stores"


def s3a_jars() -> list[Path]:
    """The JARs of S3A, each fetched once."""
    paths = [folder() / "s3a" / jar.name for jar in JARS]
    for jar, path in zip(JARS, paths, strict=True):
        if not path.is_file() or path.stat().st_size != jar.size:
            fetch_jar(jar, path)
    return paths


def program(name: str) -> Path | None:
    """A server that was fetched, or that this machine has; None where there is none."""
    places = [folder() / "bin" / name, folder() / "node_modules" / ".bin" / name]
    found = next((path for path in places if path.exists()), None) or shutil.which(name)
    return None if found is None else Path(found)


def install_servers() -> None:
    """The servers, by Go's and Node's own tools, which check what they fetch."""
    into = folder()
    into.mkdir(parents=True, exist_ok=True)
    go = {**os.environ, "GOBIN": str(into / "bin"), "CGO_ENABLED": "0"}
    for name, command, environment in (
        ("versitygw", ["go", "install", VERSITYGW], go),
        ("fake-gcs-server", ["go", "install", FAKE_GCS], go),
        ("azurite-blob", ["npm", "install", "--prefix", str(into), "--no-audit", "--no-fund", "--ignore-scripts", AZURITE], None),
    ):
        if program(name) is None:
            made = shutil.which(command[0]) and subprocess.run(command, env=environment, check=False).returncode == 0
            print(f"{name}: {'fetched' if made else 'could not be had; its tests are left out'}", file=sys.stderr)


if __name__ == "__main__":
    s3a_jars()
    install_servers()
