"""What was measured, as a page."""

from collections.abc import Mapping, Sequence
from typing import Any


def as_markdown(found: Mapping[str, Any]) -> str:
    """The tables of a run."""
    panel, machine = found["panel"], found["machine"]
    lines = [
        f"## {found['size']}: {panel['n_dates']:,} dates x {panel['n_assets']:,} assets, {panel['n_industries']} industries, "
        f"{panel['n_styles']} styles",
        "",
        f"{machine['cores']} cores, {machine['memory_gb']} GB.",
    ]
    if "stages" in found:
        lines += ["", *_stages(found["stages"])]
    if "variants" in found:
        lines += ["", *_variants(found["variants"])]
    if "fresh" in found:
        lines += ["", *_fresh(found)]
    if "scaling" in found:
        lines += ["", *_scaling(found["scaling"])]
    if "wide" in found:
        wide = found["wide"]
        said = f"{wide['wall']:.0f} s, {wide['cpu']:.0f} CPU s, peak {wide['peak'] / 1e9:.1f} GB"
        lines += ["", f"250 dates x 10,000 assets, 150 industries, 40 styles, a heap of 2 GB: {said}."]
    if "workers" in found:
        lines += ["", *_workers(found["workers"])]
    if "peers" in found:
        lines += ["", *_peers(found)]
    return "\n".join(lines) + "\n"


def _stages(stages: Mapping[str, Any]) -> list[str]:
    heads = ["stage", "wall s", "CPU s", "floor CPU s", "ratio", "peak GB", "jobs", "tasks", "commits"]
    heads += ["rows read", "MB read", "MB written"]
    rows = []
    for name, costs in stages.items():
        stage, floor = costs["stage"], costs["floor"]
        numbers = [stage["wall"], stage["cpu"], floor["cpu"]]
        counts = [stage["jobs"], stage["tasks"], stage["commits"], f"{stage['rows_read']:,}"]
        counts += [round(stage[f"bytes_{done}"] / 1e6) for done in ("read", "written")]
        ratio, peak = f"{stage['cpu'] / floor['cpu']:.2f}", f"{stage['peak'] / 1e9:.1f}"
        rows.append([name, *(f"{n:.1f}" for n in numbers), ratio, peak, *map(str, counts)])
    return ["A warm session, each stage beside its floor.", "", *_table(heads, rows)]


def _variants(costs: Mapping[str, Any]) -> list[str]:
    plain = costs["plain"]["cpu"]
    rows = [
        [name, f"{c['wall']:.1f}", f"{c['cpu']:.1f}", f"{c['cpu'] / plain:.2f}", f"{c['peak'] / 1e9:.1f}"]
        for name, c in costs.items()
    ]
    return ["`risk` of every date, a warm session.", "", *_table(["variant", "wall s", "CPU s", "ratio", "peak GB"], rows)]


def _fresh(found: Mapping[str, Any]) -> list[str]:
    def row(name: str, cost: Mapping[str, Any]) -> list[str]:
        return [name, f"{cost['wall']:.1f}", f"{cost['cpu']:.1f}", f"{cost['peak'] / 1e9:.1f}"]

    rows = [row(f"`sigmalake run`, {name}", cost) for name, cost in found["fresh"].items()]
    rows += [row(f"the same at the smallest size, {name}", cost) for name, cost in found.get("fixed", {}).items()]
    rows += [row(f"`sigmalake {stage}`, the first time", cost) for stage, cost in found.get("fresh_stages", {}).items()]
    rows.append(row("`sigmalake --help`", found["help"]))
    lines = ["Fresh processes, the whole tree.", "", *_table(["command", "wall s", "CPU s", "peak GB"], rows)]
    if "fixed" in found:
        day, fixed = found["fresh"]["one more day"]["cpu"], found["fixed"]["one more day"]["cpu"]
        whole = found["fresh"]["first run"]["cpu"] - found["fixed"]["first run"]["cpu"]
        lines += ["", f"One more day beyond the fixed cost: {100 * (day - fixed) / whole:.1f} % of the first run beyond its own."]
    return lines


def _scaling(runs: Mapping[str, Any]) -> list[str]:
    fixed = runs["tiny"]
    rows = []
    for name, costs in runs.items():
        first, day = costs["first run"], costs["one more day"]
        beyond = [first["cpu"] - fixed["first run"]["cpu"], day["cpu"] - fixed["one more day"]["cpu"]]
        rows.append(
            [name, *(f"{n:.1f}" for n in (first["wall"], first["cpu"], beyond[0], day["cpu"], beyond[1], first["peak"] / 1e9))]
        )
    heads = ["size", "first run, wall s", "CPU s", "beyond the fixed cost", "one more day, CPU s", "beyond", "peak GB"]
    return ["Half the dates, half the assets.", "", *_table(heads, rows)]


def _workers(seconds: Mapping[str, Mapping[str, float]]) -> list[str]:
    rows = [
        [stage, f"{one:.1f}", f"{seconds['2'][stage]:.1f}", f"{one / seconds['2'][stage]:.2f}"]
        for stage, one in seconds["1"].items()
    ]
    return ["A standalone cluster, workers of one core.", "", *_table(["stage", "one worker, s", "two, s", "ratio"], rows)]


def _peers(found: Mapping[str, Any]) -> list[str]:
    kernel = found["kernel"]
    if "error" in kernel:
        return [f"The kernel alone could not be measured: {kernel['error']}"]
    n_dates = found["panel"]["n_dates"]
    whole = found["stages"]["regress"]["stage"]["cpu"] / n_dates if "stages" in found else None
    rows = [["sigmalake regress", _ms(kernel["cpu"]), "1.0", _ms(whole), "1.0" if whole else "-", ""]]
    for peer in found["peers"]:
        name = f"{peer['peer']} {peer.get('version', '')} {peer['stage']}"
        if "error" in peer:
            rows.append([name, "-", "-", "-", "-", peer["error"]])
            continue
        alone = peer["cpu_seconds"]["compute"] / peer["n_dates"]
        with_files = sum(peer["cpu_seconds"].values()) / peer["n_dates"]
        regresses = peer["stage"] == "regress"
        beside = [f"{alone / kernel['cpu']:.1f}", _ms(with_files), f"{with_files / whole:.1f}" if whole else "-"]
        peak = f"{peer['n_dates']} dates, peak {peer['peak_mb'] / 1000:.1f} GB"
        rows.append([name, _ms(alone), *(beside if regresses else ["-", _ms(with_files), "-"]), peak])
    heads = ["what", "CPU ms a date, in memory", "ratio", "reading and writing", "ratio", "on"]
    return ["Peers: CPU of one date's regression.", "", *_table(heads, rows)]


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.1f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]
