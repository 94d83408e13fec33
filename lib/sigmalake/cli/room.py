"""Whether a machine has room for a run of the local engine, told before anything is computed; and what `plan` says of a run."""

import os
import tempfile
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sigmalake.config.model import Config
from sigmalake.engines.local.room import free_disk, free_memory
from sigmalake.errors import ConfigError, InfrastructureError
from sigmalake.lake.lake import Lake
from sigmalake.stages.queries.model_size import model_size
from sigmalake.stages.queries.needs import Need, need_of

if TYPE_CHECKING:
    from sigmalake.stages.context import Context
    from sigmalake.stages.queries.plan import PlannedStage

TAKEN = 0.9  # of the memory that is free: the rest is for what others begin meanwhile
LEAST_DISK = 100 << 20  # bytes: whether a disk has room for fewer is told by the write that fails
SECONDS, BYTES = ((3600.0, "h"), (60.0, "min"), (1.0, "s")), ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"))


class Room(NamedTuple):
    """What a machine gives to a run."""

    workers: int  # processes
    rows: int  # assets on dates that the run will compute, as far as it is known before sources are read


def room_for(config: Config, lake: Lake, stages: Collection[str], say: Callable[[str], None]) -> Room:
    """As many processes as the configuration and the cores allow and memory has room for; says so where that is fewer.

    Raises:
        ConfigError: there is no room for one.
        InfrastructureError: the disk has no room for what will be written.
    """
    most = _most_workers(config)
    size = model_size(config, lake)
    if size is None:
        return Room(most, 0)
    rows = size.n_fresh * size.n_assets if size.is_first else 0
    need, (memory, whose) = need_of(config, size, stages), _memory(config)
    _refuse_full_disk(config, need)
    if memory is None:
        return Room(most, rows)
    workers = next((workers for workers in range(most, 0, -1) if need.memory(workers) <= memory), 0)
    if not workers:
        larger = "set local.memory higher" if config.local.memory else "take a machine with more memory"
        raise ConfigError(
            f"with one worker this run needs about {_gb(need.memory(1))} of memory ({size.n_assets:,} assets a date), and {whose} "
            f"is {_gb(memory)}; use --engine spark, or {larger}"
        )
    if workers < most:
        told = (
            f"{most} need about {_gb(need.memory(most))} of memory, {workers} {_gb(need.memory(workers))}; {whose} is {_gb(memory)}"
        )
        say(f"workers: {workers} instead of {most}: {told}")
    return Room(workers, rows)


def need_of_plan(context: "Context", planned: Sequence["PlannedStage"]) -> Need:
    """What the planned stages take; of no stage where nothing is planned, or it cannot be told."""
    rows = {stage.stage: stage.rows for stage in planned}
    size = model_size(context.config, context.lake) if any(rows.values()) else None
    return Need(()) if size is None else need_of(context.config, size, rows, rows)


def estimate_line(context: "Context", need: Need) -> str:
    """The estimate of time, memory and disk of a plan, in a line."""
    disk = f"{rough(need.disk, BYTES)} of disk"
    if context.engine.name != "local":
        return f"estimate: about {disk}; time and memory depend on the cluster"
    most, (memory, whose) = _most_workers(context.config), _memory(context.config)
    workers = next((n for n in range(most, 1, -1) if memory is None or need.memory(n) <= memory), 1)
    free = "" if memory is None else f" ({whose} is {rough(memory, BYTES)})"
    beside = f", {rough(need.scratch, BYTES)} of scratch files" if need.scratch else ""
    told = f"{rough(need.seconds(workers), SECONDS)}, {rough(need.memory(workers), BYTES)} of memory{free}, {disk}{beside}"
    return f"estimate: about {told}, with {workers} worker{'s' if workers > 1 else ''}"


def estimates(context: "Context", need: Need) -> dict[str, dict[str, float]]:
    """By stage, what it takes: bytes and seconds with one worker, to one digit."""
    found = {}
    for stage in need.stages:
        found[stage.stage] = {"disk_bytes": _one_digit(stage.disk)}
        if context.engine.name == "local":
            found[stage.stage] |= {"memory_bytes": _one_digit(stage.memory(1)), "seconds": _one_digit(stage.seconds)}
    return found


def rough(value: float, units: Sequence[tuple[float, str]]) -> str:
    """A number with its unit, rounded to one digit."""
    rounded = _one_digit(value)
    scale, unit = next((one for one in units if rounded >= one[0]), units[-1])
    return f"{max(1.0, rounded / scale):.0f} {unit}"


def _one_digit(value: float) -> float:
    return float(f"{value:.0e}")


def _refuse_full_disk(config: Config, need: Need) -> None:
    scratch = config.local.scratch or tempfile.gettempdir()
    for what, folder, n_bytes in (("lake", config.lake, need.disk), ("local.scratch", scratch, need.scratch)):
        free = free_disk(folder)
        if free is not None and n_bytes > max(free, LEAST_DISK):
            raise InfrastructureError(
                f"this run writes about {_gb(n_bytes)} to {folder}, where {_gb(free)} are free; free some space, or set "
                f"`{what}` to a folder with more"
            )


def _most_workers(config: Config) -> int:
    return config.local.workers or len(os.sched_getaffinity(0))


def _memory(config: Config) -> tuple[int | None, str]:
    """Bytes that the processes of a run may take, and what says so; None: it cannot be told."""
    if (given := config.local.memory_bytes) is not None:
        return given, "local.memory"
    free = free_memory()
    return None if free is None else int(TAKEN * free), "what is free"


def _gb(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.2f} GB"
