"""Which file is which source of the model."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

import pandas as pd

from sigmalake.api.drafting import names
from sigmalake.api.drafting.looking import Column, Holds
from sigmalake.api.drafting.roles import Roles
from sigmalake.errors import ConfigError

MANY = 20  # columns of numbers in a file with a row a date: its columns are assets


class Sources(NamedTuple):
    """The files by what they are; returns and exposures are the same where they lie in one."""

    returns: Roles
    exposures: Roles
    caps: Roles | None = None  # apart
    rates: Roles | None = None
    exchange_rates: Roles | None = None
    calendar: Roles | None = None

    @property
    def is_panel(self) -> bool:
        """Whether returns and exposures lie in one source."""
        return self.returns is self.exposures

    @property
    def files(self) -> list[Roles]:
        """Each once."""
        found: list[Roles] = []
        for one in self:
            if one is not None and all(one is not other for other in found):
                found.append(one)
        return found

    def joined(self) -> pd.DataFrame:
        """Exposures with the return of the same date and asset beside them, called as the returns call it."""
        exposures, returns = self.exposures, self.returns
        if self.is_panel:
            return exposures.frame
        right = returns.frame[[returns.date, returns.asset, returns.ret]]
        right = right.rename(columns={returns.date: exposures.date, returns.asset: exposures.asset})
        keys = [exposures.date, exposures.asset]
        left = exposures.frame.drop(columns=[str(returns.ret)], errors="ignore")
        as_text = {str(exposures.asset): str}
        return left.astype(as_text).merge(right.astype(as_text).drop_duplicates(keys), on=keys, how="left")


def assign(files: Sequence[Roles]) -> Sources:
    """Which file is which source.

    Raises:
        ConfigError: no file has returns, or one has no dates or ids, or is of no use; lists its columns and what was looked for.
    """
    for one in files:
        _refuse_undated(one)
    returns = [one for one in files if one.ret is not None and one.asset is not None]
    if not returns:
        raise _without_returns(files)
    if len(returns) > 1:
        named = " and ".join(one.looked.path for one in returns)
        raise ConfigError(f"{named} all have returns; give one of them, or put files of one kind into a folder and give that")
    others = [one for one in files if one is not returns[0]]
    rates = _one("risk-free rates", [one for one in others if one.asset is None and one.rate is not None and one.currency is None])
    exchanged = _one("exchange rates", [one for one in others if one.currency is not None and _is_small(one)])
    calendar = _one("dates alone", [one for one in others if one not in (rates, exchanged) and one.asset is None])
    others = [one for one in others if all(one is not taken for taken in (rates, exchanged, calendar))]
    exposures = _one("exposures", [one for one in others if one.has_exposures])
    caps = _one("caps", [one for one in others if one is not exposures and one.cap is not None])
    if useless := [one for one in others if one is not exposures and one is not caps]:
        raise ConfigError(_useless(useless[0]))
    if exposures is not None and exposures.cap is None and caps is None and returns[0].cap is not None:
        caps = returns[0]
    return Sources(returns[0], exposures or returns[0], caps, rates, exchanged, calendar)


def _is_small(one: Roles) -> bool:
    """Whether a file has few rows a date: of currencies, not of assets."""
    frame = one.frame
    return bool(frame.groupby(one.date).size().median() <= 60) and not one.has_exposures and one.ret is None


def _one(what: str, found: list[Roles]) -> Roles | None:
    if len(found) > 1:
        raise ConfigError(f"{' and '.join(one.looked.path for one in found)} all look like {what}; give one of them")
    return found[0] if found else None


def _refuse_undated(one: Roles) -> None:
    looked = one.looked
    if one.date is None:
        others = [c for c in looked.columns.values() if c.holds is Holds.UNUSABLE and c.written.startswith("dates")]
        if others:
            c = others[0]
            raise ConfigError(
                f"{looked.path}: the dates of column {c.name} are written like {c.example!r}, which may be read with the day or "
                "the month first; write them as 2024-01-31 or 20240131, and start again"
            )
        raise ConfigError(
            f"{looked.path}: no column of dates was found among {listed(looked.columns.values())}. Looked for dates, timestamps, "
            "text such as 2024-01-31 and whole numbers such as 20240131"
        )
    numbers = looked.of(Holds.NUMBERS)
    if one.asset is None and len(numbers) >= MANY:
        raise ConfigError(
            f"{looked.path} has one row a date and {len(numbers)} columns of numbers ({', '.join(numbers[:3])}, ...): a column an "
            "asset, it seems. The model reads a row a date and asset. In pandas: "
            f"frame.melt(id_vars={one.date!r}, var_name='symbol', value_name='ret').to_parquet('panel.parquet')"
        )


def _without_returns(files: Sequence[Roles]) -> ConfigError:
    named = ", ".join(one.looked.path for one in files)
    without = [one for one in files if one.asset is None]
    columns = "; ".join(listed(one.looked.columns.values()) for one in files)
    if len(without) == len(files):
        return ConfigError(
            f"{named}: no column of asset ids was found among {columns}. Looked for text or whole numbers that tell the "
            "rows of a date apart: symbol, ticker, isin, permno, asset_id and the like"
        )
    prices = [(one, name) for one in files for name, why in one.left_out.items() if why.startswith("a price") and one.asset]
    if prices:
        one, price = prices[0]
        read = "read_csv" if one.looked.read_as == "csv" else "read_parquet"
        return ConfigError(
            f"{named}: there are prices ({price}), and no returns. A return needs prices that are adjusted for splits and "
            f"dividends, so that it is yours to compute. In pandas:\n"
            f"  p = pd.{read}({one.looked.path!r}).sort_values({one.date!r})\n"
            f"  p['ret'] = p.groupby({one.asset!r})[{price!r}].pct_change(fill_method=None)\n"
            "  p.to_parquet('panel.parquet')\n"
            "then start again with panel.parquet"
        )
    formatted = [c for one in files for c in one.looked.columns.values() if c.holds is Holds.UNUSABLE and names.is_return(c.name)]
    if formatted:
        c = formatted[0]
        return ConfigError(
            f"{named}: the returns of column {c.name} are written like {c.example!r}; write numbers, 0.012 or 1.2, and start again"
        )
    forward = [name for one in files for name, why in one.left_out.items() if "later period" in why]
    hint = f" {forward[0]} is by its name a return of a later period; the model wants that of the row's own." if forward else ""
    return ConfigError(
        f"{named}: no column of returns was found among {columns}. Looked for numbers called ret, return, total_return, pct_change "
        f"and the like, or that behave like returns.{hint} Rename yours to `ret`, and start again"
    )


def _useless(one: Roles) -> str:
    why = "; ".join(f"{name}: {why}" for name, why in list(one.left_out.items())[:6])
    return (
        f"{one.looked.path} has neither exposures nor caps nor rates among {listed(one.looked.columns.values())}"
        + (f" ({why})" if why else "")
        + "; leave it out"
    )


def listed(columns: Iterable[Column]) -> str:
    """Columns with what they hold, as a message shows them."""
    shown = [f"{c.name} ({c.holds.value}{f', {c.example!r}' if c.example else ''})" for c in islice(columns, 30)]
    return ", ".join(shown)
