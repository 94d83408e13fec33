"""Options that several verbs take."""

import inspect
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Annotated

import typer

from sigmalake.cli.terminal import LogFormat, log_as
from sigmalake.errors import ConfigError


class Output(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


ConfigFile = Annotated[str, typer.Option("--config", "-c", metavar="FILE", help="The configuration, a YAML file or its URI.")]
Start = Annotated[str | None, typer.Option(metavar="DATE", help="First return date, YYYY-MM-DD.")]
End = Annotated[str | None, typer.Option(metavar="DATE", help="Last return date, YYYY-MM-DD.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=C", help="Over the file, e.g. regression.weights=equal; may be given again."),
]
OutputForm = Annotated[Output, typer.Option("--output", metavar="text|json", help="How results are printed.")]
Wait = Annotated[float, typer.Option(metavar="SECONDS", help="How long to wait for another writer of the lake.", min=0)]
Verify = Annotated[bool, typer.Option("--verify", help="Hash every source, also where its version is unchanged.")]

DropVariants = Annotated[
    bool, typer.Option("--drop-variants", help="Delete the rows of variants that the configuration does not name any more.")
]
EngineOption = Annotated[
    str | None, typer.Option("--engine", metavar="auto|local|spark", help="What moves the rows; the configuration's by default.")
]


LogForm = Annotated[
    LogFormat, typer.Option("--log-format", metavar="text|json", help="How lines on stderr are written; json: an object a line.")
]


def with_log_format(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb with the option `--log-format`, which every verb has, and none needs to know of."""

    def run(*, log_format: LogFormat = LogFormat.TEXT, **given: object) -> None:
        log_as(log_format)
        verb(**given)

    signature = inspect.signature(verb)
    option = inspect.Parameter("log_format", inspect.Parameter.KEYWORD_ONLY, default=LogFormat.TEXT, annotation=LogForm)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]  # read by typer
    run.__annotations__ = {**inspect.get_annotations(verb), "log_format": LogForm}
    run.__name__, run.__doc__ = verb.__name__, verb.__doc__
    return run


def parse_date(text: str | None, option: str) -> date | None:
    """The date that an option names; None where it is not given.

    Raises:
        ConfigError: it is not a date.
    """
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option} {text!r} is not a date; give it as YYYY-MM-DD") from None
