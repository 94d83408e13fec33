"""Whether this Python has the packages of the extra [spark], told before anything is written or a JVM starts."""

from importlib.metadata import version
from importlib.util import find_spec

from sigmalake.errors import InfrastructureError


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
    if int((found := version("pandas")).split(".", maxsplit=1)[0]) >= 3:
        raise InfrastructureError(
            f"Spark is to run ({reason}), but pyspark does not support pandas {found}, which is installed; "
            "`pip install 'sigmalake[spark]'` brings a pandas below 3"
        )
