"""How the mistakes of a configuration are explained: the key, what is wrong, the value seen, and what the key means."""

import difflib
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sigmalake.config.fields import is_section, is_tag, keys_of, sections_at
from sigmalake.config.yaml_file import BOOLEANS
from sigmalake.numerics.registry.by_name import DISCRIMINATOR

FORMS = ("<word>", "<list>", "<section>")  # of a value that has several, in pydantic's places but not in the file


def explain_validation(error: ValidationError, where: str, model: type[BaseModel]) -> str:
    """All of pydantic's findings, as a quant reads them."""
    lines = problem_lines(error, model)
    return f"{where} is not a valid configuration:\n  " + "\n  ".join(lines)


def problem_lines(error: ValidationError, model: type[BaseModel], within: str = "") -> list[str]:
    """A line a finding: the key, what is wrong, the value seen.

    Args:
        error: the findings.
        model: what was validated.
        within: where it stands, for a part of a file.
    """
    lines = [_line(problem, model, within) for problem in error.errors(include_url=False)]
    return list(dict.fromkeys(lines))


def _line(problem: ErrorDetails, model: type[BaseModel], within: str) -> str:
    if problem["type"] == "explained":
        return problem["msg"]
    place = list(_in_file(problem["loc"], model))
    message, seen = _message(problem, model), problem.get("input")
    if problem["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        place.append(DISCRIMINATOR)
    key = ".".join(str(part) for part in place)
    hidden = problem["type"] in {"missing", "union_tag_invalid", "union_tag_not_found"} or seen is None
    shown = "" if hidden or isinstance(seen, dict | list) or is_section(seen) else f" (value: {seen!r})"
    meaning = _meaning(problem, model) if problem["type"] in _MESSAGES else ""
    return ": ".join(part for part in (within, key, message + shown + meaning) if part)


def _meaning(problem: ErrorDetails, model: type[BaseModel]) -> str:
    """What the key means, and its unit, as its field declares them."""
    *above, name = problem["loc"] or ("",)
    for section in sections_at(model, above):
        if (key := keys_of(section).get(str(name))) and key.meaning:
            return f". It means: {key.in_words}"
    return ""


def _in_file(place: Sequence[int | str], model: type[BaseModel]) -> Iterator[int | str]:
    """The parts of pydantic's place that are in the file: not the name of an estimator, nor the form of a value."""
    for position, part in enumerate(place):
        if part not in {*FORMS, "[key]"} and not is_tag(model, place[:position], part):
            yield part


_MESSAGES = {
    "missing": "is missing",
    "string_type": "must be text",
    "string_too_short": "is empty",
    "too_short": "is empty; give at least one",
    "list_type": "must be a list, e.g. [a, b]",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than_equal": "must be {le:g} or less",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "union_tag_invalid": "{tag!r} is unknown; it must be one of {expected_tags}",
    "union_tag_not_found": "is missing",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(
        ("dict_type", "model_type", "model_attributes_type", "dataclass_type"), "must be a section of `key: value` lines"
    ),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), "must be a date, YYYY-MM-DD"),
}


def _message(problem: ErrorDetails, model: type[BaseModel]) -> str:
    kind, seen, context = problem["type"], problem.get("input"), problem.get("ctx", {})
    if kind in {"extra_forbidden", "unexpected_keyword_argument"}:
        return _unknown_key(problem["loc"], model)
    if seen is None and kind in _MESSAGES and kind != "missing":
        return "is empty; give a value, or leave the key out"
    if kind == "string_type":
        hint = f"{BOOLEANS}: write it in quotes" if isinstance(seen, bool) else "write it in quotes"
        return f"must be text; {hint}" if isinstance(seen, bool | int | float) else "must be text"
    template = _MESSAGES.get(kind)
    return template.format(**context) if template else problem["msg"].removeprefix("Value error, ")


def _unknown_key(place: Sequence[int | str], model: type[BaseModel]) -> str:
    known = sorted({key for section in sections_at(model, place[:-1]) for key in keys_of(section)})
    close = difflib.get_close_matches(str(place[-1]), known, n=1)
    return f"unknown key; did you mean `{close[0]}`?" if close else f"unknown key; the keys here are {', '.join(known)}"
