"""Whether this Python has what Spark needs, and a server answers, told before anything is written or a JVM starts."""

import socket
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from urllib.parse import urlsplit

from sigmalake.errors import InfrastructureError

OLDEST_SPARK = 4
DEFAULT_PORT, ANSWERS_WITHIN = 15002, 10.0  # of Spark Connect; seconds


def check_spark_packages(reason: str) -> None:
    """Refuse to start Spark where pyspark is missing, or stands beside a pandas that it does not support.

    Args:
        reason: why Spark is to run, for the message.

    Raises:
        InfrastructureError: names the extra that brings what is missing.
    """
    if find_spec("pyspark") is None:
        raise InfrastructureError(
            f"Spark is to run ({reason}), but pyspark is not installed; `pip install 'sigmalake[spark]'` brings it"
        )
    check_spark_version(_pyspark_version(), "pyspark")
    if int((found := version("pandas")).split(".", maxsplit=1)[0]) >= 3:
        raise InfrastructureError(
            f"Spark is to run ({reason}), but pyspark does not support pandas {found}, which is installed; "
            "`pip install 'sigmalake[spark]'` brings a pandas below 3"
        )


def check_spark_version(found: str, of: str) -> None:
    """Refuse a Spark that lacks what the engine asks of it.

    Args:
        found: its version.
        of: what is of this version, for the message.

    Raises:
        InfrastructureError: it is older than 4.0.
    """
    if int(found.split(".", maxsplit=1)[0]) < OLDEST_SPARK:
        raise InfrastructureError(
            f"{of} is of Spark {found}, which cannot make a DataFrame of an Arrow table; sigmalake takes Spark {OLDEST_SPARK}.0 or "
            "newer. Where there is none, --engine local needs no Spark"
        )


def check_server(url: str) -> None:
    """Refuse a server of Spark Connect that nobody answers for: pyspark would try for ten minutes. Not looked at behind a proxy.

    Args:
        url: sc://HOST:PORT, perhaps with parameters.

    Raises:
        InfrastructureError: nobody answers; or a package is missing that the client needs.
    """
    from urllib.request import getproxies  # noqa: PLC0415 - it loads what speaks HTTP

    if find_spec("grpc") is None:
        raise InfrastructureError(f"{url} is a server of Spark Connect, whose client `pip install 'sigmalake[connect]'` brings")
    place = urlsplit(url)
    if place.scheme != "sc" or getproxies():
        return
    host, port = place.hostname or "", place.port or DEFAULT_PORT
    try:
        socket.create_connection((host, port), timeout=ANSWERS_WITHIN).close()
    except OSError as error:
        raise InfrastructureError(
            f"no server of Spark Connect answers at {host}:{port}, which SPARK_REMOTE names: {error}; see that it runs"
        ) from error


def _pyspark_version() -> str:
    """As pyspark says it: platforms bring it without the metadata of a package, and pyspark-client under another name."""
    return str(import_module("pyspark.version").__version__)
