"""What it costs to find out that nothing has to be done: site.yml beside the two usual ways, round by round."""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import deployed
from benchmarks.counting import counting
from benchmarks.report import Figures
from benchmarks.ways import CommandLine, NotANoopError, Site, Stock, Way
from rehearsal import mails
from tests.cloud import Cloud, PlaybookRun


@dataclass(frozen=True)
class Cost:
    """Of one run, in seconds: what its user waits, and what all its processes compute."""

    elapsed: float
    computed: float


def _computed() -> float:
    """Seconds of processor time of every process that this one started and that has ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_as_noop(way: Way, cloud: Cloud, endpoint: str) -> Cost:
    """The cost of one run.

    :raises NotANoopError: it failed, says that it changed something, or a stack says so.
    """
    before = deployed.last_changes(cloud)
    start, computed = time.monotonic(), _computed()
    way.run(endpoint)
    cost = Cost(time.monotonic() - start, _computed() - computed)
    after = deployed.last_changes(cloud)
    if after != before:
        raise NotANoopError(f"{way.name} changed a stack:\n{before}\n{after}")
    deployed.forget_change_sets(cloud)
    return cost


def calls(way: Way, cloud: Cloud) -> Counter[str]:
    """The requests to AWS of one run that changes nothing, by service and operation."""
    with counting(cloud.endpoint) as (endpoint, counts):
        run_as_noop(way, cloud, endpoint)
    return counts


def rounds(ways: Sequence[Way], cloud: Cloud, number: int) -> dict[str, list[Cost]]:
    """Costs by way. One run of each is a round, so that whatever else the machine does falls on all alike."""
    costs: dict[str, list[Cost]] = {way.name: [] for way in ways}
    for turn in range(number + 1):
        for way in ways:
            cost = run_as_noop(way, cloud, cloud.endpoint)
            # The first round only fills caches.
            if turn:
                costs[way.name].append(cost)
        if turn:
            line = ", ".join(f"{name} {runs[-1].elapsed:.2f} s" for name, runs in costs.items())
            print(f"round {turn}: {line}", flush=True)
    return costs


def _figures(label: str, costs: Sequence[Cost]) -> Figures:
    return {
        f"{label}_seconds": round(statistics.median(cost.elapsed for cost in costs), 3),
        f"{label}_cpu_seconds": round(statistics.median(cost.computed for cost in costs), 3),
    }


def _ratios(own: Sequence[Cost], other: Sequence[Cost], label: str) -> Figures:
    """The ratios of the medians, and the extremes of the rounds' own ratios of time."""
    each = [one.elapsed / two.elapsed for one, two in zip(own, other, strict=True)]
    mine, theirs = _figures("", own), _figures("", other)
    return {
        label: round(float(mine["_seconds"]) / float(theirs["_seconds"]), 3),
        f"{label}_best_round": round(min(each), 3),
        f"{label}_worst_round": round(max(each), 3),
        f"{label}_cpu": round(float(mine["_cpu_seconds"]) / float(theirs["_cpu_seconds"]), 3),
    }


def _converge(cloud: Cloud, variables: Mapping[str, object] | None = None) -> PlaybookRun:
    run = cloud.playbook("site.yml", variables=variables)
    if run.status != 0:
        raise AssertionError(run.output)
    return run


def deploy(cloud: Cloud) -> None:
    """The environment `local`, with nothing left to do for anybody: the address of its alarms is confirmed.

    :raises AssertionError: it was not deployed.
    :raises NotANoopError: a second run changed something.
    """
    _converge(cloud)
    mails.confirm_every_address(cloud)
    run = _converge(cloud)
    if run.changed != 0:
        raise NotANoopError(f"Nothing changed, and yet site.yml changes something:\n{run.output}")


def calls_with_instances(cloud: Cloud, number: int, variables: Mapping[str, object] | None = None) -> Counter[str]:
    """The requests of a site.yml run that changes nothing, once the group has scaled to that many instances.

    :raises AssertionError: the fleet did not come to be.
    """
    _converge(cloud, variables)
    environment = (variables or {}).get("env_name", "local")
    cloud.client("autoscaling").set_desired_capacity(
        AutoScalingGroupName=f"hello-{environment}-blue", DesiredCapacity=number
    )
    # Waits until as many instances answer as the group desires.
    _converge(cloud, variables)
    return calls(Site(cloud, variables), cloud)


def measure(cloud: Cloud, number_of_rounds: int) -> Figures:
    """All figures of this benchmark; the cloud's environment ends with four instances."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        directory = Path(name)
        stacks = deployed.stacks(cloud, directory)
        site, stock, command_line = Site(cloud), Stock(cloud, stacks, directory), CommandLine(cloud, stacks)
        costs = rounds([site, stock, command_line], cloud, number_of_rounds)
        own, other, third = (costs[way.name] for way in (site, stock, command_line))
        asked = {way.name: calls(way, cloud).total() for way in (site, stock, command_line)}
    return {
        "noop_rounds": number_of_rounds,
        "noop_stacks": len(stacks),
        **_figures("noop", own),
        **_figures("noop_stock", other),
        **_figures("noop_cli", third),
        **_ratios(own, other, "noop_vs_stock"),
        **_ratios(own, third, "noop_vs_cli"),
        "noop_api_calls": asked[site.name],
        "noop_stock_api_calls": asked[stock.name],
        "noop_cli_api_calls": asked[command_line.name],
        "noop_api_calls_4_instances": calls_with_instances(cloud, 4).total(),
    }
