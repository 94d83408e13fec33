"""The package of docs/your_estimators.md, and one whose kernels are wrong: built into wheels, installed, put on the path."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from sigmalake.engines.local import workers

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^`([\w.]+)`, new:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WRONG = """
from oursigma import Cov, EwmaSettings, PowerSettings, Values, Var, Weights, Estimator, np
from pydantic import BaseModel


class Loose(BaseModel):
    window: int = 5


def raises(returns, ages, *, settings):
    raise ZeroDivisionError("of\\n ours")


def changes(returns, ages, *, settings):
    returns[0] = 0


def shape(returns, ages, *, settings):
    return Cov(np.eye(7), 1.0)


def nan(returns, ages, *, settings):
    return Cov(np.full((returns.shape[1],) * 2, np.nan), 1.0)


def negative(returns, ages, *, settings):
    return Cov(2 - np.eye(returns.shape[1]), 1.0)


def flat(returns, ages, *, settings):
    return Cov(np.zeros((returns.shape[1],) * 2), 1.0)


def no_tuple(returns, ages, *, settings):
    return np.eye(returns.shape[1])


def negative_var(specific_returns, *, settings):
    return Var(np.full(specific_returns.shape[1], -1.0))


def raises_weights(caps, weight_column, specific_var, *, settings):
    if len(caps) < settings.window:
        raise ZeroDivisionError("of ours")
    return Weights(np.sqrt(caps))


def below_0(caps, weight_column, specific_var, *, settings):
    return Weights(-caps)


def zeros(caps, weight_column, specific_var, *, settings):
    return Weights(0 * caps)


def inverse_var(caps, weight_column, specific_var, *, settings):
    # `inverse_specific_var` anew, with a max_ratio of 100
    first = np.sqrt(caps)
    known = specific_var > 0
    scale = np.median((specific_var * first)[known]) if known.any() else 1.0
    inverse = 1 / np.where(known, specific_var, scale / first)
    middle = np.median(inverse)
    return Weights(np.clip(inverse, middle / 10, middle * 10))


def column(caps, weight_column, specific_var, *, settings):
    return Weights(weight_column)


def half_known(returns, caps, turnovers, in_estimation, figures, *, settings):
    if len(returns) < settings.window:
        raise ZeroDivisionError("of ours")
    return Values(np.log(caps[-1]) + 0 * returns[0] + 0 * turnovers[-1] + figures[0])


WEIGHTS = Estimator(raises_weights, EwmaSettings, "1")
BELOW_0, ZEROS, INVERSE_VAR, THEIR_COLUMN = (
    Estimator(kernel, PowerSettings, "1") for kernel in (below_0, zeros, inverse_var, column)
)
HALF_KNOWN = Estimator(half_known, EwmaSettings, "1")
RAISES, CHANGES, SHAPE, NAN, NEGATIVE, FLAT, NO_TUPLE, NEGATIVE_VAR = (
    Estimator(kernel, EwmaSettings, "1") for kernel in (raises, changes, shape, nan, negative, flat, no_tuple, negative_var)
)
LOOSE = Estimator(raises, Loose, "1")
"""
KERNELS = ("raises", "changes", "shape", "nan", "negative", "flat", "no_tuple", "loose")
POINTS = {
    "factor_cov": {
        **{name: f"wrongsigma:{name.upper()}" for name in KERNELS},
        "gone": "nosuchmodule:X",
        "function": "wrongsigma:raises",
        "ewma": "wrongsigma:RAISES",  # ours stays ours
    },
    "specific_var": {"negative_var": "wrongsigma:NEGATIVE_VAR"},
    "weights": {
        "raises_weights": "wrongsigma:WEIGHTS",
        **{name: f"wrongsigma:{name.upper()}" for name in ("below_0", "zeros", "inverse_var", "their_column")},
        "equal": "wrongsigma:ZEROS",  # ours stays ours
    },
    "descriptors": {"half_known": "wrongsigma:HALF_KNOWN", "unwindowed": "oursigma:WEIGHTS"},
}


def installed(folder: Path, blocks: dict[str, str]) -> Path:
    """A folder with the package and its metadata, as pip puts them there."""
    (folder / "source").mkdir()
    for name, text in blocks.items():
        (folder / "source" / name).write_text(text)
    build = [sys.executable, "-c", f"from setuptools import build_meta; build_meta.build_wheel({str(folder)!r})"]
    subprocess.run(build, cwd=folder / "source", check=True, capture_output=True)
    options = ["--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check", "--target", folder / "site"]
    wheel = next(folder.glob("*.whl"))
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *options, wheel], check=True, capture_output=True)
    return folder / "site"


def build_packages(ours: Path, wrong: Path) -> list[Path]:
    """Where both packages are installed, the page's first."""
    blocks = dict(BLOCK.findall((ROOT / "docs/your_estimators.md").read_text(encoding="utf-8")))
    points = "".join(
        f'[project.entry-points."sigmalake.{group}"]\n' + "".join(f'{name} = "{place}"\n' for name, place in named.items())
        for group, named in POINTS.items()
    )
    head = blocks["pyproject.toml"].split("[project.entry-points")[0].replace("oursigma", "wrongsigma")
    project = f'{head}\n{points}\n[tool.setuptools]\npy-modules = ["wrongsigma"]\n'
    return [installed(ours, blocks), installed(wrong, {"pyproject.toml": project, "wrongsigma.py": WRONG})]


@contextmanager
def on_path(folders: Sequence[Path]) -> Iterator[None]:
    """The packages are found by this process and those that it starts."""
    workers.stop()  # they have the path of their start
    with pytest.MonkeyPatch.context() as patch:
        for folder in folders:
            patch.syspath_prepend(folder)
        yield
    workers.stop()
