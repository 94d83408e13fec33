"""A pytest plugin for scripts/test: the cheapest tests first, workers that share fixtures, and the seconds of each tier at the end.

Tests run on two workers of pytest-xdist, each of which starts one JVM at most.
"""

from collections import defaultdict

import pytest
from xdist.scheduler import LoadScopeScheduling

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
SPREAD = ("cluster", "engines", "faults", "spark")  # folders whose tests are given out one by one
_seconds: defaultdict[str, float] = defaultdict(float)


def pytest_collection_modifyitems(items):
    for item in items:
        if _tier(item.keywords) == TIERS[0] and set(item.path.parts) & set(RUNS):
            item.add_marker(pytest.mark.run)
    items.sort(key=lambda item: TIERS.index(_tier(item.keywords)))


class ByFile(LoadScopeScheduling):
    """Gives a worker all tests of a file, whose fixtures are made once, but one test where each takes long and shares little."""

    def _split_scope(self, nodeid):
        path = nodeid.split("::", maxsplit=1)[0]
        return nodeid if set(path.split("/")) & set(SPREAD) else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return ByFile(config, log)


def _tier(keywords):
    return next((name for name in reversed(TIERS) if name in keywords), TIERS[0])


def pytest_runtest_logreport(report):
    _seconds[_tier(report.keywords)] += report.duration


def pytest_terminal_summary(terminalreporter):
    for name in filter(_seconds.__contains__, TIERS):
        terminalreporter.write_line(f"-- pytest {name}: {_seconds[name]:.1f} s")
