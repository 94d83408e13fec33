"""The rings of the package, as a rule that every module keeps: imports run downwards only."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

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


MODULES = {str(path.relative_to(LIB)): path.read_text(encoding="utf-8") for path in sorted(LIB.rglob("*.py"))}


@cache
def nodes_of(module: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse(MODULES[module])))


@cache
def imports(module: str) -> set[str]:
    found = set()
    for node in nodes_of(module):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def ring_of(module: str) -> str:
    return module.split("/", maxsplit=1)[0]


def test_every_module_has_a_ring():
    assert {ring_of(module) for module in MODULES} - RINGS.keys() == ROOT_MODULES


def test_a_module_imports_only_from_the_rings_below_its_own():
    wrong = {}
    for module in MODULES.keys() - (ROOT_MODULES - {"errors.py"}):
        ring = ring_of(module)
        own = {name.split(".")[1] for name in imports(module) if name.startswith("sigmalake.")}
        wrong[module] = own - RINGS.get(ring, set()) - {ring, "errors", "__version__"}
    assert {module: names for module, names in wrong.items() if names} == {}


def test_a_module_imports_no_package_that_its_ring_does_not_know():
    packages = {module: {name.split(".")[0] for name in imports(module)} for module in MODULES}
    wrong = {module: names & FOREIGN.get(ring_of(module), set()) for module, names in packages.items()}
    assert {module: names for module, names in wrong.items() if names} == {}


def test_a_stranger_sees_about_a_dozen_entries_at_the_root():
    entries = [path for path in LIB.iterdir() if path.name not in {"__pycache__", "__init__.py", "__main__.py", "py.typed"}]
    assert len(entries) <= MOST_ENTRIES


def test_a_folder_holds_about_fifteen_modules_at_the_most():
    held = Counter(module.rpartition("/")[0] for module in MODULES if not module.endswith("__init__.py"))
    assert {folder: count for folder, count in held.items() if count > MOST_MODULES} == {}


def test_the_core_uses_nothing_that_spark_connect_lacks():
    lacking = {"sparkContext", "_jvm", "_jsc", "rdd", "persist", "cache", "_sc"}
    used = {module: {node.attr for node in nodes_of(module) if isinstance(node, ast.Attribute)} & lacking for module in MODULES}
    # the first asks for it where there is one, the second writes an archive of a JVM of this machine
    assert {module for module, names in used.items() if names} <= {"cli/progress.py", "cli/archive_classes.py"}


def test_only_entry_points_read_the_environment():
    reading = {module for module, text in MODULES.items() if "os.environ" in text or "getenv" in text}
    entry_points = {"cli/app.py", "cli/engines.py", "cli/setup/runtime.py", "cli/setup/secret_settings.py"}
    # a file of a configuration may name variables, and the keys of stores stand in them
    assert reading <= entry_points | {"config/environment/variables.py", "config/stores/credentials.py"}
