"""What bad releases cost, released in three ways: by this project, by the collection's own modules, and by hand."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks import deployed
from benchmarks.report import Figures
from rehearsal.cloud import Terms
from rehearsal.playbook import Run
from rehearsal.record.recorder import Recorder
from rehearsal.scenarios import soak
from rehearsal.scenarios.applications import Applications
from rehearsal.scenarios.scenarios import RELEASE, Play
from rehearsal.story import Story

# The hour for which AWS tries to get an instance healthy is two minutes.
TIME_SCALE = 30.0
RATE = 60.0
LEAD_SECONDS = 8.0
# However a playbook ended: users are there for at least half an hour after it began, in AWS time.
LEAST_OBSERVED = 1800.0

RELEASES: Mapping[str, Callable[[Applications], Path]] = {
    "never_healthy": Applications.never_healthy,
    "answers_500": Applications.answers_500,
    # A minute, in AWS time.
    "turns_bad": lambda applications: applications.turns_bad(60 / TIME_SCALE),
}


def without_update_policy(template: str) -> str:
    """A template in which nothing is said about how instances are replaced: they are not.

    :raises ValueError: it has no UpdatePolicy.
    """
    found = re.sub(r"^    UpdatePolicy:\n(?:      .*\n)+", "", template, flags=re.MULTILINE)
    if found == template:
        raise ValueError("The fleet's template has no UpdatePolicy.")
    return found


def ours(play: Play, context: Path) -> Run:
    return play.stage.playbooks.run(RELEASE, image_context=str(context))


def stock(play: Play, context: Path) -> Run:
    return _without_policy(play, "benchmarks/refresh.yml", context)


def by_hand(play: Play, context: Path) -> Run:
    return _without_policy(play, "benchmarks/by_hand.yml", context)


WAYS: Mapping[str, Callable[[Play, Path], Run]] = {"ours": ours, "stock": stock, "no_policy": by_hand}


def _without_policy(play: Play, playbook: str, context: Path) -> Run:
    """The same group and the same image, through the fleet's template without an UpdatePolicy."""
    stage = play.stage
    stage.playbooks.run_well("benchmarks/build.yml", image_context=str(context))
    images = stage.cloud.client("ecr").describe_images(repositoryName=stage.inventory.app_name)["imageDetails"]
    newest = max(images, key=lambda image: str(image["imagePushedAt"]))
    directory = stage.cloud.directory / "templates"
    directory.mkdir(exist_ok=True)
    fleet = f"{stage.inventory.app_name}-{stage.inventory.env_name}-fleet-{stage.live_colour}"
    (stack,) = (item for item in deployed.stacks(stage.cloud, directory) if item.name == fleet)
    stack.template.write_text(without_update_policy(stack.template.read_text(encoding="utf-8")), encoding="utf-8")
    released = {"ImageDigest": newest["imageDigest"], "Release": newest["imageTags"][0][:12]}
    variables = replace(stack, parameters={**stack.parameters, **released}).as_variables()
    group = stage.environment.outputs(f"fleet-{stage.live_colour}")["GroupName"]
    return stage.playbooks.run(playbook, benchmark_stack=variables, benchmark_group=group)


def _story(way: str, kind: str) -> Story:
    """One bad release in one way, on a cloud of its own: what it leaves is nothing to begin with."""
    terms = Terms(soak.ACCOUNT, soak.REGION, TIME_SCALE)
    with soak.playing(terms, RATE, soak.VARIABLES, LEAD_SECONDS) as play:
        context = RELEASES[kind](play.applications)

        def release(_: Recorder) -> Run:
            began = time.monotonic()
            run = WAYS[way](play, context)
            time.sleep(max(0.0, began + LEAST_OBSERVED / TIME_SCALE - time.monotonic()))
            return run

        return play.stage.under_load(f"{kind}, {way}", release, wanted=play.stage.release)


def _final(story: Story) -> str:
    """Which release serves in the end; `nothing` where no request is answered."""
    if story.final_version_ok:
        return "before"
    if not story.final_releases:
        return "nothing"
    return "mixed" if story.release_before in story.final_releases else "bad"


def measure(ways: Iterable[str] = WAYS, kinds: Collection[str] = RELEASES) -> Figures:
    """How many requests each way loses in each bad release, of how many, and what serves in the end."""
    figures: dict[str, float | int | str] = {"bad_release_time_scale": TIME_SCALE, "bad_release_rate": RATE}
    for way, kind in ((way, kind) for way in ways for kind in kinds):
        story = _story(way, kind)
        found: Figures = {
            f"bad_release_{kind}_lost_{way}": len(story.failed),
            f"bad_release_{kind}_requests_{way}": len(story.requests),
            f"bad_release_{kind}_final_version_{way}": _final(story),
        }
        print(json.dumps(found), flush=True)
        if story.succeeded and kind == "never_healthy" and way == "ours":
            raise AssertionError(story.output)
        figures |= found
    return figures
