"""What it costs to find out that nothing has to be done: site.yml beside the two usual ways, round by round."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import deployed
from benchmarks.counting import counting
from benchmarks.report import Figures
from benchmarks.ways import CommandLine, NotANoopError, Site, Stock, Way
from tests.cloud import Cloud


def run_as_noop(way: Way, cloud: Cloud, endpoint: str) -> float:
    """Seconds of one run.

    :raises NotANoopError: it failed, says that it changed something, or a stack says so.
    """
    before = deployed.last_changes(cloud)
    start = time.monotonic()
    way.run(endpoint)
    seconds = time.monotonic() - start
    after = deployed.last_changes(cloud)
    if after != before:
        raise NotANoopError(f"{way.name} changed a stack:\n{before}\n{after}")
    deployed.forget_change_sets(cloud)
    return seconds


def calls(way: Way, cloud: Cloud) -> Counter[str]:
    """The requests to AWS of one run that changes nothing, by service and operation."""
    with counting(cloud.endpoint) as (endpoint, counts):
        run_as_noop(way, cloud, endpoint)
    return counts


def rounds(ways: Sequence[Way], cloud: Cloud, number: int) -> dict[str, list[float]]:
    """Seconds by way. One run of each is a round, so that whatever else the machine does falls on all alike."""
    seconds: dict[str, list[float]] = {way.name: [] for way in ways}
    for turn in range(number + 1):
        for way in ways:
            measured = run_as_noop(way, cloud, cloud.endpoint)
            # The first round only fills caches.
            if turn:
                seconds[way.name].append(measured)
        if turn:
            print(
                f"round {turn}: " + ", ".join(f"{name} {runs[-1]:.2f} s" for name, runs in seconds.items()), flush=True
            )
    return seconds


def _ratios(own: Sequence[float], other: Sequence[float], name: str) -> Figures:
    """The ratio of the medians, and the extremes of the rounds' own ratios."""
    each = [one / two for one, two in zip(own, other, strict=True)]
    return {
        name: round(statistics.median(own) / statistics.median(other), 3),
        f"{name}_best_round": round(min(each), 3),
        f"{name}_worst_round": round(max(each), 3),
    }


def calls_with_instances(cloud: Cloud, number: int, variables: Mapping[str, object] | None = None) -> Counter[str]:
    """The requests of a site.yml run that changes nothing, once it has brought the fleet to that many instances."""
    sized = {**(variables or {}), "fleet_min_size": number}
    run = cloud.playbook("site.yml", variables=sized)
    if run.status != 0:
        raise AssertionError(run.output)
    return calls(Site(cloud, sized), cloud)


def measure(cloud: Cloud, number_of_rounds: int) -> Figures:
    """All figures of this benchmark; the cloud's environment ends with four instances."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        directory = Path(name)
        stacks = deployed.stacks(cloud, directory)
        site, stock, command_line = Site(cloud), Stock(cloud, stacks, directory), CommandLine(cloud, stacks)
        seconds = rounds([site, stock, command_line], cloud, number_of_rounds)
        own, other, third = (seconds[way.name] for way in (site, stock, command_line))
        asked = {way.name: calls(way, cloud).total() for way in (site, stock, command_line)}
    return {
        "noop_rounds": number_of_rounds,
        "noop_stacks": len(stacks),
        "noop_seconds": round(statistics.median(own), 3),
        "noop_stock_seconds": round(statistics.median(other), 3),
        "noop_cli_seconds": round(statistics.median(third), 3),
        **_ratios(own, other, "noop_vs_stock"),
        **_ratios(own, third, "noop_vs_cli"),
        "noop_api_calls": asked[site.name],
        "noop_stock_api_calls": asked[stock.name],
        "noop_cli_api_calls": asked[command_line.name],
        "noop_api_calls_4_instances": calls_with_instances(cloud, 4).total(),
    }
