"""The numbers of a story: phases, percentiles, series over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from rehearsal.load.requests import Request
from rehearsal.story import Story

# So many points at the most: more than a screen has would only blur.
_MOST_POINTS = 240


@dataclass(frozen=True)
class Phase:
    """A stretch of time with what its requests saw. Latencies in seconds, of requests that are not slow on purpose."""

    name: str
    begin: float
    end: float
    requests: int
    failed: int
    p50: float | None
    p99: float | None


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that `share` of all do not exceed (nearest rank); `values` ascend. None of nothing."""
    if not values:
        return None
    return values[max(0, ceil(share * len(values)) - 1)]


def is_slow(request: Request) -> bool:
    """Whether it takes long on purpose, so that its latency says nothing."""
    return request.path.startswith("/exercise/")


def latencies(requests: Iterable[Request]) -> list[float]:
    """Of those that were answered well, ascending."""
    return sorted(request.latency for request in requests if not request.failed and not is_slow(request))


def phases(story: Story) -> list[Phase]:
    """Before, during and after what the story is about, by the moment for which a request was scheduled."""
    first, last = span(story)
    stretches = [("before", first, story.began), ("during", story.began, story.ended), ("after", story.ended, last)]
    found = []
    for name, begin, end in stretches:
        requests = [request for request in story.requests if begin <= request.scheduled < end]
        ascending = latencies(requests)
        found.append(
            Phase(
                name,
                begin,
                end,
                len(requests),
                sum(request.failed for request in requests),
                percentile(ascending, 0.5),
                percentile(ascending, 0.99),
            )
        )
    return found


def span(story: Story) -> tuple[float, float]:
    """First and last moment of the page's time axis."""
    moments = [request.scheduled for request in story.requests] + [sample.at for sample in story.observations.samples]
    # Half open: the last request belongs to it.
    return min([*moments, story.began]), max([*moments, story.ended]) + 1e-6


@dataclass(frozen=True)
class Series:
    """Values over buckets of equal width: requests a second, and latencies in seconds (None: nothing was answered)."""

    begin: float
    width: float
    rates: Mapping[str, Sequence[float]]
    """Answered well, by release."""
    failures: Sequence[float]
    p50: Sequence[float | None]
    p99: Sequence[float | None]

    @property
    def length(self) -> int:
        return len(self.failures)


def series(story: Story) -> Series:
    """Divide the story's time into buckets of whole seconds."""
    first, last = span(story)
    width = float(max(1, ceil((last - first) / _MOST_POINTS)))
    buckets: list[list[Request]] = [[] for _ in range(ceil((last - first) / width))]
    for request in story.requests:
        buckets[int((request.scheduled - first) / width)].append(request)
    # The last bucket is part of one, and would show a drop that there was not.
    if len(buckets) > 1:
        buckets.pop()
    counts = [Counter(request.release or "unknown" for request in bucket if not request.failed) for bucket in buckets]
    ascending = [latencies(bucket) for bucket in buckets]
    return Series(
        begin=first,
        width=width,
        rates={name: [count[name] / width for count in counts] for name in releases(story)},
        failures=[sum(request.failed for request in bucket) / width for bucket in buckets],
        p50=[percentile(values, 0.5) for values in ascending],
        p99=[percentile(values, 0.99) for values in ascending],
    )


def releases(story: Story) -> list[str]:
    """Every release that answered well, in the order in which they first did."""
    return list(dict.fromkeys(request.release or "unknown" for request in story.requests if not request.failed))
