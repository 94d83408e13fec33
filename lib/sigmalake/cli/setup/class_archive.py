"""The JVM's classes, parsed once: an archive beside pyspark that the sessions on this machine map into memory.

A session loads some 20,000 classes of Spark and Delta before its first commit. An archive of them (class data sharing of the JVM)
belongs to one Java, one pyspark and one Delta; it lies in the Python environment that it was made for, and goes with it. Where
there is none, or the JVM refuses it, classes are loaded as ever. A JVM that maps an archive cut short does not refuse it, but dies
when it reads behind the end: so the name tells the size, and a file of another size is not used.
"""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from sigmalake.cli.setup.runtime import DELTA_VERSION, find_java, java_version


def find_archive() -> Path | None:
    """The whole archive for this environment's pyspark and this machine's Java, if there is one."""
    archives = archives_folder().glob(f"{archive_stem()}-*.jsa")
    return next((archive for archive in archives if archive == whole_archive(archive.stat().st_size)), None)


def whole_archive(n_bytes: int) -> Path:
    """The path of an archive, whose name has its size in bytes."""
    return archives_folder() / f"{archive_stem()}-{n_bytes}.jsa"


def archives_folder() -> Path:
    """The folder of archives of this Python environment."""
    return Path(sys.prefix, "share", "sigmalake")


def archive_stem() -> str:
    """What an archive's name begins with: the versions that it belongs to."""
    java = ".".join(map(str, java_version(find_java()) or ()))
    return f"classes-java{java}-spark{version('pyspark')}-delta{DELTA_VERSION}"


def jvm_options(archive: Path, jars: Sequence[Path]) -> dict[str, str]:
    """Settings of a session whose JVM maps an archive; its class path must begin as that of the JVM that wrote it."""
    return {
        "spark.driver.extraClassPath": os.pathsep.join(map(str, jars)),
        "spark.driver.defaultJavaOptions": f'"-XX:SharedArchiveFile={archive}"',
    }


def archived_classes(jars: Sequence[Path]) -> dict[str, str]:
    """Settings of a session that maps this environment's archive, where there is one; else none."""
    archive = find_archive()
    return {} if archive is None else jvm_options(archive, jars)
