"""What the wheel and the sdist hold and say of themselves."""

import re
import tarfile
import zipfile
from email import message_from_string

import pytest
from packaging.requirements import Requirement

from distributions import ROOT, build


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("distributions"))


@pytest.fixture(scope="module")
def in_wheel(built):
    with zipfile.ZipFile(built.wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def metadata(in_wheel):
    (name,) = (name for name in in_wheel if name.endswith(".dist-info/METADATA"))
    return message_from_string(in_wheel[name].decode())


@pytest.fixture(scope="module")
def requirements(metadata):
    """By the extra that asks for them, "" for the core: version by name."""
    found = [Requirement(text) for text in metadata.get_all("Requires-Dist")]
    asked = {"": {one.name: one.specifier for one in found if one.marker is None}}
    for extra in metadata.get_all("Provides-Extra"):
        asked[extra] = {one.name: one.specifier for one in found if one.marker and one.marker.evaluate({"extra": extra})}
    return asked


def test_the_wheel_holds_the_package_and_nothing_else(built, in_wheel):
    package = {name.removeprefix("lib/") for name in built.tracked if name.startswith("lib/sigmalake/")}
    assert {"sigmalake/py.typed", "sigmalake/report/page/page.css", "sigmalake/report/page/page.js"} <= package
    assert {name for name in in_wheel if ".dist-info/" not in name} == package


def test_the_sdist_holds_every_file_of_the_repository(built):
    with tarfile.open(built.sdist) as archive:
        held = {name.partition("/")[2]: member.mode for name, member in zip(archive.getnames(), archive.getmembers(), strict=True)}
    assert {"tests/conftest.py", "scripts/test", "deploy/README.md"} <= set(built.tracked)
    assert not set(built.tracked) - held.keys()
    generated = re.compile(r"PKG-INFO|setup\.cfg|lib/sigmalake\.egg-info/.*")
    folders = {str(parent) for name in held for parent in (ROOT / name).relative_to(ROOT).parents}
    assert not {name for name in held.keys() - set(built.tracked) - folders if name and not generated.fullmatch(name)}
    assert all(held[name] & 0o100 for name in built.tracked if name.startswith("scripts/"))


def test_what_an_index_shows(metadata, in_wheel):
    assert metadata["License-Expression"] == "Apache-2.0"
    assert [name for name in in_wheel if name.endswith("/licenses/LICENSE")]
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    classifiers = metadata.get_all("Classifier")
    assert "Typing :: Typed" in classifiers
    assert not [one for one in classifiers if one.startswith("License ::")]  # the expression says it; both are refused


@pytest.mark.parametrize("version", ["2.2.0", "2.3.3", "3.0.0", "3.1.1"])
def test_the_core_takes_pandas_2_and_3_and_the_extra_only_2(requirements, version):
    assert version in requirements[""]["pandas"]
    assert (version in requirements["spark"]["pandas"]) == version.startswith("2.")


def test_what_an_extra_brings_is_not_in_the_core(requirements):
    brought = {"spark": {"pyspark", "delta-spark"}, "report": {"plotly"}, "sql": {"duckdb"}, "excel": {"xlsxwriter"}}
    brought["lineage"] = {"openlineage-python"}
    for extra, names in brought.items():
        assert names <= requirements[extra].keys()
        assert not names & requirements[""].keys()
    assert "py4j" not in requirements[""]
