"""A run: all stages in their order, each doing just what `plan` says."""

from collections.abc import Callable, Mapping

from sigmalake.config.model import Config
from sigmalake.lake.lake import Lake
from sigmalake.stages.context import Context, Outcome, recorded
from sigmalake.stages.covariance import covariance
from sigmalake.stages.describe import describe
from sigmalake.stages.ingest import ingest
from sigmalake.stages.portfolios import has_books, portfolios
from sigmalake.stages.quality import quality
from sigmalake.stages.regress import regress
from sigmalake.stages.release import release
from sigmalake.stages.risk import risk
from sigmalake.stages.upkeep.small_files import write_small_files_together
from sigmalake.stages.verify import refuse_dropped_variants, verify

STAGES: Mapping[str, Callable[[Context], Outcome | None]] = {
    "describe": describe,
    "ingest": ingest,
    "quality": quality,
    "regress": regress,
    "risk": risk,
    "covariance": covariance,
    "portfolios": portfolios,
    "release": release,
}


def run_stage(context: Context, stage: str) -> Outcome | None:
    """One stage on tables that were verified, recorded in `runs`."""
    verify(context)
    if stage == "risk":
        refuse_dropped_variants(context)
    return _run_stage(context, stage)


def _run_stage(context: Context, stage: str, place: str = "") -> Outcome | None:
    return recorded(context, stage, lambda: STAGES[stage](context), place)


def stages_of(lake: Lake, config: Config) -> list[str]:
    """The stages of a run, in their order."""
    optional = {"describe": bool(config.sources.described()), "portfolios": has_books(lake, config)}
    return [stage for stage in STAGES if optional.get(stage, True)]


def run(context: Context) -> None:
    """Every stage. A refused release fails the run, after all tables have been written."""
    verify(context)
    refuse_dropped_variants(context)
    write_small_files_together(context)
    stages = stages_of(context.lake, context.config)
    for number, stage in enumerate(stages, 1):
        _run_stage(context, stage, f"{number}/{len(stages)}")
