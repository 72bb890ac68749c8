"""How long a release takes over what it must take, and what its users notice of it, in fleets of several sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.report import Figures
from rehearsal.cloud import Terms
from rehearsal.report.figures import phases
from rehearsal.scenarios import soak
from rehearsal.scenarios.scenarios import RELEASE, Play
from rehearsal.stage import Stage
from rehearsal.story import Story

SIZES = (2, 6, 12)
# Waits pass three times as fast as on AWS, and what this machine computes as fast as it can: the more they are hurried,
# the more of the time is the playbook's own.
TIME_SCALE = 3.0
RATE = 60.0
LEAD_SECONDS = 20.0


class NotAReleaseError(AssertionError):
    """It failed, or a request did, so that its time says nothing."""


@dataclass(frozen=True)
class Ideal:
    """What a release cannot do without, in seconds of real time, from what the group says of the release itself."""

    batches: int
    boot: float
    """From launch until the instance's own hook has said that the application answers."""
    settle: float
    """From there until it counts as replaced: healthy to the load balancer and warmed up, which pass side by side."""
    drain: float
    """From the moment at which an old instance gets no new request until it is gone."""
    bake: float

    @property
    def seconds(self) -> float:
        return self.batches * (self.boot + self.settle) + self.drain + self.bake


def ideal(
    refresh: Mapping[str, Any],
    activities: Sequence[Mapping[str, Any]],
    healthy: Mapping[str, float],
    size: int,
    scale: float,
) -> Ideal:
    """Of a refresh that replaced every instance.

    :param refresh: of DescribeInstanceRefreshes, with its preferences.
    :param activities: of DescribeScalingActivities, those of the release.
    :param healthy: instance → when its target was first seen healthy, in Unix time.
    :param size: desired capacity.
    :param scale: how many times faster waits pass than the preferences say.
    """
    asked = refresh["Preferences"]
    room = max(1, math.floor(size * asked["MaxHealthyPercentage"] / 100) - size)
    launches, terminations = (
        [item for item in activities if item["Description"].startswith(verb) and item["StatusCode"] == "Successful"]
        for verb in ("Launching", "Terminating")
    )
    waits = [
        healthy[instance] - item["EndTime"].timestamp()
        for item in launches
        if (instance := item["Description"].rpartition(": ")[2]) in healthy
    ]
    return Ideal(
        batches=math.ceil(size / room),
        boot=median(map(_seconds, launches)),
        settle=max(asked["InstanceWarmup"] / scale, median(waits)),
        drain=median(map(_seconds, terminations)),
        bake=asked.get("BakeTime", 0) / scale,
    )


def _seconds(activity: Mapping[str, Any]) -> float:
    return float((activity["EndTime"] - activity["StartTime"]).total_seconds())


def _measured(stage: Stage, story: Story, size: int) -> Figures:
    group = f"{stage.inventory.app_name}-{stage.inventory.env_name}-{stage.live_colour}"
    autoscaling = stage.cloud.client("autoscaling")
    refresh = autoscaling.describe_instance_refreshes(AutoScalingGroupName=group, MaxRecords=1)["InstanceRefreshes"][0]
    pages = autoscaling.get_paginator("describe_scaling_activities").paginate(AutoScalingGroupName=group)
    activities = [
        item
        for page in pages
        for item in page["Activities"]
        if story.began <= item["StartTime"].timestamp() <= story.ended and "EndTime" in item
    ]
    healthy: dict[str, float] = {}
    for sample in story.observations.samples:
        for instance, state in sample.targets.items():
            if state == "healthy":
                healthy.setdefault(instance, sample.at)
    least = ideal(refresh, activities, healthy, size, stage.cloud.terms.time_scale)
    took = story.ended - story.began
    print(f"{size} instances: {took:.1f} s, {least}", flush=True)
    before, during, _ = phases(story)
    if before.p99 is None or during.p99 is None:
        raise NotAReleaseError("Nothing was answered.")
    return {
        f"release_seconds_{size}": round(took, 1),
        f"release_ideal_seconds_{size}": round(least.seconds, 1),
        f"release_refresh_seconds_{size}": round(_seconds(refresh), 1),
        f"release_batches_{size}": least.batches,
        f"release_boot_seconds_{size}": round(least.boot, 1),
        f"release_over_ideal_{size}": round(took / least.seconds, 3),
        f"release_p99_before_ms_{size}": round(before.p99 * 1000, 1),
        f"release_p99_during_ms_{size}": round(during.p99 * 1000, 1),
        f"release_p99_ratio_{size}": round(during.p99 / before.p99, 2),
        f"release_requests_{size}": len(story.requests),
        f"release_failed_{size}": len(story.failed),
    }


def _release(play: Play, size: int, title: str) -> Story:
    """The application that is not there, whose image is in the registry already: production takes what staging built.

    :raises NotAReleaseError: it did not come to serve.
    """
    before = play.stage.release
    story = play.stage.under_load(f"{title}, {size} instances", play.release(play.serving))
    if not story.succeeded or not story.final_version_ok or play.stage.release == before:
        raise NotAReleaseError(story.output)
    return story


def measure(sizes: Sequence[int] = SIZES) -> Figures:
    """All figures, on a local cloud of this benchmark's own; its one fleet grows from size to size."""
    terms = Terms(soak.ACCOUNT, soak.REGION, TIME_SCALE)
    figures: dict[str, float | int | str] = {"release_time_scale": TIME_SCALE, "release_rate": RATE}
    # Without a bake, which is the same on both sides and would make any release look good.
    smallest = {"fleet_min_size": 1, "fleet_max_size": 2, "fleet_bake_seconds": 0}
    with soak.playing(terms, RATE, {**soak.VARIABLES, **smallest}, LEAD_SECONDS) as play:
        # Both images are built before anything is measured.
        contexts = [play.serving, play.applications.good("second")]
        play.stage.playbooks.run_well(RELEASE, image_context=str(contexts[1]))
        for turn, size in enumerate(sizes):
            now, play.serving = contexts[1 - turn % 2], contexts[turn % 2]
            play.stage.playbooks.run_well(
                "site.yml", image_context=str(now), fleet_min_size=size, fleet_max_size=2 * size
            )
            figures |= _measured(play.stage, _release(play, size, "Release"), size)
    # Two instances leave cores to those that serve while others boot.
    return figures | ({"release_p99_ratio": figures["release_p99_ratio_2"]} if 2 in sizes else {})
