"""A pytest plugin for scripts/test: the cheapest tests first, workers that share fixtures, and the seconds of each tier at the end.

Tests run on two workers of pytest-xdist. A group of tests stays on one worker: all tests of a file, whose fixtures are made once,
and the tests with a local Spark session in two groups of about the same length, so that a worker starts one JVM at most.
"""

from collections import defaultdict

import pytest

TIERS = ("arrays", "run", "jvm", "cluster", "fault", "exhaustive")  # all but the first are markers
RUNS = (
    "api",
    "bad_input",
    "develop",
    "engines",
    "examples",
    "figures",
    "fuzz",
    "pages",
    "readme",
    "report",
    "reader",
    "stages",
    "test_clock.py",
    "test_demo.py",
    "upkeep",
)  # whole runs, processes
SHARED = ("lake", "spark", "stages")  # folders whose tests with a JVM take half the seconds of all of them
_seconds: defaultdict[str, float] = defaultdict(float)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist puts the groups into the node ids
def pytest_collection_modifyitems(items):
    for item in items:
        if _tier(item.keywords) == TIERS[0] and set(item.path.parts) & set(RUNS):
            item.add_marker(pytest.mark.run)
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: TIERS.index(_tier(item.keywords)))


def _group(item):
    if _tier(item.keywords) == "jvm":
        return "jvm-shared" if item.path.parent.name in SHARED else "jvm"
    return item.nodeid.split("::", maxsplit=1)[0]


def _tier(keywords):
    return next((name for name in reversed(TIERS) if name in keywords), TIERS[0])


def pytest_runtest_logreport(report):
    _seconds[_tier(report.keywords)] += report.duration


def pytest_terminal_summary(terminalreporter):
    for name in filter(_seconds.__contains__, TIERS):
        terminalreporter.write_line(f"-- pytest {name}: {_seconds[name]:.1f} s")
