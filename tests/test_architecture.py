"""The rings of the package, as a rule that every module keeps: imports run downwards only."""

import ast
from pathlib import Path

import pytest

LIB = Path(__file__).parents[1] / "lib" / "sigmalake"

# Of each ring, those below it that it may import from; its own modules and `errors` are open to each.
RINGS = {
    "numerics": set(),
    "tables": set(),
    "config": {"numerics", "tables"},
    "sources": {"config", "tables", "numerics"},
    "lake": {"tables", "config"},
    "tasks": {"sources", "numerics", "tables", "config"},
    "engines": {"tasks", "sources", "numerics", "tables", "config", "lake"},
    "figures": {"numerics", "tables", "config"},
    "reader": {"figures", "numerics", "tables", "config", "lake"},
    "stages": {"engines", "tasks", "sources", "numerics", "tables", "config", "lake", "reader"},
    "api": {"stages", "engines", "tasks", "sources", "numerics", "tables", "config", "lake", "reader"},
    "report": {"figures", "reader", "numerics", "tables", "config", "lake"},
    "demo": {"api", "report", "stages", "reader", "engines", "tasks", "sources", "numerics", "tables", "config", "lake"},
    "cli": {"demo", "api", "report", "stages", "reader", "engines", "tasks", "sources", "numerics", "tables", "config", "lake"},
}
ROOT_MODULES = {"__init__.py", "__main__.py", "errors.py"}
FOREIGN = {  # what a ring may not know of other people's packages
    "numerics": {"pyspark", "delta", "deltalake", "pyarrow", "pandas"},
    "tables": {"pyspark", "delta", "deltalake"},
    "config": {"pyspark", "delta", "deltalake"},
    "sources": {"pyspark", "delta", "pandas"},
    "figures": {"pyspark", "delta", "deltalake", "pyarrow"},
    "reader": {"pyspark", "delta"},
    "api": {"pyspark", "delta"},
}
MOST_ENTRIES = 15  # at the root of the package, beside what Python itself calls by name
MOST_MODULES = 16  # in a folder


def modules() -> list[Path]:
    return sorted(LIB.rglob("*.py"))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def named(path: Path) -> str:
    return str(path.relative_to(LIB))


def ring_of(path: Path) -> str:
    return path.relative_to(LIB).parts[0]


@pytest.mark.parametrize("path", modules(), ids=named)
def test_every_module_has_a_ring(path):
    assert ring_of(path) in RINGS.keys() | ROOT_MODULES


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_module_imports_only_from_the_rings_below_its_own(path):
    if (ring := ring_of(path)) in ROOT_MODULES - {"errors.py"}:
        return
    own = {name.split(".")[1] for name in imports(path) if name.startswith("sigmalake.")}
    allowed = RINGS.get(ring, set()) | {ring, "errors", "__version__"}
    assert not own - allowed, f"{named(path)} imports from {sorted(own - allowed)}"


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_module_imports_no_package_that_its_ring_does_not_know(path):
    banned = FOREIGN.get(ring_of(path), set())
    wrong = {name for name in imports(path) if name.split(".")[0] in banned}
    assert not wrong, f"{named(path)} imports {sorted(wrong)}"


def test_a_stranger_sees_about_a_dozen_entries_at_the_root():
    entries = [path for path in LIB.iterdir() if path.name not in {"__pycache__", "__init__.py", "__main__.py", "py.typed"}]
    assert len(entries) <= MOST_ENTRIES


@pytest.mark.parametrize("folder", sorted({path.parent for path in modules()}), ids=lambda path: str(path.relative_to(LIB)))
def test_a_folder_holds_about_fifteen_modules_at_the_most(folder):
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= MOST_MODULES


@pytest.mark.parametrize("path", modules(), ids=named)
def test_the_core_uses_nothing_that_spark_connect_lacks(path):
    if named(path) in {"cli/progress.py", "cli/archive_classes.py"}:
        return  # the first asks for it where there is one, the second writes an archive of a JVM of this machine
    names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert not names & {"sparkContext", "_jvm", "_jsc", "rdd", "persist", "cache", "_sc"}


@pytest.mark.parametrize("path", modules(), ids=named)
def test_only_entry_points_read_the_environment(path):
    if named(path) in {"cli/app.py", "cli/engines.py", "cli/setup/runtime.py", "cli/setup/secret_settings.py"}:
        return
    if named(path) == "config/environment/variables.py":
        return  # a file of a configuration may name variables
    text = path.read_text()
    assert "os.environ" not in text
    assert "getenv" not in text
