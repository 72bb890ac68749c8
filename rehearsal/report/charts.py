"""Areas and lines as paths of an SVG that is stretched to its place; words and numbers stand beside it as text.

Each is drawn in a square of 100 by 100 that the page stretches, so that one picture suits a wide screen and a
telephone, and its text, which is the page's own, stays readable on both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from rehearsal.report.axis import Axis
from rehearsal.report.figures import Series, releases
from rehearsal.report.verdict import milliseconds
from rehearsal.story import Story

# Of a chart's height: a layer that is thinner is named by the key alone.
_ROOM_FOR_WORDS = 0.15


@dataclass(frozen=True)
class Path:
    """One shape. `style` is the page's class for its colour; `d` as in SVG."""

    style: str
    d: str


@dataclass(frozen=True)
class Label:
    """Text at a place in percent from the left and from the top."""

    x: float
    y: float
    text: str
    style: str = ""


@dataclass(frozen=True)
class Chart:
    """A picture: filled shapes, lines, grid lines with their values, and text at what it names."""

    title: str
    description: str
    """For those who do not see it."""
    areas: Sequence[Path]
    lines: Sequence[Path]
    grid: Sequence[Label]
    labels: Sequence[Label]


def styles(story: Story) -> Mapping[str, str]:
    """Release → style: what served before, what is released, and others in between."""
    known = {story.release_before: "before"}
    others = [name for name in [*releases(story), *story.observations.releases.values()] if name not in known]
    wanted = story.release_wanted
    return known | {name: "after" if name == wanted else "other" for name in dict.fromkeys(others)}


def rates(story: Story, data: Series, axis: Axis) -> Chart:
    """Requests a second: good answers stacked by release, failures on top of them."""
    colours = styles(story)
    xs = [axis.percent(data.begin + (index + 0.5) * data.width) for index in range(data.length)]
    layers = [(name, colours.get(name, "other"), values) for name, values in data.rates.items()]
    layers.append(("failed", "failed", data.failures))
    top = max((sum(values[index] for _, _, values in layers) for index in range(data.length)), default=1.0)
    most = _round_up(top)
    base = [0.0] * data.length
    areas, labels = [], []
    for name, style, values in layers:
        if not any(values):
            continue
        upper = [low + value for low, value in zip(base, values, strict=True)]
        areas.append(Path(style, _band(xs, base, upper, most)))
        widest = max(range(data.length), key=lambda index, values=values: _room(values, index))  # type: ignore[misc]
        middle = (base[widest] + upper[widest]) / 2
        if _room(values, widest) > _ROOM_FOR_WORDS * most:
            x = min(88.0, max(12.0, xs[widest]))
            labels.append(Label(x, 100 - 100 * middle / most, name[:7], f"on-{style}"))
        base = upper
    grid = [Label(0, 100 - 100 * share, f"{most * share:g}") for share in (0.5, 1.0)]
    answered = ", ".join(f"{name}: at most {max(values, default=0):.0f}" for name, _, values in layers)
    return Chart(
        "Requests per second", f"Answered by release, and failed. {answered} per second.", areas, [], grid, labels
    )


def _room(values: Sequence[float], index: int, reach: int = 8) -> float:
    """How much room a label has there: the least height of the layer around it."""
    return min(values[max(0, index - reach) : index + reach + 1])


def _band(xs: Sequence[float], lower: Sequence[float], upper: Sequence[float], most: float) -> str:
    forth = [f"{x:.2f},{100 - 100 * value / most:.2f}" for x, value in zip(xs, upper, strict=True)]
    back = [f"{x:.2f},{100 - 100 * value / most:.2f}" for x, value in zip(xs, lower, strict=True)]
    return "M" + "L".join([*forth, *reversed(back)]) + "Z"


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 5, 10 … times a power of ten."""
    if value <= 0:
        return 1.0
    power: float = 10 ** floor(log10(value))
    return next(power * factor for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if value <= power * factor)


def latency(data: Series, axis: Axis) -> Chart:
    """Median and 99th percentile over time, on a logarithmic scale."""
    values = [value for value in (*data.p50, *data.p99) if value]
    low, high = _decade(min(values, default=0.001), floor), _decade(max(values, default=1.0), ceil)
    high = high if high > low else low * 10

    def height(value: float) -> float:
        return round(100 - 100 * (log10(value) - log10(low)) / (log10(high) - log10(low)), 2)

    lines, labels = [], []
    for name, style, points in (("p99", "p99", data.p99), ("p50", "p50", data.p50)):
        path, pen = [], "M"
        for index, value in enumerate(points):
            if not value:
                pen = "M"
                continue
            path.append(f"{pen}{axis.percent(data.begin + (index + 0.5) * data.width):.2f},{height(value):.2f}")
            pen = "L"
        lines.append(Path(style, "".join(path)))
        # At the end of the line, clear of its last stretch: above the upper one, below the lower one.
        drawn = [index for index, value in enumerate(points) if value]
        last = [height(points[index] or low) for index in drawn[-ceil(len(points) / 8) :]]
        if last:
            x = axis.percent(data.begin + (drawn[-1] + 0.5) * data.width)
            labels.append(Label(max(x, 8.0), min(last) if name == "p99" else max(last), name, style))
    decades = range(round(log10(low)), round(log10(high)) + 1)
    grid = [Label(0, height(10.0**power), milliseconds(10.0**power).replace(".0\u00a0", "\u00a0")) for power in decades]
    highest = max((value for value in data.p99 if value), default=None)
    return Chart(
        "Latency",
        f"Median and 99th percentile of each {data.width:g} s; the highest 99th percentile is {milliseconds(highest)}.",
        [],
        lines,
        grid,
        labels,
    )


def _decade(value: float, way: Callable[[float], int]) -> float:
    return float(10.0 ** way(log10(value)))
