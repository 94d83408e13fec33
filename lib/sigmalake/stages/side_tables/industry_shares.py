"""The part of describe that is industry shares: of each date, from its caps and the segments known at its close."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date

from sigmalake.config.model import Config
from sigmalake.config.staleness import digest_of
from sigmalake.lake.storage import Rows
from sigmalake.numerics.descriptors.library import DescriptorRules
from sigmalake.stages import versions
from sigmalake.stages.context import Context
from sigmalake.stages.planning import join_hash, rules_hash
from sigmalake.tables.descriptors import INDUSTRY_SHARES
from sigmalake.tasks.chunks import AsOf, chunks_of
from sigmalake.tasks.industry_shares import SEGMENTS, ComputeIndustryShares

CHUNK_DATES = 252  # as-of dates of one task: a year brings about as many records as were live before it
ASSET_BYTES = 192  # of a company in a row of `industry_shares`: five ids, industries and shares; more than one of `prices` has


def expected_shares(
    prices: Mapping[date, str], calendar: Sequence[date], segments: Sequence[tuple[date, str]], config: Config
) -> dict[date, str]:
    """Industry shares of every date of the calendar, of its prices and the segments known at its close; none without segments.

    Args:
        prices: hash of each date of the calendar.
        calendar: ascending.
        segments: for each day on which some became known, a hash of all that is known by then; ascending.
        config: names the source, and the age beyond which segments do not count.
    """
    if config.sources.segments is None:
        return {}
    of_config = rules_hash(digest_of([str(max_age(config)), config.described_source_hash("segments")]), versions.SHARES)
    known_at = [day for day, _ in segments]
    expected = {}
    for day in calendar:
        n_known = bisect_right(known_at, day)
        expected[day] = join_hash(digest_of([prices[day], segments[n_known - 1][1] if n_known else ""]), of_config)
    return expected


def shares_of(context: Context, calendar: Sequence[date], compute: Mapping[date, str], segments: Rows, *, widest: int) -> Rows:
    """The rows of `industry_shares` of these dates.

    Args:
        context: its lake holds their prices, its configuration says which segments are too old.
        calendar: dates with prices, ascending.
        compute: hash of each date asked for.
        segments: usable records, each once.
        widest: assets of the largest date.
    """
    position = {day: number for number, day in enumerate(calendar)}
    as_of = [AsOf(INDUSTRY_SHARES.name, position[day], value, position[day]) for day, value in compute.items()]
    context.engine.expect_width(widest * ASSET_BYTES)
    task = ComputeIndustryShares(calendar, chunks_of(as_of, CHUNK_DATES), max_age(context.config))
    return context.engine.map_parts(task, {SEGMENTS: segments})


def max_age(config: Config) -> int:
    """Days for which a company's segments count after they became known: as long as its accounts."""
    return (config.descriptors or DescriptorRules()).fundamentals.max_age
