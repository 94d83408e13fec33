"""The archive of the JVM's classes: where it lies, and that a session uses it."""

from pathlib import Path

import pytest

from sigmalake.cli import archive_classes
from sigmalake.cli.setup import class_archive
from sigmalake.cli.setup.runtime import DELTA_VERSION, java_version
from sigmalake.errors import InfrastructureError


def test_an_archive_belongs_to_one_java_one_pyspark_and_one_delta(monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch(mode=0o755)
    (tmp_path / "release").write_text('JAVA_VERSION="21.0.4"\n')
    monkeypatch.setattr(class_archive, "find_java", lambda: tmp_path)
    assert java_version(tmp_path) == (21, 0, 4)
    stem = class_archive.archive_stem()
    assert stem.startswith("classes-java21.0.4-spark4.")
    assert stem.endswith(f"-delta{DELTA_VERSION}")


def test_an_archive_cut_short_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setattr(class_archive, "archives_folder", lambda: tmp_path)
    monkeypatch.setattr(class_archive, "archive_stem", lambda: "classes")
    assert class_archive.find_archive() is None
    cut = class_archive.whole_archive(10)
    cut.write_bytes(bytes(9))
    assert class_archive.find_archive() is None
    whole = class_archive.whole_archive(20)
    whole.write_bytes(bytes(20))
    assert class_archive.find_archive() == whole


def test_the_path_of_an_archive_may_have_spaces():
    options = class_archive.jvm_options(Path("/a b/c.jsa"), [Path("/x.jar"), Path("/y.jar")])
    assert options["spark.driver.defaultJavaOptions"] == '"-XX:SharedArchiveFile=/a b/c.jsa"'
    assert options["spark.driver.extraClassPath"] == "/x.jar:/y.jar"


def test_an_archive_that_is_there_is_not_made_again(monkeypatch, tmp_path):
    monkeypatch.setattr(archive_classes, "find_archive", lambda: tmp_path / "classes.jsa")
    monkeypatch.setattr(archive_classes, "make_archive", lambda: pytest.fail("made again"))
    assert archive_classes.main() == 0


def test_that_there_can_be_none_is_said_in_a_line(monkeypatch, capsys):
    def refuse() -> None:
        raise InfrastructureError("no Java")

    monkeypatch.setattr(archive_classes, "find_archive", lambda: None)
    monkeypatch.setattr(archive_classes, "make_archive", refuse)
    assert archive_classes.main() == 1
    assert capsys.readouterr().err == "no archive of the JVM's classes; sessions start some seconds later: no Java\n"


@pytest.mark.jvm
def test_a_session_maps_the_archive_that_set_up_has_made(spark):
    archive = class_archive.find_archive()
    if archive is None:
        pytest.skip("set-up has made no archive here")
    pid = spark.sparkContext._gateway.proc.pid
    assert str(archive) in Path(f"/proc/{pid}/maps").read_text()
