"""What `run --output json` prints: one JSON document, also where the run failed."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sigmalake.cli.terminal import show, without_secrets

if TYPE_CHECKING:
    from sigmalake.stages.context import Context, StageResult

_TEXT, _NUMBER, _COUNT = {"type": "string"}, {"type": "number"}, {"type": ["integer", "null"]}
_MAYBE = {"type": ["string", "null"]}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _or_null(one: dict[str, Any], description: str) -> dict[str, Any]:
    return {"anyOf": [{"type": "null"}, one], "description": description}


def _list(items: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "items": items, "description": description}


_STAGE = _object(
    stage=_TEXT,
    status={"enum": ["done", "nothing to do", "refused", "failed"]},
    seconds=_NUMBER,
    dates={"type": "integer", "description": "that were computed or removed"},
    first_date=_MAYBE,
    last_date=_MAYBE,
    rows_in=_COUNT,
    rows_out=_COUNT,
    rows_rejected=_COUNT,
    error=_MAYBE,
)
_REJECTED = _object(source=_TEXT, column=_TEXT, reason=_TEXT, rows={"type": "integer"}, example=_MAYBE)
_RELEASE = _object(
    release_id=_TEXT,
    as_of=_TEXT,
    created_at=_TEXT,
    variants={"type": "array", "items": _TEXT},
    run_id=_TEXT,
    new={"type": "boolean", "description": "whether this run made it"},
)

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "sigmalake run --output json",
    **_object(
        status={"enum": ["done", "nothing to do", "refused", "failed", "interrupted"]},
        exit_code={"type": "integer", "description": "of the command: 0, 1, 2, 3, 129, 130 or 143"},
        changed={"type": "boolean", "description": "whether any stage wrote rows, or a release was made"},
        error=_or_null(_object(type=_TEXT, message=_TEXT), "what ended the run; null where nothing did"),
        run_id={**_MAYBE, "description": "as in the table `runs`; null where the run ended before it had its lake"},
        model=_MAYBE,
        lake=_MAYBE,
        engine={"enum": ["local", "spark", None]},
        seconds={**_NUMBER, "description": "of the whole command"},
        stages=_list(_STAGE, "in their order; those that were not reached are not there"),
        rejected=_list(_REJECTED, "source rows that cannot be used, by what is wrong; a row may have several reasons"),
        warnings=_list(_TEXT, "as they stand on stderr"),
        release=_or_null(_RELEASE, "the last release that stands, whoever made it; null where there is none"),
    ),
}
"""The JSON Schema of the document; `sigmalake schema run` prints it."""


class _Begun:
    """The document of this process, from the moment that it was promised until it is printed."""

    since: float | None = None
    context: "Context | None" = None
    release: dict[str, Any] | None = None


def begin() -> None:
    """Promise a document: whatever ends the command, `end` prints it."""
    _Begun.since, _Begun.context, _Begun.release = time.monotonic(), None, None


@contextmanager
def documented(context: "Context") -> Iterator[None]:
    """What a run does in here is in the document."""
    _Begun.context = context
    try:
        yield
    finally:
        _Begun.release = None if _Begun.since is None else _last_release(context)


def end(exit_code: int, error: BaseException | None = None, message: str | None = None) -> None:
    """Print the document, if one was promised; once.

    Args:
        exit_code: of the command.
        error: what ended it; None: nothing did.
        message: the error in words, where its own are not what the user is told.
    """
    if _Begun.since is None:
        return
    seconds, _Begun.since = time.monotonic() - _Begun.since, None
    body = _document(_Begun.context, seconds, exit_code, error, message) | {"release": _Begun.release}
    _Begun.context, _Begun.release = None, None
    show(json.dumps(body, default=str, ensure_ascii=False))


def _document(
    context: "Context | None", seconds: float, exit_code: int, error: BaseException | None, message: str | None
) -> dict[str, Any]:
    results = [] if context is None else context.results
    changed = any(result.status == "done" for result in results)
    return {
        "status": _status(exit_code, error, changed=changed),
        "exit_code": exit_code,
        "changed": changed,
        "error": None if error is None else {"type": type(error).__name__, "message": without_secrets(message or str(error))},
        "run_id": None if context is None else context.run_id,
        "model": None if context is None else context.config.model,
        "lake": None if context is None else context.lake.root,
        "engine": None if context is None else context.engine.name,
        "seconds": round(seconds, 3),
        "stages": [_stage(result) for result in results],
        "rejected": [one._asdict() for result in results if result.outcome is not None for one in result.outcome.rejected],
        "warnings": [] if context is None else list(context.warnings),
    }


def _status(exit_code: int, error: BaseException | None, *, changed: bool) -> str:
    if error is not None and exit_code > 128:
        return "interrupted"
    if type(error).__name__ == "ReleaseRefusedError":
        return "refused"
    if error is not None or exit_code:
        return "failed"
    return "done" if changed else "nothing to do"


def _stage(result: "StageResult") -> dict[str, Any]:
    outcome = result.outcome
    dates = [] if outcome is None else sorted(outcome.dates)
    return {
        "stage": result.stage,
        "status": result.status,
        "seconds": round(result.seconds, 3),
        "dates": len(dates),
        "first_date": str(dates[0]) if dates else None,
        "last_date": str(dates[-1]) if dates else None,
        "rows_in": None if outcome is None else outcome.rows_in,
        "rows_out": None if outcome is None else outcome.rows_out,
        "rows_rejected": None if outcome is None else outcome.rows_rejected,
        "error": result.error,
    }


def _last_release(context: "Context") -> dict[str, Any] | None:
    """The last release that stands; none where the lake cannot be read any more, of which the error tells."""
    from sigmalake.lake.books import release_ledger

    try:
        standing = release_ledger(context.lake).standing
    except Exception:  # the store is gone, say: the document is printed all the same
        return None
    if not standing:
        return None
    last = standing[-1]
    return {
        "release_id": last.release_id,
        "as_of": str(last.as_of),
        "created_at": last.created_at.isoformat(),
        "variants": list(last.variants),
        "run_id": last.run_id,
        "new": last.run_id == context.run_id,
    }
