"""The JVM's classes, parsed once: an archive beside pyspark that the sessions on this machine map into memory.

A session loads some 20,000 classes of Spark and Delta before its first commit. An archive of them (class data sharing of the JVM)
belongs to one Java, one pyspark and one Delta; it lies in the Python environment that it was made for, and goes with it. Where
there is none, or the JVM refuses it, classes are loaded as ever.
"""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from sigmalake.runtime import DELTA_VERSION, find_java, java_version


def archive_file() -> Path:
    """Where the archive for this environment's pyspark and this machine's Java lies, or would."""
    java = ".".join(map(str, java_version(find_java()) or ()))
    return Path(sys.prefix, "share", "sigmalake", f"classes-java{java}-spark{version('pyspark')}-delta{DELTA_VERSION}.jsa")


def jvm_options(archive: Path, jars: Sequence[Path]) -> dict[str, str]:
    """Settings of a session whose JVM maps an archive; its class path must begin as that of the JVM that wrote it."""
    return {
        "spark.driver.extraClassPath": os.pathsep.join(map(str, jars)),
        "spark.driver.defaultJavaOptions": f'"-XX:SharedArchiveFile={archive}"',
    }
