"""`sigmalake lease`: who may write to a lake, and the end of a lease whose holder is gone."""

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from sigmalake.cli.options import ConfigFile, EngineOption, Output, OutputForm, Overrides
from sigmalake.cli.terminal import show

if TYPE_CHECKING:
    from sigmalake.lake.claims.claim import Claims


class LeaseState(NamedTuple):
    """The state of a lake's lease, with its holder if there is one."""

    lake: str
    state: str  # free, held, ended (its process is gone), lapsed or unreadable
    text: str
    place: str | None = None
    fence: int | None = None
    owner: str | None = None
    host: str | None = None
    pid: int | None = None
    expires_at: str | None = None


def lease(
    config: ConfigFile, overrides: Overrides = None,
    end: Annotated[bool, typer.Option("--break", help="End the lease; its holder stops before its next commit.")] = False,
    engine: EngineOption = None, output: OutputForm = Output.TEXT,
) -> None:  # fmt: skip
    """Who may write to the lake.

    A lease lapses by itself a minute after its holder is gone, and at once where that ran on this machine. --break ends one that
    cannot be read, or that a wrong clock dated far ahead.
    """
    from sigmalake.cli.contexts import lease_context
    from sigmalake.lake.lease import break_lease
    from sigmalake.tables.catalogue import ALL_TABLES

    with lease_context(config, overrides, engine) as (claims, open_lake):
        before = lease_state(claims)
        if end and before.state != "free":
            broken = break_lease(claims, "sigmalake lease --break")
            try:
                open_lake(broken).fence_off(ALL_TABLES)
            finally:
                broken.release()
            before = before._replace(text=f"ended: {before.text}; the next run may begin")
    show(json.dumps(before._asdict()) if output is Output.JSON else f"{before.lake}: {before.text}")


def lease_state(claims: "Claims") -> LeaseState:
    """The state of the lease, as its newest claim has it."""
    from sigmalake.lake.claims.claim import UnreadableClaimError

    try:
        newest = claims.newest()
    except UnreadableClaimError as error:
        return LeaseState(claims.lake, "unreadable", str(error), claims.place(error.fence), error.fence)
    if newest is None:
        return LeaseState(claims.lake, "free", "nobody has written to it yet")
    until, now = datetime.fromtimestamp(newest.expires_at, UTC), time.time()
    if newest.released:
        state, text = "free", f"nobody writes to it; {newest.holder} gave it back on {until:%Y-%m-%d %H:%M:%S} UTC"
    elif newest.over:
        state, text = "ended", f"was held by {newest.holder}, whose process has ended; the next run takes it over at once"
    elif newest.alive(now):
        state, text = "held", f"held by {newest.holder} until {until:%Y-%m-%d %H:%M:%S} UTC, unless renewed"
    else:
        state, text = "lapsed", f"was held by {newest.holder} until {until:%Y-%m-%d %H:%M:%S} UTC; the next run takes it over"
    return LeaseState(
        claims.lake, state, text, claims.place(newest.fence), newest.fence, newest.owner, newest.host, newest.pid, until.isoformat()
    )
