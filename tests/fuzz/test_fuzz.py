"""The first of the cases that `scripts/test fuzz` has: each seed is the same case in every run."""

import pytest

from fuzz.cases import KINDS
from fuzz.command import Seen
from fuzz.held import broken_words

SHARE = {"panel": 20, "configuration": 30, "section": 200}


@pytest.mark.parametrize(("kind", "seed"), [(kind, seed) for kind in ("panel", "configuration") for seed in range(SHARE[kind])])
def test_a_bad_panel_or_configuration_is_explained_and_accounted_for(kind, seed):
    broken = KINDS[kind](seed)
    assert not broken, "\n".join([f"scripts/test fuzz --{kind} 1 --seed {seed}", *broken])


def test_a_cross_section_of_extreme_scales_has_finite_numbers_or_a_status():
    broken = {seed: KINDS["section"](seed) for seed in range(SHARE["section"])}
    assert not {seed: texts for seed, texts in broken.items() if texts}


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Seen(3, "", "error: x"), "exit code 3"),
        (Seen(1, "", "error: ValueError: x"), "'error: ValueError' is shown"),
        (Seen(1, "", "error: \x1b[31mx"), r"the control character '\x1b' is shown"),
        (Seen(0, "", "error: x"), "exit code 0 with 1 errors told"),
        (Seen(2, "a result", "error: x"), "exit code 2, and a result on stdout"),
    ],
)
def test_the_harness_tells_what_must_not_be_seen(seen, words):
    assert words in list(broken_words(seen))
