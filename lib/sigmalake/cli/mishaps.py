"""Mishaps of the machine, told as what the operator can do about them; libraries tell them in errors of many kinds."""

import errno
import re
from collections.abc import Iterator
from pathlib import Path

from sigmalake.errors import InfrastructureError, telling_line

_JVM_GONE = re.compile(
    r"Answer from Java side is empty|Error while (sending|receiving)|stopped SparkContext|Gateway must be connected"
)
_NO_DELTA = re.compile(r"DELTA_CONFIGURE_SPARK_SESSION_WITH_EXTENSION_AND_CATALOG|DATA_SOURCE_NOT_FOUND.*\bdelta\b", re.DOTALL)
_STORE = re.compile(
    r"Generic (S3|GCS|MicrosoftAzure|HTTP) error|error sending request|Stream closed|UnknownHostException|NoSuchBucket|"
    r"AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|S3A?\w*Exception|AWS Error|dns error|Connection refused",
)
_DISK = {
    errno.ENOSPC: "is full; free some space and run again",
    errno.EDQUOT: "is beyond its quota; free some space and run again",
    errno.EROFS: "is read-only; make it writable, or name another folder",
    errno.EACCES: "may not be read or written by this user; change its permissions, or name another folder",
    errno.EPERM: "may not be read or written by this user; change its permissions, or name another folder",
    errno.EIO: "cannot be read or written; look at the disk and run again",
}
_TOLD = {"No space left on device": errno.ENOSPC, "Read-only file system": errno.EROFS, "Permission denied": errno.EACCES}


def explained(error: BaseException, log: Path) -> InfrastructureError | None:
    """What the operator can do about an error of the machine's; None where it is not one that is known.

    Args:
        error: what ended the run.
        log: of the JVM.
    """
    chain = list(_causes(error))
    if any(_is_of_a_gateway(cause) for cause in chain):
        return InfrastructureError(
            f"Spark's JVM ended unexpectedly, perhaps for lack of memory. Its log is {log}. Run again, or set "
            "`spark: {spark.driver.memory: ...}` higher"
        )
    if any(_NO_DELTA.search(str(cause)) for cause in chain):
        return InfrastructureError(
            "this Spark session has no Delta Lake: start it with Delta's JARs, "
            "spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension and "
            "spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog"
        )
    for cause in chain:
        if (found := _of_disk(cause)) is not None:
            return found
    for cause in chain:
        if isinstance(cause, ConnectionError | TimeoutError) or _STORE.search(str(cause)):
            return InfrastructureError(
                f"a store cannot be reached or refuses: {telling_line(cause)}; see that its address, the network and the keys in "
                "the environment are right, and run again"
            )
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _is_of_a_gateway(error: BaseException) -> bool:
    """Whether py4j could not talk to its JVM; a refused connection is py4j's where its modules raised it."""
    if type(error).__module__.startswith("py4j") and _JVM_GONE.search(str(error)):
        return True
    return isinstance(error, ConnectionError | EOFError) and _raised_in(error, "py4j")


def _raised_in(error: BaseException, package: str) -> bool:
    trace = error.__traceback__
    while trace is not None:
        if f"/{package}/" in trace.tb_frame.f_code.co_filename:
            return True
        trace = trace.tb_next
    return False


def _of_disk(error: BaseException) -> InfrastructureError | None:
    text = str(error)
    number = error.errno if isinstance(error, OSError) and error.errno in _DISK else None
    number = number or next((number for words, number in _TOLD.items() if words in text), None)
    if number is None:
        return None
    named = getattr(error, "filename", None)
    where = str(named) if named else f"a disk that this run writes to ({telling_line(error)})"
    return InfrastructureError(f"{where} {_DISK[number]}")
