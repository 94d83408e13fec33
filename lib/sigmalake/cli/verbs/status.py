"""`sigmalake status`: what a lake holds, whether something was interrupted or is out of date, and what to do next."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from sigmalake.cli.lease import LeaseState, lease_state
from sigmalake.cli.options import ConfigFile, Output, OutputForm, Overrides
from sigmalake.cli.setup.runtime import log_file
from sigmalake.cli.terminal import hide, say, show
from sigmalake.errors import STALE, ConfigError

if TYPE_CHECKING:
    from sigmalake.config.model import Config
    from sigmalake.lake.claims.claim import Claims
    from sigmalake.stages.queries.status import Status

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
FAILED = {"failed", "refused"}


def status(
    config: ConfigFile,
    overrides: Overrides = None,
    max_age: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="36h, 2d or 1w: exit code 11 where the last release's date is older, or there is none."),
    ] = None,
    output: OutputForm = Output.TEXT,
) -> None:
    """What the lake holds, and what to do next.

    The last release and its age, runs that were interrupted or failed, withdrawn releases, tables and their newest dates, sizes,
    the lake's format. Weekends count for an age, which is counted from the end of the release's date, in UTC.
    """
    from sigmalake.cli.engines import choose_engine, opened_engine
    from sigmalake.config.model import load_config
    from sigmalake.config.types import CATALOG_NAME
    from sigmalake.lake.folder import FolderTables
    from sigmalake.lake.lake import Lake
    from sigmalake.stages.queries.status import status as read_status

    limit, loaded = _parsed(max_age), load_config(config, overrides or [])
    hide(loaded.secrets)
    if CATALOG_NAME.fullmatch(loaded.lake):
        with opened_engine(loaded, choose_engine(loaded, None), log_file(), say) as opened:
            stored = read_status(Lake(opened.storage), loaded)
    else:
        stored = read_status(Lake(FolderTables(loaded.lake)), loaded)
    age = None if stored.last is None else age_of(stored.last.as_of, datetime.now(UTC))
    is_stale = limit is not None and (age is None or age > limit)
    lease = _lease(loaded)
    follows = _next(stored, lease, is_stale=is_stale, config=str(config))
    show(
        _as_json(stored, lease, age, follows, is_stale=is_stale) if output is Output.JSON else _as_text(stored, lease, age, follows)
    )
    if is_stale:
        say(f"the last release is {'missing' if age is None else f'{_days(age)} old'}, and --max-age is {max_age}")
        raise typer.Exit(STALE)


def _parsed(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if (found := _AGE.fullmatch(text.strip())) is None:
        raise ConfigError(f"--max-age {text!r} is no age; give hours, days or weeks, e.g. 36h, 2d or 1w")
    return timedelta(**{_UNITS[found[2]]: float(found[1])})


def age_of(day: date, now: datetime) -> timedelta:
    """How long a date has been over; no date comes after the last that a calendar has."""
    return now - datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)


def _lease(config: "Config") -> LeaseState | None:
    """Who holds the lake; None where only Spark could tell."""
    from sigmalake.config.types import CATALOG_NAME
    from sigmalake.lake.lease import claims_of

    def none(_: str) -> "Claims":
        raise ConfigError("a table of Spark's holds the lease")

    if CATALOG_NAME.fullmatch(config.lake):
        return None
    return lease_state(claims_of(config.lake, none))


def _interrupted(stored: "Status", lease: LeaseState | None) -> str | None:
    if lease is not None and lease.state in {"ended", "lapsed"}:
        return f"{lease.owner} ended without giving the lake back" + _at(stored)
    return f"a run was stopped{_at(stored)}" if stored.interrupted else None


def _at(stored: "Status") -> str:
    return f", in {' and '.join(stored.interrupted)}" if stored.interrupted else ""


def _next(  # noqa: PLR0911 - one for each state
    stored: "Status", lease: LeaseState | None, *, is_stale: bool, config: str
) -> str:
    """What to do next, in a sentence."""
    run, newest = f"`sigmalake run --config {config}`", stored.runs[-1] if stored.runs else None
    if lease is not None and lease.state == "held":
        return f"wait: {lease.owner} is at work"
    if lease is not None and lease.state == "unreadable":
        return f"`sigmalake lease --config {config} --break` ends a lease that cannot be read"
    if not stored.tables:
        return f"{run} makes the first release"
    if _interrupted(stored, lease):
        return f"{run} goes on from where it was stopped"
    if newest is not None and newest["status"] in FAILED:
        return f"mend what {newest['stage']} says below, then {run}"
    if stored.unreleased:
        return f"{run} releases what was written since the last release, or what the configuration changed"
    if stored.releases and stored.withdrawn and stored.withdrawn[-1].release_id == stored.releases[-1].release_id:
        return f"the newest release was withdrawn: mend its source or configuration, then {run}"
    if is_stale:
        return f"bring rows after {stored.last.as_of if stored.last else 'now'} into the sources, then {run}"
    return f"nothing, until the sources change; `sigmalake plan --config {config}` compares them"


def _days(age: timedelta) -> str:
    days = max(0, age.days)
    return "less than a day" if days == 0 else f"{days:,} day{'' if days == 1 else 's'}"


def _as_text(stored: "Status", lease: LeaseState | None, age: timedelta | None, follows: str) -> str:
    from sigmalake.report.text.plain_text import table, wrapped

    lines = [f"lake {stored.lake}, format {stored.format}"]
    if stored.last is not None and age is not None:
        made = f"{stored.last.created_at:%Y-%m-%d %H:%M} UTC"
        lines += wrapped(
            f"release {stored.last.release_id}, {', '.join(stored.last.variants) or 'no risk variant'}: as of {stored.last.as_of}, "
            f"{_days(age)} old, made {made}", "", "  ",
        )  # fmt: skip
    else:
        lines.append("no release yet" if not stored.releases else "no release stands")
    if (cut := _interrupted(stored, lease)) is not None:
        lines += wrapped(f"interrupted: {cut}", "", "  ")
    elif lease is not None and lease.state in {"held", "unreadable"}:
        lines += wrapped(f"lease: {lease.text}", "", "  ")
    lines += wrapped(f"next: {follows}", "", "  ")
    if not stored.tables:
        return "\n".join([*lines, "no tables yet: use `sigmalake run`"])
    rows = [[t.name, str(t.version), f"{t.files:,}", f"{t.megabytes:,.1f}", t.rows_from, t.rows_to] for t in stored.tables]
    lines += ["", table(["table", "version", "files", "MB", "from", "to"], rows, left=(0, 4, 5))]
    if stored.runs:
        dates = ("n_dates", "first_date", "last_date")
        rows = [
            [str(r["run_id"]), str(r["stage"]), str(r["status"]), f"{r['seconds']:,.1f}"]
            + [str(r[name] or "") for name in dates]
            for r in stored.runs
        ]  # fmt: skip
        lines += ["", table(["run", "stage", "status", "seconds", "dates", "from", "to"], rows, left=(0, 1, 2, 5, 6))]
        lines += [line for r in stored.runs[-1:] if r["error"] for line in wrapped(f"{r['stage']}: {r['error']}", "  ", "    ")]
    if stored.releases:
        gone = {found.release_id: f"{found.action}: {found.why}" for found in stored.withdrawn}
        rows = [
            [made.release_id, f"{made.created_at:%Y-%m-%d %H:%M}", ", ".join(made.variants), gone.get(made.release_id, "stands")]
            for made in stored.releases
        ]
        lines += ["", table(["release", "made (UTC)", "variants", "state"], rows, left=(0, 1, 2, 3))]
    return "\n".join(lines)


def _as_json(stored: "Status", lease: LeaseState | None, age: timedelta | None, follows: str, *, is_stale: bool) -> str:
    body = {
        **stored._asdict(),
        "tables": [t._asdict() for t in stored.tables],
        "releases": [r._asdict() for r in stored.releases],
        "withdrawn": [w._asdict() for w in stored.withdrawn],
        "last": None if stored.last is None else stored.last._asdict(),
        "age_days": None if age is None else round(age / timedelta(days=1), 3),
        "stale": is_stale,
        "lease": None if lease is None else lease._asdict(),
        "next": follows,
    }
    return json.dumps(body, default=str)
