"""Messages for mistakes on the command line: a sentence that says what is wrong, and what to give instead."""

import difflib
from typing import Any


def is_usage_error(error: BaseException) -> bool:
    """Whether typer found the command line itself wrong; its classes have other modules in other versions."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def usage_text(error: Any) -> str:
    """What is wrong with the command line and what to give, as an error's line; the help where nothing was given.

    Args:
        error: of typer's, for which `is_usage_error` holds.
    """
    return str(error.message) if type(error).__name__ == "NoArgsIsHelpError" else f"error: {_sentence(error)}"


def _sentence(error: Any) -> str:
    context, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    command = "sigmalake" if context is None or context.parent is None else f"sigmalake {context.info_name}"
    seen = f"`{command} --help` lists " + ("the verbs" if command == "sigmalake" else "its options")
    message = str(error.message).replace("Value error, ", "").strip().rstrip(".")
    message = message[:1].lower() + message[1:]
    kind, option = type(error).__name__, getattr(error, "option_name", None)
    if kind == "NoSuchOption":
        known = [name for one in context.command.params for name in one.opts] if context else []
        close = difflib.get_close_matches(str(option), known, n=1)
        return f"{command} has no option {option}; " + (f"did you mean {close[0]}?" if close else seen)
    if option is not None and "does not take a value" in message:
        return f"{option} takes no value: write it alone"
    if option is not None:
        return f"{option} needs a value after it; `sigmalake VERB --help` says which"
    if kind == "MissingParameter" and parameter is not None:
        help_text = str(getattr(parameter, "help", None) or "").rstrip(".")
        return f"{command} needs {_named(parameter)}" + (f": {help_text[0].lower()}{help_text[1:]}" if help_text else f"; {seen}")
    if parameter is not None:
        return f"{_option(parameter)}: {message}{_given(error)}{_nearest(message)}"
    return f"{message}{'' if message.endswith('?') else ';'} {seen}" if message else seen


def _option(parameter: Any) -> str:
    return str(parameter.opts[0]) if parameter.param_type_name == "option" else str(parameter.metavar or parameter.name)


def _named(parameter: Any) -> str:
    """An option with what follows it, such as `--config FILE`; an argument by its name."""
    if parameter.param_type_name != "option":
        return _option(parameter)
    return f"{parameter.opts[0]} {parameter.metavar or parameter.name.upper()}"


def _given(error: BaseException) -> str:
    """The value that was given, where the message does not name it and the cause does."""
    problems = getattr(error.__cause__ or error.__context__, "errors", None)
    found = problems() if callable(problems) else []
    value = found[0].get("input") if found else None
    return "" if value is None or repr(value) in str(error) else f" (given: {value!r})"


def _nearest(message: str) -> str:
    """The choice that was probably meant, of those that the message lists after what was given."""
    if " is not one of " not in message:
        return ""
    given, *known = message.split("'")[1::2]
    close = difflib.get_close_matches(given, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
