"""A pytest plugin for scripts/test: the cheapest tests first, in halves where asked, and the seconds of each tier at the end."""

from collections import defaultdict

import pytest

TIERS = ("arrays", "jvm", "cluster", "fault")  # all but the first are markers
_tier_of: dict[str, str] = {}  # of a test's node id
_seconds: defaultdict[str, float] = defaultdict(float)


SHARED = ("lake", "spark", "stages")  # folders whose tests with a JVM are a half of all, by their seconds


def pytest_addoption(parser):
    parser.addoption("--half", choices=("1", "2"), help="only the tests of one of two halves, which may run side by side")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    for item in items:
        marked = [name for name in TIERS if item.get_closest_marker(name)]
        _tier_of[item.nodeid] = marked[-1] if marked else TIERS[0]
    items.sort(key=lambda item: TIERS.index(_tier_of[item.nodeid]))
    if half := config.getoption("--half"):
        config.hook.pytest_deselected(items=[item for item in items if _half_of(item) != half])
        items[:] = [item for item in items if _half_of(item) == half]


def _half_of(item):
    return "1" if _tier_of[item.nodeid] == "jvm" and item.path.parent.name in SHARED else "2"


def pytest_runtest_logreport(report):
    _seconds[_tier_of[report.nodeid]] += report.duration


def pytest_terminal_summary(terminalreporter):
    for name in filter(_seconds.__contains__, TIERS):
        terminalreporter.write_line(f"-- pytest {name}: {_seconds[name]:.1f} s")
