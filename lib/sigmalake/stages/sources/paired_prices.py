"""Prices beside the returns that are made of them, in the place of a source's rows."""

from collections.abc import Collection
from datetime import date

from sigmalake.config.sources import PriceSource, ReturnSource
from sigmalake.engines.engine import Engine
from sigmalake.sources.opened import OpenedSource
from sigmalake.tasks.sources.returns.paired_prices import DatesOfPrices, PairPrices


def paired_prices(engine: Engine, opened: OpenedSource, place: object, listed: Collection[date] = ()) -> OpenedSource:
    """The source with returns from one date of the calendar to the next; as it is where it has its own.

    Args:
        engine: reads the rows.
        opened: the source.
        place: its section of the configuration.
        listed: the calendar; none: the dates with a price.
    """
    made = (isinstance(place, PriceSource) and place.from_prices is not None) or (
        isinstance(place, ReturnSource) and place.columns.price is not None
    )
    if not made or not isinstance(place, PriceSource | ReturnSource):
        return opened
    calendar = set(listed)
    if not calendar:
        calendar = set(engine.collect(engine.read_source(opened, DatesOfPrices(place.columns))).column("date").to_pylist())
    return engine.paired(opened, PairPrices(place, sorted(calendar)), place.columns.asset_id)
