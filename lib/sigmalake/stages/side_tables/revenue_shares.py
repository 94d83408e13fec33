"""The part of describe that is shares from revenues: of each day on which some became known, from all that are known by then."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate

from sigmalake.config.model import Config
from sigmalake.lake.storage import Rows
from sigmalake.stages import versions
from sigmalake.stages.context import Context
from sigmalake.stages.planning import join_hash, rules_hash
from sigmalake.tables.descriptors import REVENUE_SHARES
from sigmalake.tasks.chunks import AsOf, chunks_of
from sigmalake.tasks.revenue_shares import REVENUES, ComputeRevenueShares

CHUNK_DAYS = 252  # days of one task: what became known in a year is about as much as was live before it
RECORD_BYTES = 64  # of a level of a company in a row of `revenue_shares`: id, level, share, day


def expected_revenue_shares(revenues: Sequence[tuple[date, str]], config: Config) -> dict[date, str]:
    """The rows of `revenue_shares` by their day; none without revenues.

    Args:
        revenues: for each day on which some became known, a hash of all that is known by then; ascending.
        config: names the source, its levels, and the age beyond which revenues do not count.
    """
    if config.sources.revenues is None:
        return {}
    of_config = rules_hash(config.described_source_hash("revenues"), versions.SHARES)
    return {day: join_hash(known, of_config) for day, known in revenues}


def revenue_shares_of(context: Context, known: Mapping[date, int], compute: Mapping[date, str], revenues: Rows) -> Rows:
    """The rows of `revenue_shares` of these days.

    Args:
        context: its configuration says which revenues are too old.
        known: how many records became known on each day, ascending.
        compute: hash of each day asked for.
        revenues: usable records, each once.
    """
    source = context.config.sources.revenues
    if source is None:
        raise ValueError("the model has no revenues")
    days = list(known)
    position = {day: number for number, day in enumerate(days)}
    context.engine.expect_width(_most_live(known, source.max_age) * RECORD_BYTES)
    as_of = [AsOf(REVENUE_SHARES.name, position[day], value, position[day]) for day, value in compute.items()]
    task = ComputeRevenueShares(days, chunks_of(as_of, CHUNK_DAYS), source.max_age)
    return context.engine.map_parts(task, {REVENUES: revenues})


def _most_live(known: Mapping[date, int], max_age: int) -> int:
    """The most records that are young enough on one day."""
    days, total = list(known), [0, *accumulate(known.values())]
    first = (bisect_left(days, day - timedelta(days=max_age)) for day in days)
    return max((total[at + 1] - total[start] for at, start in enumerate(first)), default=1)
