"""What is to be reached, and whether it was: a figure of each goal from what was measured at the size of ten years."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from bench.sizes import SIZES

Found = Mapping[str, Any]


class Goal(NamedTuple):
    """A figure and its bound."""

    what: str
    figure: Callable[[Found], float]  # raises LookupError where it was not measured
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""

    def row(self, found: Found) -> list[str]:
        """What, figure, goal, met."""
        goal = f"at most {self.at_most:g}{self.unit}" if self.at_most is not None else f"at least {self.at_least:g}{self.unit}"
        try:
            figure = self.figure(found)
        except (LookupError, TypeError, ZeroDivisionError):
            return [self.what, "not measured", goal, ""]
        met = (self.at_most is None or figure <= self.at_most) and (self.at_least is None or figure >= self.at_least)
        return [self.what, f"{figure:.3g}{self.unit}", goal, "yes" if met else "**no**"]


def over_limit(found: Found, n_assets: int, what: str) -> float:
    """A regression of so many assets by the bare minimum of the same date."""
    one = _of_limit(found, n_assets)
    return float(one[what] / one["limit"])


def milliseconds(found: Found, n_assets: int, what: str) -> float:
    """The same as it is."""
    return float(1000 * _of_limit(found, n_assets)[what])


def in_memory(found: Found, size: str | None, peer: str, what: str) -> float:
    """How many times our CPU of a date a peer takes, arrays in and arrays out."""
    one = _peer(found, size, peer)
    return float(one["cpu_seconds"]["compute"] / one["n_dates"] / found["peers"][size or found["size"]]["ours"]["cpu"][what])


def with_files(found: Found, size: str | None, peer: str) -> float:
    """How many times the CPU of the local engine's stage a peer takes, files in and files out."""
    one, name = _peer(found, size, peer), size or found["size"]
    ours = found["stages"][name]["local"]["regress"]["stage"]["cpu"] / (SIZES[name].n_dates - 1)
    return float(sum(one["cpu_seconds"].values()) / one["n_dates"] / ours)


def run_cost(found: Found, size: str | None, engine: str, run: str, what: str) -> float:
    """Of a run in fresh processes, seconds or bytes."""
    name = size or found["size"]
    return measured(found.get("fresh", {}).get(name) or found["scaling"][name], engine, run, what)


def measured(costs: Found, *keys: str) -> float:
    """A cost below these keys; what is 0 was not measured."""
    value: Any = costs
    for key in keys:
        value = value[key]
    if not value:
        raise LookupError(keys)
    return float(value)


def over_floor(found: Found, stage: str) -> float:
    """CPU of a stage on Spark by that of its floor."""
    costs = found["stages"][found["size"]]["spark"][stage]
    return measured(costs, "stage", "cpu") / measured(costs, "floor", "cpu")


def day_of_build(found: Found) -> float:
    """Per cent: CPU of one more day on Spark by that of a first run, each beyond that of the smallest size."""
    day, whole = (
        run_cost(found, None, "spark", run, "cpu") - run_cost(found, "tiny", "spark", run, "cpu")
        for run in ("one more day", "first run")
    )
    return 100 * day / whole


def speed_up(found: Found, stage: str) -> float:
    """Seconds of one worker by those of two, each beyond those of the smallest size."""
    runs = found["workers"]["spark"]
    one, two = (runs[found["size"]][n][stage] - runs["tiny"][n][stage] for n in ("1", "2"))
    return float(one / two)


def day_of_first(found: Found, size: str) -> float:
    """Per cent: the wall of one more day by that of the first run, local."""
    return 100 * run_cost(found, size, "local", DAY, "wall") / run_cost(found, size, "local", FIRST, "wall")


def growth(found: Found, size: str) -> float:
    """The peak of a first run, local, by that of another size."""
    return run_cost(found, None, "local", FIRST, "peak") / run_cost(found, size, "local", FIRST, "peak")


def on_market(found: Found, who: str, run: str) -> float:
    """Wall seconds on the daily market."""
    return measured(market(found), who, run, "wall")


def over_script(found: Found, run: str) -> float:
    """Wall of a run on the market, local, by that of the script of pandas."""
    return on_market(found, "local", run) / on_market(found, "beside", "pandas script")


def of_variant(found: Found, engine: str, variant: str) -> float:
    """CPU seconds of risk of every date."""
    return measured(found["variants"], engine, variant, "cpu")


def market(found: Found) -> Found:
    """The real market, or where it is not there the generated one of the same form."""
    both = found["market"]
    costs: Found = both["generated"] if "skipped" in both["real"] else both["real"]
    return costs


def _of_limit(found: Found, n_assets: int) -> Found:
    ours: Found = next((one for one in found["limit"] if one["n_assets"] == n_assets), {})
    return ours


def _peer(found: Found, size: str | None, peer: str) -> Found:
    ran = found["peers"][size or found["size"]]["peers"]
    one: Found = next((one for one in ran if one["peer"] == peer and one["stage"] == "regress" and "error" not in one), {})
    return one


ALONE, WHOLE = "factor_and_specific_returns", "with_statistics"
FIRST, DAY, NOTHING = "first run", "one more day", "nothing to do"
SHORT, EIGENFACTORS_APART = "preset short", "preset short without eigenfactors"

GOALS = (
    Goal("3,000 x 71 over the limit: f and u alone", lambda found: over_limit(found, 3000, ALONE), at_most=2, unit=" x"),
    Goal("the same with all statistics", lambda found: over_limit(found, 3000, WHOLE), at_most=4, unit=" x"),
    Goal("470 x 18 in memory: f and u alone", lambda found: milliseconds(found, 470, ALONE), at_most=0.3, unit=" ms"),
    Goal("the same with all statistics", lambda found: milliseconds(found, 470, WHOLE), at_most=0.3, unit=" ms"),
    Goal(
        "in memory against skfolio: f and u alone", lambda found: in_memory(found, None, "skfolio", ALONE), at_least=20, unit=" x"
    ),
    Goal("the same with all statistics", lambda found: in_memory(found, None, "skfolio", WHOLE), at_least=20, unit=" x"),
    Goal(
        "in memory against toraniko: f and u alone",
        lambda found: in_memory(found, None, "toraniko", ALONE),
        at_least=150,
        unit=" x",
    ),
    Goal("the same with all statistics", lambda found: in_memory(found, None, "toraniko", WHOLE), at_least=150, unit=" x"),
    Goal("with files, local, against skfolio", lambda found: with_files(found, None, "skfolio"), at_least=6, unit=" x"),
    Goal("with files, local, against toraniko", lambda found: with_files(found, None, "toraniko"), at_least=40, unit=" x"),
    Goal("with files, local, against riskprism", lambda found: with_files(found, None, "riskprism"), at_least=1, unit=" x"),
    Goal("with files, local, against polars-ols", lambda found: with_files(found, None, "polars_ols"), at_least=1, unit=" x"),
    Goal("126 x 300 in memory against skfolio", lambda found: in_memory(found, "tiny", "skfolio", WHOLE), at_least=3, unit=" x"),
    Goal("126 x 300 with files, local, against skfolio", lambda found: with_files(found, "tiny", "skfolio"), at_least=1, unit=" x"),
    Goal("126 x 300, local: one more day of the first run", lambda found: day_of_first(found, "tiny"), at_most=33.3, unit=" %"),
    Goal("local: first run", lambda found: run_cost(found, None, "local", FIRST, "wall"), at_most=35, unit=" s"),
    Goal("local: its peak of memory", lambda found: run_cost(found, None, "local", FIRST, "peak") / 1e9, at_most=4, unit=" GB"),
    Goal("local: its peak over that of half the years", lambda found: growth(found, "five-years"), at_most=1.15, unit=" x"),
    Goal("daily market, local: first run", lambda found: on_market(found, "local", FIRST), at_most=6, unit=" s"),
    Goal("daily market, local: one more day", lambda found: on_market(found, "local", DAY), at_most=3, unit=" s"),
    Goal("daily market, local: nothing to do", lambda found: on_market(found, "local", NOTHING), at_most=1, unit=" s"),
    Goal("first run over the pandas script", lambda found: over_script(found, FIRST), at_most=1.5, unit=" x"),
    Goal("nothing to do over the pandas script", lambda found: over_script(found, NOTHING), at_most=0.35, unit=" x"),
    Goal(
        "`fit` of the mini panel, a fresh Python", lambda found: on_market(found, "beside", "fit, mini panel"), at_most=4, unit=" s"
    ),
    Goal("`scripts/demo` after set-up, local", lambda found: measured(found, "commands", "demo", "wall"), at_most=15, unit=" s"),
    Goal("Spark: ingest over its floor, CPU", lambda found: over_floor(found, "ingest"), at_most=1.4, unit=" x"),
    Goal("Spark: regress over its floor, CPU", lambda found: over_floor(found, "regress"), at_most=1.3, unit=" x"),
    Goal("Spark: risk over its floor, CPU", lambda found: over_floor(found, "risk"), at_most=1.5, unit=" x"),
    Goal("Spark: one more day of a full build, beyond the fixed cost", day_of_build, at_most=8, unit=" %"),
    Goal("Spark: two workers against one, regress", lambda found: speed_up(found, "regress"), at_least=1.8, unit=" x"),
    Goal("Spark: two workers against one, risk", lambda found: speed_up(found, "risk"), at_least=1.8, unit=" x"),
    *(
        Goal(f"{engine}: {what}, CPU", partial(of_variant, engine=name, variant=variant), at_most=most, unit=" s")
        for engine, name in (("local", "local"), ("Spark", "spark"))
        for what, variant, most in (("short, eigenfactors apart", EIGENFACTORS_APART, 58.5), ("short", SHORT, 222))
    ),
    Goal("`scripts/test` whole", lambda found: measured(found, "tests", "all", "wall"), at_most=720, unit=" s"),
    Goal("`scripts/test quick`", lambda found: measured(found, "tests", "quick", "wall"), at_most=40, unit=" s"),
)
