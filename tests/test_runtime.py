import hashlib
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from sigmalake.cli.setup import runtime
from sigmalake.cli.setup.runtime import Jar, delta_jars, find_java, prepare_environment
from sigmalake.errors import InfrastructureError


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without any Java; call it to put one there."""
    for folder in ("path", "jvm"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(runtime, "JAVA_FOLDERS", (f"{tmp_path}/jvm/*",))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)

    def install(version, folder="jvm", release=True):
        home = tmp_path / folder / f"jdk-{version}"
        (home / "bin").mkdir(parents=True)
        java = home / "bin" / "java"
        says = f"    java.home = {home}\n    java.version = {version}\n"
        java.write_text(f"#!/bin/sh\n[ $1 = -XshowSettings:properties ] && echo '{says}' >&2\n")
        java.chmod(0o755)
        if release:
            (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
        return home

    return install


@pytest.fixture
def maven(tmp_path, monkeypatch):
    """Maven Central as a folder, with two small JARs pinned in place of the seven; an empty cache."""
    jars = []
    for name in ("one", "two"):
        content = name.encode() * 1000
        jar = Jar("io/delta", name, "1.0", len(content), hashlib.sha256(content).hexdigest())
        folder = tmp_path / "maven" / jar.group / name / "1.0"
        folder.mkdir(parents=True)
        (folder / jar.name).write_bytes(content)
        jars.append(jar)
    monkeypatch.setattr(runtime, "JARS", tuple(jars))
    monkeypatch.setenv("SIGMALAKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGMALAKE_MAVEN", (tmp_path / "maven").as_uri())
    return tmp_path / "maven" / "io/delta"


def go_offline(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError("network is unreachable")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


def test_seventeen_is_taken_before_twenty_one_and_newer(machine):
    for version in ("25.0.3", "21.0.5", "17.0.15", "11.0.2"):
        machine(version)
    assert find_java().name == "jdk-17.0.15"


def test_the_users_own_java_is_taken_if_spark_runs_on_it(machine, monkeypatch):
    machine("17.0.15")
    own = machine("21.0.5", folder="own")
    monkeypatch.setenv("JAVA_HOME", f"{own}/")
    assert find_java() == own


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2", "25.0.2", "26"])
def test_a_java_that_spark_does_not_run_on_is_passed_over(machine, monkeypatch, version):
    monkeypatch.setenv("JAVA_HOME", str(machine(version, folder="own")))
    good = machine("21")
    assert find_java() == good


def test_a_java_on_the_path_is_found_through_links_and_shims(machine, tmp_path):
    home = machine("17.0.15", folder="elsewhere", release=False)
    (tmp_path / "path" / "java").write_text(f'#!/bin/sh\nexec {home}/bin/java "$@"\n')
    (tmp_path / "path" / "java").chmod(0o755)
    assert find_java() == home
    (tmp_path / "path" / "java").unlink()
    (tmp_path / "path" / "java").symlink_to(home / "bin" / "java")
    assert find_java() == home


def test_without_java_the_message_says_what_was_found_and_what_to_install(machine):
    machine("11.0.2")
    with pytest.raises(InfrastructureError, match=r"found 11\.0\.2 in .*apt-get install openjdk-17-jre-headless"):
        find_java()


def test_the_set_up_check_exits_with_three_without_java(machine, capsys):
    assert runtime.main() == 3
    assert "no Java that Spark 4.2 runs on" in capsys.readouterr().err


def test_jars_are_fetched_once_and_then_no_network_is_needed(maven, monkeypatch):
    fetched = delta_jars()
    assert [path.read_bytes()[:3] for path in fetched] == [b"one", b"two"]
    go_offline(monkeypatch)
    assert delta_jars() == delta_jars(verify=True) == fetched
    assert sorted(fetched[0].parent.iterdir()) == fetched  # and nothing half-done beside them


def test_a_half_written_jar_is_fetched_again(maven):
    path = delta_jars()[1]
    path.write_bytes(path.read_bytes()[:100])
    assert delta_jars()[1].read_bytes() == b"two" * 1000


def test_a_wrong_file_is_refused_and_not_kept(maven, tmp_path):
    (maven / "two/1.0/two-1.0.jar").write_text("<html>please log in</html>")
    with pytest.raises(InfrastructureError, match=r"two-1\.0\.jar is not the file .* SHA-256 \w{64} \(26 bytes\)"):
        delta_jars()
    assert not list(tmp_path.glob("cache/**/two*"))


def test_verifying_hashes_what_its_size_would_let_pass(maven):
    path = delta_jars()[0]
    path.write_bytes(b"eno" * 1000)
    assert delta_jars()[0] == path
    with pytest.raises(InfrastructureError, match=r"one-1\.0\.jar is not the file"):
        delta_jars(verify=True)


def test_an_unreachable_network_is_explained(maven, monkeypatch):
    go_offline(monkeypatch)
    with pytest.raises(InfrastructureError, match=r"network is unreachable.*SIGMALAKE_MAVEN"):
        delta_jars()


def test_a_mirror_that_is_no_address_is_explained(maven, monkeypatch):
    monkeypatch.setenv("SIGMALAKE_MAVEN", "mirror")
    with pytest.raises(InfrastructureError, match="cannot get mirror/io/delta/one"):
        delta_jars()


def test_the_environment_is_prepared_but_the_users_choice_stands(machine, monkeypatch):
    home = machine("21.0.5")
    monkeypatch.setenv("PYSPARK_PYTHON", "theirs")
    monkeypatch.setenv("JAVA_HOME", str(machine("11.0.2", folder="own")))
    for name in ("PYSPARK_DRIVER_PYTHON", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "to be restored")
        monkeypatch.delenv(name)
    prepare_environment()
    assert os.environ["PYSPARK_PYTHON"] == "theirs"
    assert os.environ["PYSPARK_DRIVER_PYTHON"] == sys.executable
    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert os.environ["JAVA_HOME"] == str(home)


def test_the_environment_is_prepared_without_java_too(machine, monkeypatch):
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    prepare_environment()
    assert "JAVA_HOME" not in os.environ


QUIET = """
import sys
from pathlib import Path

from sigmalake.cli.setup.runtime import delta_jars, prepare_environment, quiet_jvm

prepare_environment()
import pandas as pd
from pyspark.errors import AnalysisException, PythonException
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf

folder = Path(sys.argv[1])
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", False)
for key, value in {
    "spark.jars": ",".join(map(str, delta_jars())),
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.warehouse.dir": str(folder / "warehouse"),
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": sys.argv[2],
}.items():
    builder = builder.config(key, value)
with quiet_jvm(folder / "spark.log"):
    print("starting")
    spark = builder.getOrCreate()

@pandas_udf("long")
def talk(x: pd.Series) -> pd.Series:
    print("a worker talks")
    if (x > 5).any():
        raise ValueError("a worker fails")
    return x

spark.range(5).select(talk("id").alias("id")).write.format("delta").save(str(folder / "table"))
for failing in (lambda: spark.range(9).select(talk("id")).collect(), lambda: spark.range(9).select("nothing")):
    try:
        failing()
    except (AnalysisException, PythonException):
        print("failed")
print("done", file=sys.stderr)
"""


@pytest.mark.jvm
def test_a_session_says_nothing_on_the_terminal_even_when_jobs_fail(tmp_path):
    said = subprocess.run([sys.executable, "-c", QUIET, tmp_path, "1g"], capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("starting\nfailed\nfailed\n", "done\n")
    log = (tmp_path / "spark.log").read_text()
    assert all(text in log for text in ("incubator modules", "a worker talks", "a worker fails", "UNRESOLVED_COLUMN"))


@pytest.mark.jvm
def test_a_jvm_that_does_not_start_is_explained(tmp_path):
    said = subprocess.run([sys.executable, "-c", QUIET, tmp_path, "much"], capture_output=True, text=True, check=False)
    assert "InfrastructureError: Spark did not start" in said.stderr
    assert "Invalid maximum heap size: -Xmxmuch" in said.stderr


@pytest.mark.parametrize("spark", ["4.0.4", "4.1.4", "4.2.0"])
def test_the_jars_of_a_spark_are_seven_and_its_own_delta_comes_first(spark):
    first, *others = runtime.jars_of(spark)
    assert (first.artifact, len(others)) == (f"delta-spark_{spark[:3]}_2.13", 6)
    assert not any(jar.artifact.startswith("delta-spark") for jar in others)


@pytest.mark.parametrize("spark", ["3.5.9", "4.3.0"])
def test_a_spark_without_its_delta_is_refused_with_those_that_have_one(spark):
    with pytest.raises(InfrastructureError, match=rf"pyspark is {spark}, and Delta 4\.4\.0 is for Spark 4\.0, 4\.1, 4\.2"):
        runtime.jars_of(spark)


def test_the_jars_are_of_one_version():
    assert {jar.version for jar in runtime.JARS if jar.group == "io/delta"} == {runtime.DELTA_VERSION}
    assert all(Path(jar.name).suffix == ".jar" and len(jar.sha256) == 64 for jar in runtime.JARS)
