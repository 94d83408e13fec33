"""The rings of the package, as a rule: arrays know no Spark, wiring knows no storage, only stages meet them all."""

import ast
from pathlib import Path

import pytest

LIB = Path(__file__).parents[1] / "lib" / "sigmalake"

OWN = {ring: f"sigmalake.{ring}" for ring in ("numerics", "tables", "spark", "lake", "stages", "config")}
FORBIDDEN = {
    "numerics": {"pyspark", "delta", "deltalake", "pyarrow", "pandas", *(set(OWN.values()) - {OWN["numerics"]})},
    "tables": {"pyspark", "delta", "deltalake", OWN["spark"], OWN["lake"], OWN["stages"], OWN["numerics"]},
    "spark": {"delta", "deltalake", OWN["lake"], OWN["stages"]},
    "lake": {OWN["numerics"], OWN["spark"], OWN["stages"]},
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def modules() -> list[Path]:
    return sorted(LIB.rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(LIB)))
def test_a_module_imports_only_what_its_ring_may_know(path):
    ring = path.relative_to(LIB).parts[0]
    wrong = {
        name for name in imports(path) for ban in FORBIDDEN.get(ring, ()) if name == ban or name.startswith((f"{ban}.", f"{ban}_"))
    }
    assert not wrong, f"{path.relative_to(LIB)} imports {sorted(wrong)}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(LIB)))
def test_nothing_but_the_command_line_imports_stages(path):
    if path.name == "cli.py" or path.parent.name == "stages":
        return
    assert not any(name.startswith("sigmalake.stages") for name in imports(path))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(LIB)))
def test_the_core_uses_nothing_that_spark_connect_lacks(path):
    if path.name == "progress.py":
        return  # asks for it where there is one, and shows nothing where there is none
    names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert not names & {"sparkContext", "_jvm", "_jsc", "rdd", "persist", "cache", "_sc"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(LIB)))
def test_only_entry_points_read_the_environment(path):
    if path.name in {"cli.py", "runtime.py"}:
        return
    text = path.read_text()
    assert "os.environ" not in text
    assert "getenv" not in text
