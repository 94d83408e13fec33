"""The part of describe that is industry shares: of each date, from its caps and the segments known at its close."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import DataFrame

from sigmalake.config.model import Config, digest_of
from sigmalake.engines.spark.estimation.industry_shares import compute_industry_shares
from sigmalake.engines.spark.packing.packed_prices import usable_segments
from sigmalake.engines.spark.session import fit_batches
from sigmalake.lake.dates import DateRange, within
from sigmalake.lake.lake import Lake
from sigmalake.numerics.descriptors.library import DescriptorRules
from sigmalake.stages.planning import join_hash
from sigmalake.tables.descriptors import INDUSTRY_SHARES, PRICES
from sigmalake.tasks.chunks import AsOf, chunks_of

SHARES_VERSION = "1"  # of the kernel and of what it is given: raised when its numbers change
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
    of_config = digest_of([str(max_age(config)), config.described_source_hash("segments"), SHARES_VERSION])
    known_at = [day for day, _ in segments]
    expected = {}
    for day in calendar:
        n_known = bisect_right(known_at, day)
        expected[day] = join_hash(digest_of([prices[day], segments[n_known - 1][1] if n_known else ""]), of_config)
    return expected


def shares_of(
    lake: Lake, config: Config, calendar: Sequence[date], compute: Mapping[date, str], segments: DataFrame, *, widest: int
) -> DataFrame:
    """The rows of `industry_shares` of these dates.

    Args:
        lake: holds their prices.
        config: says which segments are too old.
        calendar: dates with prices, ascending.
        compute: hash of each date asked for.
        segments: checked rows.
        widest: assets of the largest date.
    """
    position = {day: number for number, day in enumerate(calendar)}
    asked = [AsOf(INDUSTRY_SHARES.name, position[day], value, position[day]) for day, value in compute.items()]
    chunks = chunks_of(asked, CHUNK_DATES)
    fit_batches(lake.spark, widest * ASSET_BYTES)
    read = [DateRange(calendar[chunk.first], calendar[chunk.last]) for chunk in chunks]
    prices = lake.read(PRICES).where(within("date", read))
    return compute_industry_shares(prices, usable_segments(segments), calendar, chunks, max_age=max_age(config))


def max_age(config: Config) -> int:
    """Days for which a company's segments count after they became known: as long as its accounts."""
    return (config.descriptors or DescriptorRules()).fundamentals.max_age
