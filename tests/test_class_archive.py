"""The archive of the JVM's classes: where it lies, and that a session uses it."""

from pathlib import Path

import pytest

from sigmalake import class_archive
from sigmalake.errors import InfrastructureError
from sigmalake.runtime import DELTA_VERSION, java_version
from sigmalake.stages import archive_classes


def test_an_archive_belongs_to_one_java_one_pyspark_and_one_delta(monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch(mode=0o755)
    (tmp_path / "release").write_text('JAVA_VERSION="21.0.4"\n')
    monkeypatch.setattr(class_archive, "find_java", lambda: tmp_path)
    assert java_version(tmp_path) == (21, 0, 4)
    name = class_archive.archive_file().name
    assert name.startswith("classes-java21.0.4-spark4.")
    assert name.endswith(f"-delta{DELTA_VERSION}.jsa")


def test_the_path_of_an_archive_may_have_spaces():
    options = class_archive.jvm_options(Path("/a b/c.jsa"), [Path("/x.jar"), Path("/y.jar")])
    assert options["spark.driver.defaultJavaOptions"] == '"-XX:SharedArchiveFile=/a b/c.jsa"'
    assert options["spark.driver.extraClassPath"] == "/x.jar:/y.jar"


def test_an_archive_that_is_there_is_not_made_again(monkeypatch, tmp_path):
    there = tmp_path / "classes.jsa"
    there.touch()
    monkeypatch.setattr(archive_classes, "archive_file", lambda: there)
    monkeypatch.setattr(archive_classes, "make_archive", lambda _: pytest.fail("made again"))
    assert archive_classes.main() == 0


def test_that_there_can_be_none_is_said_in_a_line(monkeypatch, tmp_path, capsys):
    def refuse(_: Path) -> None:
        raise InfrastructureError("no Java")

    monkeypatch.setattr(archive_classes, "archive_file", lambda: tmp_path / "classes.jsa")
    monkeypatch.setattr(archive_classes, "make_archive", refuse)
    assert archive_classes.main() == 1
    assert capsys.readouterr().err == "no archive of the JVM's classes; sessions start some seconds later: no Java\n"


@pytest.mark.jvm
def test_a_session_maps_the_archive_that_set_up_has_made(spark):
    archive = class_archive.archive_file()
    if not archive.exists():
        pytest.skip("set-up has made no archive here")
    pid = spark.sparkContext._gateway.proc.pid
    assert str(archive) in Path(f"/proc/{pid}/maps").read_text()
