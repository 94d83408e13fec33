"""Small drawings in SVG, with the colours of the page and no script."""

from collections.abc import Sequence
from html import escape

from sigmalake.report.sheet.blocks import Histogram, Line

_WIDTH, _HEIGHT, _MARGIN = 360, 120, 34  # of a chart, in units of its own
_LONGEST = 30  # of a bar to one side of its middle


def bar(share: float) -> str:
    """A bar to the right for a positive share of the longest one, to the left for a negative one."""
    length = _LONGEST * max(-1.0, min(1.0, share))
    kind = "pos" if length >= 0 else "neg"
    x = _LONGEST if length >= 0 else _LONGEST + length
    return (
        f'<svg class="bar" viewBox="0 0 {2 * _LONGEST} 10" aria-hidden="true"><rect class="{kind}" x="{x:.1f}" y="1" '
        f'width="{abs(length):.1f}" height="8"/><path class="axis" d="M{_LONGEST} 0V10"/></svg>'
    )


def histogram(content: Histogram) -> str:
    """Counts of returns; losses are to the left, and values that are marked have a line."""
    low, high = content.edges[0], content.edges[-1]
    top = max(content.counts)

    def x(value: float) -> float:
        return _MARGIN / 2 + (value - low) / (high - low) * (_WIDTH - _MARGIN)

    def y(count: float) -> float:
        return _HEIGHT - 18 - count / top * (_HEIGHT - 32)

    bins = zip(content.edges[:-1], content.edges[1:], content.counts, strict=True)
    bars = "".join(
        f'<rect class="{"neg" if right <= 0 else "pos"}" x="{x(left):.1f}" y="{y(count):.1f}" '
        f'width="{x(right) - x(left) - 0.6:.1f}" height="{y(0) - y(count):.1f}">'
        f"<title>{100 * left:.2f} % to {100 * right:.2f} %: {count} dates</title></rect>"
        for left, right, count in bins
    )
    marks = "".join(
        f'<path class="mark" d="M{x(value):.1f} {8 + 9 * n}V{y(0):.1f}"/>'
        f'<text x="{x(value) - 3:.1f}" y="{14 + 9 * n}" text-anchor="end">{escape(name)}</text>'
        for n, (name, value) in enumerate(content.marks)
    )
    ends = "".join(
        f'<text x="{x(value):.1f}" y="{_HEIGHT - 5}" text-anchor="{anchor}">{100 * value:.1f} %</text>'
        for value, anchor in ((low, "start"), (high, "end"))
    )
    middle = f'<text x="{x(0):.1f}" y="{_HEIGHT - 5}" text-anchor="middle">0</text>' if low < 0 < high else ""
    axis = f'<path class="axis" d="M{x(low):.1f} {y(0):.1f}H{x(high):.1f}"/>'
    return f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{bars}{axis}{marks}{ends}{middle}</svg>'


def lines(content: Sequence[Line]) -> str:
    """Values over dates, with the last one written beside each line."""
    values = [value for line in content for value in line.values]
    low, high = min(0.0, *values), max(0.0, *values)
    span = high - low or 1.0
    right = _WIDTH - 88

    def x(n: int, size: int) -> float:
        return 4 + n / max(size - 1, 1) * (right - 4)

    def y(value: float) -> float:
        return 10 + (high - value) / span * (_HEIGHT - 32)

    drawn, spots = "", _apart([y(line.values[-1]) for line in content])
    for n, (line, spot) in enumerate(zip(content, spots, strict=True)):
        path = " ".join(f"{x(i, len(line.values)):.1f},{y(value):.1f}" for i, value in enumerate(line.values))
        drawn += (
            f'<polyline class="line line{n}" points="{path}"/><text class="line{n}" x="{right + 4}" y="{spot + 3:.1f}">'
            f"{escape(line.name)} {100 * line.values[-1]:z.1f} %</text>"
        )
    dates = content[0].dates
    ends = (
        f'<text x="4" y="{_HEIGHT - 5}">{escape(dates[0])}</text>'
        f'<text x="{right}" y="{_HEIGHT - 5}" text-anchor="end">{escape(dates[-1])}</text>'
    )
    axis = f'<path class="axis" d="M4 {y(0):.1f}H{right}"/>'
    return f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{axis}{drawn}{ends}</svg>'


def _apart(spots: Sequence[float], least: float = 10.0) -> list[float]:
    """Places of labels that do not cover each other, in their order."""
    placed: dict[int, float] = {}
    before = -least
    for n in sorted(range(len(spots)), key=lambda n: spots[n]):
        placed[n] = before = max(spots[n], before + least)
    return [placed[n] for n in range(len(spots))]
