"""A bad configuration of a good panel from a seed: keys with values that they do not take, or a file that is spoilt as text."""

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml
from jsonschema import Draft202012Validator, ValidationError

from fuzz.draws import OTHER_NAMES, SHOWN_NAMES, happens, one_of
from sigmalake.config.fields import Placed, all_keys
from sigmalake.config.model import Config
from sigmalake.config.texts.json_schema import config_schema

BODY: dict[str, Any] = {
    "model": "fuzz",
    "lake": "lake",
    "sources": {"panel": {"path": "panel.parquet", "columns": {"cap": "cap", "weight": "weight"}}},
    "factors": [{"market": "market"}, {"membership": "sector", "column": "sector"}, {"styles": ["size", "beta"]}],
    "regression": {"min_assets": 1},
    "risk": {
        "short": {
            "factor_cov": {"estimator": "ewma", "half_life": 2, "window": 4, "min_periods": 2},
            "specific_var": {"estimator": "sample", "window": 4, "min_periods": 2},
        }
    },
    "covariance": {"variants": ["short"]},
    "checks": {"max_coverage_drop": 0.5},
    "local": {"workers": 1},
}
NUMBERS = (-1, 0, 1, 2, 3, 10**6, 10**30, -0.5, 0.0, 0.5, 1.5, 1e308, 5e-324, float("nan"), float("inf"), -float("inf"))
OTHER = (
    None,
    "",
    True,
    False,
    [],
    {},
    [None],
    [1, [2]],
    {"a": {"b": 1}},
    ["short"],
    ["size"],
    "2024-01-03",
    ["2024-01-03"],
    "last",
)
WORDS = (
    "ewma",
    "sample",
    "equal",
    "cap",
    "column",
    "regress",
    "zero",
    "drop",
    "shrink",
    "month",
    "day",
    "short",
    "used",
    "csv",
    "delta",
)
LIKELY = (
    "regression",
    "risk.NAME.f",
    "risk.NAME.s",
    "covariance",
    "checks",
    "evaluate",
    "sources.panel.",
    "model",
)  # BODY has them
OURS = ("local.workers", "engine", "lake", "local.scratch")  # would start processes, or write beside the folder


class Configuration(NamedTuple):
    """A configuration in a folder of its own, beside its panel."""

    config: Path
    lake: Path
    options: list[str]
    is_refused: bool  # for certain, by the schema


def make_configuration(seed: int, folder: Path) -> Configuration:
    """The configuration of a seed."""
    rng = np.random.default_rng([seed, 2])
    body = copy.deepcopy(BODY)
    _panel(rng).to_parquet(folder / "panel.parquet")
    for _ in range(one_of(rng, [1, 1, 1, 2, 3])):
        _spoil(rng, body)
    options = _overrides(rng) if happens(rng, 0.15) else []
    text = yaml.safe_dump(body, sort_keys=False, allow_unicode=True)
    as_text = happens(rng, 0.2)
    octets = _spoilt_text(rng, text) if as_text else text.encode()
    (folder / "model.yaml").write_bytes(octets)
    is_refused = not as_text and not options and any(map(_is_refused, _validator().iter_errors(_plain(body))))
    return Configuration(folder / "model.yaml", folder / "lake", options, is_refused)


def _panel(rng: np.random.Generator) -> pd.DataFrame:
    n_dates, n_assets = 4, 9
    n = n_dates * n_assets
    return pd.DataFrame(
        {
            "date": np.repeat(pd.bdate_range("2024-01-02", periods=n_dates).date, n_assets),
            "asset_id": [f"A{i}" for i in range(n_assets)] * n_dates,
            "ret": rng.normal(0, 0.01, n),
            "cap": np.exp(rng.normal(3, 1, n)),
            "weight": 1.0,
            "sector": ["tech", "bank", "oil"] * (n // 3),
            "size": rng.normal(size=n),
            "beta": rng.normal(size=n),
        }
    )


@cache
def _places() -> list[Placed]:
    return [placed for placed in all_keys(Config) if placed.place not in OURS]


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(config_schema())


def _is_refused(error: ValidationError) -> bool:
    """Whether the loader refuses what the schema does: it takes true and false for 1 and 0 where a number may stand."""
    return not (error.validator == "type" and isinstance(error.instance, bool))


def _plain(body: Any) -> Any:
    """As the schema sees what YAML reads back."""
    return json.loads(json.dumps(yaml.safe_load(yaml.safe_dump(body)), default=str))


def _value(rng: np.random.Generator, annotation: object) -> Any:
    """A value of the kind that a key takes, in most cases; else any."""
    takes = repr(annotation)
    words = ["".join(word) for word in re.findall(r"'([\w-]+)'|: '([\w-]+)'>", takes)]
    kinds = {
        "bool": [True, False],
        "float": [0, 0.01, 0.5, 1, 2, 5, 100, 1e6, 1e308],
        "int": [0, 1, 2, 3, 4, 10, 10**6],
        "list": [["short"], ["A0", "A1"], ["size"], ["2024-01-03"]],
        "dict": [{"a": "size"}, {"size": 1.0}, {}],
        "str": SHOWN_NAMES,
    }
    fitting = words or next((values for kind, values in kinds.items() if kind in takes), OTHER)
    return one_of(rng, one_of(rng, [*[fitting] * 15, NUMBERS, NUMBERS, OTHER, WORDS, SHOWN_NAMES, OTHER_NAMES]))


def _spoil(rng: np.random.Generator, body: dict[str, Any]) -> None:
    """Give one key that there is a value, or add one that there is none, or take one away."""
    if happens(rng, 0.1):
        body.pop(one_of(rng, list(body)), None)
        return
    likely = [placed for placed in _places() if placed.place.startswith(LIKELY)]
    placed = one_of(rng, likely if happens(rng, 0.7) else _places())
    steps = placed.place.replace("[]", ".[]").split(".")
    if happens(rng, 0.1):
        steps[-1] = one_of(rng, SHOWN_NAMES + OTHER_NAMES)
    here: Any = body
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if isinstance(here, list):
            name: Any = int(rng.integers(len(here))) if here else None
        else:
            name = one_of(rng, [*["short"] * 40, *SHOWN_NAMES, *OTHER_NAMES]) if step == "NAME" else step
        if name is None:
            return
        if following is None:
            here[name] = _value(rng, placed.key.annotation)
            return
        if not isinstance(here, list) and not isinstance(here.get(name), dict | list):
            here[name] = [{}] if following == "[]" else {}
        here = here[name]
        if not isinstance(here, dict | list):
            return


def _overrides(rng: np.random.Generator) -> list[str]:
    place = one_of(rng, [*(placed.place for placed in _places()), "", ".", "a..b", "risk", "factors.0", "spark.x.y"])
    return ["--set", f"{place}={one_of(rng, ['', 'x', '1', '[', '{a: 1}', '&a [*a]', '!!int x', 'null', '<b>'])}"]


def _spoilt_text(rng: np.random.Generator, text: str) -> bytes:
    """Octets taken out, put in or exchanged, or the end cut off."""
    octets = bytearray(text.encode())
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(len(octets)))
        put = one_of(
            rng,
            [
                b"",
                b"\t",
                b"\x00",
                b"\xff",
                b"'",
                b'"',
                b"{",
                b"[",
                b":",
                b"- ",
                b"&a ",
                b"*a",
                b"!!x ",
                b"\n",
                b"#",
                b"${X",
                b"\xe2\x80\xae",
            ],
        )
        octets[at : at + int(rng.integers(3))] = put
    return bytes(octets[: int(rng.integers(len(octets) + 1))] if happens(rng, 0.2) else octets)
