"""Secret settings of a Spark session that this process starts: they reach the JVM through a private file.

pyspark starts its JVM with every setting on the command line, which anybody on the machine can read in the list of processes.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sigmalake.config.environment.secrets import is_secret

SUBMIT_ARGUMENTS = "PYSPARK_SUBMIT_ARGS"  # what pyspark puts behind `spark-submit` when it starts its JVM


@contextmanager
def secrets_from_file(settings: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """Start a session in here with the settings that this yields: the others stand in a file of its owner's, which is then removed.

    Where a JVM runs already, and for names that only a running session takes, there is no file: what goes through py4j is on no
    command line.
    """
    from pyspark import SparkContext  # noqa: PLC0415 - the local engine loads no Spark

    secret = {name: value for name, value in settings.items() if is_secret(name) and name.startswith("spark.")}
    if not secret or SparkContext._gateway is not None:
        yield dict(settings)
        return
    before = os.environ.get(SUBMIT_ARGUMENTS)
    with tempfile.TemporaryDirectory(prefix="sigmalake-") as folder:  # of mode 0700
        file = Path(folder, "spark.properties")
        file.touch(mode=0o600)
        file.write_text("".join(f"{_escaped(name)}={_escaped(str(value))}\n" for name, value in secret.items()), encoding="ascii")
        os.environ[SUBMIT_ARGUMENTS] = f"--properties-file {file} --load-spark-defaults {before or 'pyspark-shell'}"
        try:
            yield {name: value for name, value in settings.items() if name not in secret}
        finally:
            os.environ.pop(SUBMIT_ARGUMENTS)
            if before is not None:
                os.environ[SUBMIT_ARGUMENTS] = before


def _escaped(text: str) -> str:
    """Text as java.util.Properties reads it."""
    plain = re.compile(r"[\w./+-]", re.ASCII)
    octets = text.encode("utf-16-be")
    units = [int.from_bytes(octets[at : at + 2]) for at in range(0, len(octets), 2)]
    return "".join(chr(unit) if unit < 128 and plain.fullmatch(chr(unit)) else f"\\u{unit:04x}" for unit in units)
