"""A pytest plugin for scripts/test: the cheapest tests first, workers that share fixtures, and the seconds of each tier at the end.

Tests run on two workers of pytest-xdist, each of which starts one JVM at most.
"""

import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

# All but the first are markers.
TIERS = ("arrays", "run", "jvm", "cluster", "fault", "deploy", "package", "stores", "connect", "versions", "submit", "exhaustive")
RUNS = {  # folders and files of whole runs, of processes, and of hundreds of tables on a disk
    *("api", "bad_input", "develop", "engines", "examples", "exports", "faults", "figures", "fuzz", "pages", "readme", "reader"),
    *("lineage", "packages"),
    *("report", "stages", "test_clock.py", "test_creation.py", "test_delta_rs.py", "test_demo.py", "test_lease.py"),
    *("test_older_columns.py", "test_portfolio_sheet.py", "test_portfolio_uses.py", "test_portfolio_verb.py", "test_progress.py"),
    *("test_runtime.py", "test_scheduling.py", "test_validation.py", "test_withdrawals.py", "upkeep", "object_stores"),
}
LATER = re.compile(r"mark\.(jvm|cluster|fault)|\bspark\b")  # in a file some of whose tests may need a JVM
_seconds: defaultdict[str, float] = defaultdict(float)


def pytest_collection_modifyitems(items):
    for item in items:
        if _tier(item.keywords) == TIERS[0] and RUNS & set(item.path.parts):
            item.add_marker(pytest.mark.run)
    items.sort(key=lambda item: TIERS.index(_tier(item.keywords)))


def pytest_ignore_collect(collection_path, config):
    """Files of runs are not even imported where no run is asked for."""
    return True if "not (run " in config.option.markexpr and collection_path.name in RUNS else None


class ByFile(LoadScopeScheduling):
    """Gives a worker all tests of a file, whose fixtures are made once.

    A file with tests for a JVM is given out test by test, so that whole runs in the worker's own process come before its session:
    they would take it as theirs.
    """

    def _split_scope(self, nodeid):
        path = nodeid.split("::", maxsplit=1)[0]
        return nodeid if _needs_a_session(path) else path


@cache
def _needs_a_session(path):
    return LATER.search((Path(__file__).parents[1] / path).read_text(encoding="utf-8")) is not None


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
