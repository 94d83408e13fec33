"""What the command line needs on this machine: a Java, Delta's JARs, quiet processes. No JVM is started here."""

import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple, TextIO

from sigmalake.cli.terminal import without_secrets
from sigmalake.errors import InfrastructureError, SigmalakeError

Version = tuple[int, ...]

# What the documentation of Spark 4.2 supports, best first. 25 before 25.0.3 can corrupt data under G1 (SPARK-55852).
JAVA_RELEASES: dict[int, Version] = {17: (17,), 21: (21,), 25: (25, 0, 3)}
JAVA_FOLDERS = (
    "/usr/lib/jvm/*",
    "/usr/java/*",
    "/opt/java/*",
    "/opt/*jdk*",
    "~/.jdks/*",
    "~/.sdkman/candidates/java/*",
    "~/.local/share/mise/installs/java/*",
)
NO_JAVA = (
    "no Java that Spark 4.2 runs on (17, 21, or 25 from 25.0.3); found {found}. Install one: on Debian and Ubuntu"
    " `apt-get install openjdk-17-jre-headless` (or openjdk-21-jre-headless), on Fedora and RHEL"
    " `dnf install java-21-openjdk-headless`; or unpack one from https://adoptium.net and set JAVA_HOME to its folder"
)

DELTA_VERSION = "4.4.0"
MAVEN_CENTRAL = "https://repo1.maven.org/maven2"


class Jar(NamedTuple):
    """A file of Maven Central with its SHA-256."""

    group: str
    artifact: str
    version: str
    size: int  # bytes
    sha256: str

    @property
    def name(self) -> str:
        """The file's name, the same at Maven and in the cache."""
        return f"{self.artifact}-{self.version}.jar"


# All that Delta needs beyond the JARs inside pyspark: 13 MB, where spark.jars.packages brings 87. Each Spark has its delta-spark.
PINS = """\
io/delta delta-spark_4.0_2.13 4.4.0 9469662 49e899667168b9412f83cbe894ce264107d7b896d6c5e12edca4e216845c1104
io/delta delta-spark_4.1_2.13 4.4.0 9471929 75a9400986853c061f5109f012547de2545a5759e5e752e5ef633dabe16a4f10
io/delta delta-spark_4.2_2.13 4.4.0 9515916 27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead
io/delta delta-storage 4.4.0 113863 c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc
io/delta delta-kernel-api 4.4.0 2838619 ee9b5a14ac3b7efdff4d61a58478fe8eb0e5a3fbca43889dca7290795fe79a11
io/delta delta-kernel-defaults 4.4.0 227185 225c975199e4718b38ee5b7e6da7f19e9585024262b2cec2656b32151a856b0b
io/delta delta-kernel-unitycatalog 4.4.0 43048 cea22dfb4ac562b3cd27bf652697750e8336009d73fb06631363aaaad5345ffa
io/unitycatalog unitycatalog-client 0.6.0 564136 48257499a86b801a3e2372cec55ac226ca1c1c7eabe5c118e7302f29a1fdbc19
io/unitycatalog unitycatalog-hadoop 0.6.0 78389 c47b63c961c87102b9e1d63809a0915ba4c86b7652f57c8d39ca3a05b441a150
"""
JARS = tuple(
    Jar(group, artifact, version, int(size), sha256) for group, artifact, version, size, sha256 in map(str.split, PINS.splitlines())
)


def find_java() -> Path:
    """The JAVA_HOME of a Java that Spark runs on: the user's own if it will do, else 17, else 21, else 25.

    Raises:
        InfrastructureError: there is none; says what was found and what to install.
    """
    own = Path(os.environ.get("JAVA_HOME") or os.devnull)
    versions: dict[Path, Version] = {}
    for home in _java_candidates():
        version = java_version(home)
        if version is not None:
            versions.setdefault(home.resolve(), version)
            if home == own and _runs_spark(version):
                return home
    usable = [home for home, version in versions.items() if _runs_spark(version)]
    if not usable:
        listed = ", ".join(f"{_dotted(version)} in {home}" for home, version in versions.items()) or "none"
        raise InfrastructureError(NO_JAVA.format(found=listed))
    return min(usable, key=lambda home: list(JAVA_RELEASES).index(versions[home][0]))


def java_version(home: Path) -> Version | None:
    """What Java a folder holds, e.g. (17, 0, 15), from its `release` file or by asking it; None if it holds none."""
    if not os.access(home / "bin" / "java", os.X_OK):
        return None
    try:
        printed = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        printed = _ask_java(home / "bin" / "java")
    match = re.search(r'^(?:JAVA_VERSION=|\s*java\.version = )"?([\d.]+)', printed, re.MULTILINE)
    return tuple(int(part) for part in match[1].split(".") if part) if match else None


def _java_candidates() -> Iterator[Path]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    on_path = shutil.which("java")
    if on_path:
        home = Path(on_path).resolve().parent.parent
        if not (home / "release").exists():  # a shim of some version manager: it knows where it leads
            match = re.search(r"^\s*java\.home = (.+)$", _ask_java(Path(on_path)), re.MULTILINE)
            home = Path(match[1]) if match else home
        yield home
    for pattern in JAVA_FOLDERS:
        folder = Path(pattern).expanduser()
        with suppress(PermissionError):  # of another user's home
            yield from sorted(folder.parent.glob(folder.name))


def _ask_java(java: Path) -> str:
    try:
        command = [str(java), "-XshowSettings:properties", "-version"]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stderr
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _runs_spark(version: Version) -> bool:
    return version[0] in JAVA_RELEASES and version >= JAVA_RELEASES[version[0]]


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))


def cache_folder() -> Path:
    """Where downloads and logs are kept: $SIGMALAKE_CACHE, else sigmalake under $XDG_CACHE_HOME or ~/.cache."""
    if os.environ.get("SIGMALAKE_CACHE"):
        return Path(os.environ["SIGMALAKE_CACHE"]).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "sigmalake"


def log_file() -> Path:
    """Where this process writes what does not fit into a message: the cache's `logs`, or else the folder for temporary files."""
    folder = cache_folder() / "logs"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            folder = Path(tempfile.gettempdir())
    except OSError:  # no home, or one that is not ours: a log elsewhere is better than none
        folder = Path(tempfile.gettempdir())
    return folder / f"sigmalake-{os.getpid()}.log"


def open_private(log_file: Path) -> BinaryIO:
    """Open a log to append to it, made for its owner's eyes alone; a link that somebody laid in its place is not followed."""
    descriptor = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "ab")


def jars_folder() -> Path:
    """The folder of Delta's JARs on this machine."""
    return cache_folder() / "jars" / DELTA_VERSION


def delta_jars(*, verify: bool = False) -> list[Path]:
    """Delta's JARs for this Python's Spark, each fetched once from Maven Central, or its mirror $SIGMALAKE_MAVEN, into the cache.

    Args:
        verify: hash what is there already; else its size is enough, as only checked files get their name.

    Raises:
        InfrastructureError: one is missing and cannot be had, or is not the pinned file.
    """
    folder, jars = jars_folder(), jars_of(_pyspark_version())
    for jar in jars:
        path = folder / jar.name
        if not path.is_file() or path.stat().st_size != jar.size:
            fetch_jar(jar, path)
        elif verify:
            _check(path, jar, str(path))
    return [folder / jar.name for jar in jars]


def jars_of(spark: str) -> list[Jar]:
    """The JARs for a version of Spark.

    Raises:
        InfrastructureError: there is no Delta for it.
    """
    minor = ".".join(spark.split(".")[:2])
    served = {jar: jar.artifact.split("_")[1] for jar in JARS if jar.artifact.startswith("delta-spark_")}
    if served and minor not in served.values():
        raise InfrastructureError(
            f"pyspark is {spark}, and Delta {DELTA_VERSION} is for Spark {', '.join(served.values())}; "
            "`pip install 'sigmalake[spark]'` brings the newest of these"
        )
    return [jar for jar in JARS if served.get(jar, minor) == minor]


def _pyspark_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pyspark")
    except PackageNotFoundError:  # what sets up a machine may come before it
        return "4.2"


def fetch_jar(jar: Jar, path: Path) -> None:
    """Fetch a JAR from Maven Central or the mirror $SIGMALAKE_MAVEN to a path, and check it by its hash.

    Raises:
        InfrastructureError: it cannot be had, or is another file.
    """
    import ssl  # takes as long as all else that `sigmalake --help` imports
    import urllib.request
    from http.client import HTTPException

    base = os.environ.get("SIGMALAKE_MAVEN") or MAVEN_CENTRAL
    url = f"{base.rstrip('/')}/{jar.group}/{jar.artifact}/{jar.version}/{jar.name}"
    trust = ssl.create_default_context()  # reads SSL_CERT_FILE and SSL_CERT_DIR
    try:
        for bundle in filter(None, map(os.environ.get, ("REQUESTS_CA_BUNDLE", "PIP_CERT"))):
            trust.load_verify_locations(**{"capath" if Path(bundle).is_dir() else "cafile": bundle})
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            fresh = Path(folder) / jar.name
            with urllib.request.urlopen(url, timeout=60, context=trust) as source, fresh.open("wb") as target:
                shutil.copyfileobj(source, target)
            _check(fresh, jar, url)
            fresh.replace(path)
    except (OSError, HTTPException, ValueError) as error:  # OSError: urllib's, ssl's and the disk's own
        raise InfrastructureError(
            f"cannot get {url}: {error}. Set SIGMALAKE_MAVEN to a mirror of Maven Central, https_proxy to a proxy,"
            f" or put {jar.name} into {path.parent} by hand"
        ) from error


def _check(path: Path, jar: Jar, origin: str) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != jar.sha256:
        raise InfrastructureError(
            f"{origin} is not the file that was asked for: SHA-256 {digest} ({path.stat().st_size} bytes), expected"
            f" {jar.sha256} ({jar.size} bytes). Delete it if it is in the cache, and look at the mirror or proxy"
        )


def prepare_environment() -> None:
    """Set what Spark, its Python workers and BLAS read from the environment, where the user has not.

    For entry points, before numpy or pyspark are imported. A missing Java is no error yet: `--help` needs none.
    """
    chosen = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    if not _under_spark_submit():  # else the cluster has chosen these
        chosen |= {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
        chosen |= {"SPARK_LOCAL_IP": "127.0.0.1"}
        with suppress(InfrastructureError):
            os.environ["JAVA_HOME"] = str(find_java())  # one that cannot run Spark helps nobody
    for name, value in chosen.items():
        os.environ.setdefault(name, value)


@contextmanager
def quiet_jvm(log_file: Path) -> Iterator[None]:
    """Start a Spark session in here, and all that its JVM and its Python workers ever print goes to a file.

    A child inherits file descriptors 1 and 2 as they are when it starts; they lead to the file until the block ends.
    This process's own `sys.stdout` and `sys.stderr` go on to the terminal. Under spark-submit the JVM is there
    already, with a log of the cluster's choice, and nothing is done. What this process's root logger gets goes to
    the file too, for pyspark and py4j log whole stacks of every failed or interrupted call.

    Raises:
        InfrastructureError: no Java, or the JVM did not start.
    """
    if _under_spark_submit():
        yield
        return
    os.environ["JAVA_HOME"] = str(find_java())
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        log = stack.enter_context(open_private(log_file))
        for descriptor, stream, redirect in ((1, sys.stdout, redirect_stdout), (2, sys.stderr, redirect_stderr)):
            stream.flush()
            kept = os.fdopen(os.dup(descriptor), "w", buffering=1, encoding=stream.encoding, errors=stream.errors)
            stack.enter_context(kept)
            stack.callback(os.dup2, kept.fileno(), descriptor)
            if _writes_to(stream, descriptor):
                stack.enter_context(redirect(kept))
            os.dup2(log.fileno(), descriptor)
        _log_pyspark_to(log_file)
        try:
            yield
        except RuntimeError as error:  # pyspark's, when the JVM dies at birth: its reason is in the log
            end = log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
            raise InfrastructureError(f"Spark did not start; {log_file} ends with: {' | '.join(end)}") from error


def _log_pyspark_to(log_file: Path) -> None:
    from pyspark import accumulators
    from pyspark.logger import PySparkLogger

    def log_error(*_: object) -> None:
        logging.getLogger("pyspark").exception("the JVM closed a connection")

    for name in ("AccumulatorTCPServer", "AccumulatorServer"):  # the second is Spark 4.0's
        if (server := getattr(accumulators, name, None)) is not None:
            server.handle_error = log_error  # a traceback on stderr when the JVM dies
    for name in ("DataFrameQueryContextLogger", "SQLQueryContextLogger"):  # a Java stack for each failed query
        PySparkLogger.getLogger(name).handlers.clear()
        PySparkLogger.getLogger(name).addHandler(_WithoutSecrets(log_file, delay=True))
    logging.getLogger().addHandler(_WithoutSecrets(log_file, delay=True))  # py4j's stacks after Ctrl-C


class _WithoutSecrets(logging.FileHandler):
    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def _writes_to(stream: TextIO, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except OSError:  # a stream in memory, as tests have it
        return False


def _under_spark_submit() -> bool:
    return "PYSPARK_GATEWAY_PORT" in os.environ


def main() -> int:
    """Check, and fetch if needed, all that a session needs; the exit code."""
    try:
        java, jars = find_java(), delta_jars(verify=True)
    except SigmalakeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"Java {_dotted(java_version(java) or ())} in {java}")
    print(f"Delta {DELTA_VERSION}, {len(jars)} JARs in {jars[0].parent}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
