"""Whoever changes what a stage answers raises its version: rows that an earlier one computed are then stale."""

import json

import numpy as np
import pytest

from kernel_answers import ANSWERS, RECORDED, Measure, answers, measure
from sigmalake.stages import versions

TABLE = json.loads(RECORDED.read_text(encoding="utf-8"))
TOLERANCE = 1e-9  # of the sum of absolute values: rounding of a faster route, or of another processor, is below it


def differs(now: Measure, before: Measure) -> bool:
    allowed = TOLERANCE * max(before.absolute, 1e-300)
    same_form = (now.size, now.missing) == (before.size, before.missing)
    return not same_form or max(abs(now.absolute - before.absolute), abs(now.projection - before.projection)) > allowed


def changed(now: dict[str, Measure], before: dict[str, list]) -> list[str]:
    """The names of the answers that are not what they were."""
    names = [*now, *(name for name in before if name not in now)]
    return [name for name in names if name not in now or name not in before or differs(now[name], Measure(*before[name]))]


@pytest.mark.parametrize("stage", ANSWERS)
def test_a_stage_whose_answer_changed_has_another_version(stage):
    version, recorded = getattr(versions, stage), TABLE[stage]
    moved = changed(answers(stage), recorded["answers"])
    assert not moved or version != recorded["version"], (
        f"{stage} answers otherwise than version {version} did: {', '.join(moved)}. If that is meant, raise {stage} in "
        "lib/sigmalake/stages/versions.py, so that rows of before are computed again; then run `python tests/kernel_answers.py`"
    )
    assert version == recorded["version"], f"the answer of {stage} {version} is to be recorded: `python tests/kernel_answers.py`"


def test_every_stage_with_a_version_has_an_answer():
    assert {name for name in vars(versions) if name.isupper()} == ANSWERS.keys() == TABLE.keys()


def test_rounding_passes_and_a_change_of_one_number_does_not():
    values = np.linspace(-3.0, 2.0, 400)
    before = measure(values)
    assert not differs(measure(values * (1 + 1e-12 * np.sin(np.arange(400)))), before)
    for row in (0, 1, 200, 399):
        other = values.copy()
        other[row] += 1e-3
        assert differs(measure(other), before), row
    missing = values.copy()
    missing[7] = np.nan
    assert differs(measure(missing), before)
    assert differs(measure(values[:-1]), before)
    assert differs(measure(["ok", "thin"]), measure(["ok", "empty"]))


def test_an_answer_that_is_new_or_gone_is_a_change():
    now = {"a": measure([1.0]), "b": measure([2.0])}
    assert changed(now, {name: list(value) for name, value in now.items()}) == []
    assert changed(now, {"a": [1, 0, 1.0, float(np.cos(1.0))], "c": [0, 0, 0.0, 0.0]}) == ["b", "c"]
