"""What was measured, as a page: the goals first, then the tables behind them."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.goals import GOALS
from bench.sizes import SIZES

GOALS_SIZE = "ten-years"
RUNS = ("first run", "one more day", "nothing to do")


def as_markdown(found: Mapping[str, Any]) -> str:
    """The tables of all parts that were measured."""
    panel, machine = found["panel"], found["machine"]
    lines = [
        f"## {found['size']}: {panel['n_dates']:,} dates x {panel['n_assets']:,} assets, {panel['n_industries']} industries, "
        f"{panel['n_styles']} styles",
        "",
        f"{machine['cores']} cores, {machine['memory_gb']} GB. Calibration: seconds of a fixed piece of work, before and after.",
        "",
        *_measured(found["measured"]),
        "",
        *_goals(found),
    ]
    for part, tables in TABLES.items():
        if part in found:
            failed = isinstance(found[part], dict) and "error" in found[part]
            lines += ["", *([f"{part} failed: {found[part]['error']}"] if failed else tables(found))]
    return "\n".join(lines) + "\n"


def _goals(found: Mapping[str, Any]) -> list[str]:
    rows = [goal.row(found) for goal in GOALS]
    if found["size"] == GOALS_SIZE:
        return _table(["what", "figure", "goal", "met"], rows)
    return [
        f"The goals are those of {GOALS_SIZE}: at this size they are not judged.",
        "",
        *_table(["what", "figure"], [row[:2] for row in rows]),
    ]


def _measured(parts: Mapping[str, Any]) -> list[str]:
    rows = [
        [name, one["at"], f"{one['load']:.1f}", *(f"{wall:.2f} wall, {cpu:.2f} CPU" for wall, cpu in one["calibration"])]
        for name, one in parts.items()
    ]
    return _table(["part", "at", "load", "calibration before, s", "after"], rows)


def _limit(found: Mapping[str, Any]) -> list[str]:
    rows = [
        [f"{one['n_assets']:,} x {one['n_factors']}"]
        + [f"{1e3 * one[name]:.3f}" for name in ("limit", "factor_and_specific_returns", "with_statistics")]
        for one in found["limit"]
    ]
    heads = ["assets x factors", "limit, ms", "f and u alone, ms", "with all statistics, ms"]
    return ["A date's regression in memory, the least wall of many.", "", *_table(heads, rows)]


def _stages(found: Mapping[str, Any]) -> list[str]:
    heads = [
        "size",
        "engine",
        "stage",
        "wall s",
        "CPU s",
        "floor CPU s",
        "ratio",
        "peak GB",
        "jobs",
        "tasks",
        "commits",
        "MB written",
    ]
    rows = []
    for size, engine, name, costs in _triples(found["stages"]):
        stage, floor = costs["stage"], costs.get("floor")
        beside = [f"{floor['cpu']:.1f}", f"{stage['cpu'] / floor['cpu']:.2f}"] if floor else ["", ""]
        counts = [str(stage[name]) for name in ("jobs", "tasks", "commits")] + [f"{stage['bytes_written'] / 1e6:.0f}"]
        rows.append(
            [size, engine, name, f"{stage['wall']:.1f}", f"{stage['cpu']:.1f}", *beside, _gb(stage), *(counts if floor else [])]
        )
    return ["Stages in a warm process; on Spark beside their floor.", "", *_table(heads, rows)]


def _fresh(found: Mapping[str, Any]) -> list[str]:
    runs = {**found.get("fresh", {}), **found.get("scaling", {})}
    heads = ["size", "rows", "engine", *(f"{run}, {unit}" for run in RUNS for unit in ("wall s", "CPU s")), "peak GB"]
    rows = []
    for size in sorted(runs, key=lambda name: SIZES[name].n_dates * SIZES[name].n_assets):
        for engine, costs in runs[size].items():
            cells = [f"{costs[run][unit]:.1f}" for run in RUNS for unit in ("wall", "cpu")]
            n_rows = SIZES[size].n_dates * SIZES[size].n_assets
            rows.append([size, f"{n_rows:,}", engine, *cells, _gb(costs["first run"])])
    return ["`sigmalake run` in fresh processes, the whole tree; which engine is faster at which size.", "", *_table(heads, rows)]


def _commands(found: Mapping[str, Any]) -> list[str]:
    costs = found["commands"]
    rows = [
        [f"`sigmalake {stage}`", engine, *_cost(cost)]
        for engine in ("local", "spark")
        for stage, cost in costs.get(engine, {}).items()
    ]
    rows += [["`sigmalake --help`", "", *_cost(costs["help"])], ["`scripts/demo --engine local`", "local", *_cost(costs["demo"])]]
    return [
        "Each stage as a command of its own, the first time.",
        "",
        *_table(["command", "engine", "wall s", "CPU s", "peak GB"], rows),
    ]


def _market(found: Mapping[str, Any]) -> list[str]:
    lines, rows = ["A daily market of 470 stocks, one file, `conf/us_sp500.yaml`.", ""], []
    for panel, costs in found["market"].items():
        if "skipped" in costs:
            lines += [f"The {panel} market was left out: {costs['skipped']}.", ""]
        else:
            rows += [[panel, who, what, *_cost(cost)] for who, runs in costs.items() for what, cost in runs.items()]
    return [*lines, *_table(["market", "who", "what", "wall s", "CPU s", "peak GB"], rows)]


def _variants(found: Mapping[str, Any]) -> list[str]:
    rows = [
        [engine, name, *_cost(cost), f"{cost['cpu'] / variants['plain']['cpu']:.2f}"]
        for engine, variants in found["variants"].items()
        for name, cost in variants.items()
    ]
    return [
        "`risk` of every date in a warm process.",
        "",
        *_table(["engine", "variant", "wall s", "CPU s", "peak GB", "ratio"], rows),
    ]


def _wide(found: Mapping[str, Any]) -> list[str]:
    wall, cpu, peak = _cost(found["wide"])
    return [f"Spark, 250 dates x 10,000 assets, 150 industries, 40 styles, a heap of 2 GB: {wall} s, {cpu} CPU s, peak {peak} GB."]


def _workers(found: Mapping[str, Any]) -> list[str]:
    rows = [
        [size, "spark", stage, f"{one:.1f}", f"{seconds['2'][stage]:.1f}", f"{one / seconds['2'][stage]:.2f}"]
        for size, seconds in found["workers"].get("spark", {}).items()
        for stage, one in seconds["1"].items()
    ]
    if local := found["workers"].get("local"):
        one, two = local["1"]["wall"], local["2"]["wall"]
        rows.append([found["size"], "local", "run", f"{one:.1f}", f"{two:.1f}", f"{one / two:.2f}"])
    return ["Workers of one core.", "", *_table(["size", "engine", "what", "one worker, s", "two, s", "ratio"], rows)]


def _peers(found: Mapping[str, Any]) -> list[str]:
    rows = []
    for size, beside in found["peers"].items():
        ours = beside["ours"]
        if "error" not in ours:
            files = _files_a_date(found, size)
            for name, cpu in ours["cpu"].items():
                rows.append([size, f"sigmalake, local: {name.replace('_', ' ')}", _ms(cpu), _ms(files), f"{ours['n_dates']} dates"])
        for peer in beside["peers"]:
            name = f"{peer['peer']} {peer.get('version', '')} {peer['stage']}"
            if "error" in peer:
                rows.append([size, name, "", "", peer["error"]])
                continue
            alone, files = (sum(peer["cpu_seconds"][step] for step in steps) for steps in (["compute"], peer["cpu_seconds"]))
            told = f"{peer['n_dates']} dates, {peer['peak_mb'] / 1000:.1f} GB"
            rows.append([size, name, _ms(alone / peer["n_dates"]), _ms(files / peer["n_dates"]), told])
    heads = ["size", "what", "in memory, CPU ms a date", "with files, CPU ms a date", "on"]
    return ["Peers on the same panel, one BLAS thread each.", "", *_table(heads, rows)]


def _tests(found: Mapping[str, Any]) -> list[str]:
    rows = [[f"`scripts/test {scope}`", *_cost(cost)] for scope, cost in found["tests"].items()]
    return _table(["command", "wall s", "CPU s", "peak GB"], rows)


TABLES = {
    "limit": _limit, "peers": _peers, "stages": _stages, "fresh": _fresh, "commands": _commands, "market": _market,
    "variants": _variants, "wide": _wide, "workers": _workers, "tests": _tests,
}  # fmt: skip


def _triples(nested: Mapping[str, Any]) -> list[tuple[str, str, str, Any]]:
    return [(a, b, c, value) for a, under in nested.items() for b, below in under.items() for c, value in below.items()]


def _files_a_date(found: Mapping[str, Any], size: str) -> float | None:
    """CPU seconds of the local engine's stage."""
    stages = found.get("stages", {}).get(size, {}).get("local")
    return stages["regress"]["stage"]["cpu"] / (SIZES[size].n_dates - 1) if stages else None


def _cost(cost: Mapping[str, Any]) -> list[str]:
    return [f"{cost['wall']:.1f}", f"{cost['cpu']:.1f}", _gb(cost)]


def _gb(cost: Mapping[str, Any]) -> str:
    return f"{cost['peak'] / 1e9:.1f}" if cost["peak"] else "not sampled"


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{1000 * seconds:.2f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    padded = [[*cells, *[""] * (len(heads) - len(cells))] for cells in rows]
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *padded)]
