"""The resolved configuration as YAML to read: behind each value its unit, and where it is from if the file does not say it."""

from collections.abc import Iterator, Mapping
from math import inf
from typing import Any, NamedTuple

import yaml

from sigmalake.config.keys import Key, key_at
from sigmalake.config.model import Config, Variant
from sigmalake.config.presets import PRESET_SOURCES, PRESETS, PresetName
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov
from sigmalake.numerics.windows.ewma import fewest

HEAD = """\
# Behind a value: its unit, and `default` or the preset where it is not given, with the source. A line that begins with # is what
# an estimator makes of a key that is left out. [M] Menchero, Orr, Wang 2011. [E] Menchero, Wang, Orr 2011. [B] Briner, Smith,
# Ward 2009. [L] Litterman et al. 2003. choice: of this model, no paper's.
"""
COMMENT_AT = 44  # columns

Place = tuple[str | int, ...]


class _Origin(NamedTuple):
    """What the file and the preset say of a part of the configuration."""

    given: Any
    preset: Any = None
    name: PresetName | None = None
    by_month: bool = False  # of a variant whose periods are months

    def below(self, key: str | int) -> "_Origin":
        return self._replace(given=_child(self.given, key), preset=_child(self.preset, key))

    def with_preset(self) -> "_Origin":
        """A variant's, with the sections of its preset that the file does not replace."""
        name = _child(self.given, "preset")
        if name is None:
            return self
        sections = PRESETS[name].items()
        kept = {key: body for key, body in sections if _child(_child(self.given, key), "estimator") in {None, body["estimator"]}}
        return self._replace(preset=kept, name=name)

    def unit(self, key: Key | None) -> str:
        """Of a value: what counts periods counts months of such a variant."""
        found = key.unit if key else ""
        return "months" if self.by_month and found in {"periods", "observations"} else found

    def told(self, key: Key | None) -> str:
        """Where the value is from; empty: the file says it."""
        if self.given is not None:
            return ""
        if self.preset is not None and self.name is not None:
            return f"preset {self.name} {PRESET_SOURCES[self.name]}"
        return "default" + (f" {key.source}" if key and key.source else "")


def annotated(config: Config, given: Mapping[str, Any]) -> str:
    """The whole configuration as YAML, with units and the source of what was not given.

    Args:
        config: resolved.
        given: the file's mapping that it was made from, overrides included.
    """
    filled = {("risk", name, *key): value for name, variant in config.risk.items() for key, value in _filled_in(variant)}
    lines = _lines(config.model_dump(mode="json"), (), _Origin(given), filled)
    return HEAD + "".join(f"{line}\n" for line in lines)


def _filled_in(variant: Variant) -> Iterator[tuple[Place, object]]:
    """What the estimators make of periods that are left out."""
    sigma, delta = variant.factor_cov, variant.specific_var
    volatility, correlation, *_ = sigma.parts
    yield ("factor_cov", "window"), volatility.window
    yield ("factor_cov", "min_periods"), fewest(None, min(volatility.window, correlation.window))
    if isinstance(sigma, EwmaFactorCov):
        yield ("factor_cov", "corr_half_life"), correlation.half_life
        yield ("factor_cov", "corr_window"), correlation.window
        yield ("factor_cov", "corr_lags"), correlation.lags
    if sigma.regime:
        yield ("factor_cov", "regime", "window"), sigma.regime.periods
    window = delta.weighting.window
    yield ("specific_var", "window"), window
    yield ("specific_var", "min_periods"), fewest(None, window)
    if delta.lags:
        yield ("specific_var", "lags_window"), delta.lags_weighting.window
    if delta.structural:
        yield ("specific_var", "structural", "window"), delta.structural.periods(window)
    if delta.regime:
        yield ("specific_var", "regime", "window"), delta.regime.periods
    if delta.linked:
        yield ("specific_var", "linked", "window"), delta.linked.periods(window)
        yield ("specific_var", "linked", "min_periods"), delta.linked.fewest_dates(window)


class _Line(NamedTuple):
    text: str
    comment: str = ""

    def indented(self, by: str) -> "_Line":
        return self._replace(text=by + self.text)

    def __str__(self) -> str:
        return f"{self.text:<{COMMENT_AT}} # {self.comment}" if self.comment else self.text


def _lines(section: Mapping[str, Any], place: Place, origin: _Origin, filled: Mapping[Place, object]) -> Iterator[_Line]:
    for key, value in section.items():
        here = (*place, key)
        of_key = origin.below(key)
        if place == ("risk",):
            of_key = of_key.with_preset()._replace(by_month=value["frequency"] == "month")
        known = key_at(_pattern(here))
        if value is None and here in filled:
            yield _Line(f"# {key}: {_flow(filled[here])}", _comment(known, of_key._replace(given=None, preset=None)))
        elif isinstance(value, dict) and value and (known is None or key == "styles"):  # else names of the user's own
            yield _Line(f"{_flow(key)}:")
            yield from (line.indented("  ") for line in _lines(value, here, of_key, filled))
        elif isinstance(value, list) and known is None:
            yield _Line(f"{_flow(key)}:")
            for number, entry in enumerate(value):
                first, *more = _lines(entry, (*here, number), of_key.below(number), filled)
                yield first.indented("  - ")
                yield from (line.indented("    ") for line in more)
        elif value is not None:
            yield _Line(f"{_flow(key)}: {_flow(value)}", _comment(known, of_key))


def _comment(key: Key | None, origin: _Origin) -> str:
    return "; ".join(part for part in (origin.unit(key), origin.told(key)) if part)


def _flow(value: object) -> str:
    """A value in one line of YAML."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=inf)
    return text.removesuffix("\n").removesuffix("\n...")


def _pattern(place: Place) -> str:
    """A place as the descriptions name it: NAME for what the user named, [] for an entry of a list."""
    named = {1} if place[0] == "risk" else {3} if place[0] == "factors" and "styles" in place else set()
    parts = ("[]" if isinstance(part, int) else ".NAME" if n in named else f".{part}" for n, part in enumerate(place))
    return "".join(parts).removeprefix(".")


def _child(body: Any, key: str | int) -> Any:
    if isinstance(body, list) and isinstance(key, int):
        return body[key] if key < len(body) else None
    return body.get(key) if isinstance(body, Mapping) else None
