"""The scenarios: each does one thing to an environment under load, and says what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from rehearsal.playbook import Run
from rehearsal.record.recorder import Recorder
from rehearsal.release import keep
from rehearsal.scenarios.accidents import half_way, kill_instance, wait_until
from rehearsal.scenarios.applications import Applications
from rehearsal.scenarios.result import BadCode, Kill, Result, blame
from rehearsal.stage import Stage
from rehearsal.story import Story

RELEASE = "playbooks/release.yml"


@dataclass
class Play:
    """An environment that scenarios are played on, one after the other; each leaves it as the next may find it."""

    stage: Stage
    applications: Applications
    serving: Path
    """Build context of the release that serves."""
    reports: list[Path] = field(default_factory=list)

    def release(self, context: Path) -> Callable[[Recorder], Run]:
        return lambda _: self.stage.playbooks.run(RELEASE, image_context=str(context))

    def result(
        self, scenario: str, story: Story, *, bad_code: BadCode | None = None, kill: Kill | None = None
    ) -> Result:
        """Count, write the report, and look whether everything is in order."""
        causes = blame(story, bad_code, kill)
        self.reports.append(keep(story, scenario))
        again = self.stage.playbooks.run("site.yml", image_context=str(self.serving))
        return Result(
            scenario=scenario,
            requests=len(story.requests),
            failed=len(causes.nobody),
            failed_by_bad_code=len(causes.bad_code),
            failed_by_killed_instance=len(causes.killed_instance),
            final_version_ok=story.final_version_ok,
            drift=self.stage.environment.drift(),
            changed_after=again.changed if again.succeeded else None,
        )


def good_release(play: Play, name: str = "good release") -> Result:
    """A release with nothing wrong."""
    before, context = play.stage.release, play.applications.good(name.replace(" ", "-"))
    story = play.stage.under_load(name, play.release(context))
    play.serving = context
    result = play.result(name, story)
    return result if story.succeeded and story.release_wanted != before else _not_right(result)


def _not_right(result: Result) -> Result:
    """The playbook ended otherwise than it had to: what serves is not what was meant."""
    return replace(result, final_version_ok=False)


def _bad_release(play: Play, name: str, context: Path) -> Result:
    """A release that must fail and leave what served before."""
    story = play.stage.under_load(name, play.release(context), wanted=play.stage.release)
    others = [release for release in story.observations.releases.values() if release != story.release_before]
    noticed_within = play.stage.environment.alarm_seconds() / play.stage.cloud.terms.time_scale
    result = play.result(name, story, bad_code=BadCode(others[-1], noticed_within) if others else None)
    return _not_right(result) if story.succeeded else result


def never_healthy(play: Play) -> Result:
    """Its instances never answer the health check: none of them is ever sent a request."""
    return _bad_release(play, "never healthy", play.applications.never_healthy())


def answers_500(play: Play) -> Result:
    """Healthy, and every page fails: the alarms on errors end it."""
    return _bad_release(play, "answers 500", play.applications.answers_500())


def turns_bad(play: Play) -> Result:
    """Good at first, and bad after a minute: the alarms end it, or the bake time finds it."""
    minute = 60 / play.stage.cloud.terms.time_scale
    return _bad_release(play, "turns bad after a minute", play.applications.turns_bad(minute))


def rollback_by_name(play: Play) -> Result:
    """From a newer release to one that is named, as history has it."""
    wanted, context = play.stage.release, play.serving
    newer = play.applications.good("to-be-rolled-back")
    play.stage.playbooks.run_well(RELEASE, image_context=str(newer))
    story = play.stage.under_load(
        "rollback by name",
        lambda _: play.stage.playbooks.run("playbooks/rollback.yml", release_name=wanted),
        wanted=wanted,
    )
    play.serving = context
    result = play.result("rollback by name", story)
    return result if story.succeeded else _not_right(result)


def _version(play: Play) -> str:
    """Version of the launch template of what serves."""
    versions = {item.version for item in play.stage.environment.sample(0.0).instances.values()}
    return max(versions, key=int)


def controller_killed(play: Play) -> Result:
    """SIGKILL to the controller in the middle; the same release, started again, goes on."""
    name = "controller killed"
    context, before = play.applications.good("controller-killed"), _version(play)

    def kill_and_start_again(recorder: Recorder) -> Run:
        with play.stage.playbooks.start(RELEASE, image_context=str(context)) as first:
            wait_until(recorder, first, "a release that is half way", half_way(before))
            first.kill()
            recorder.note(time.time(), "the controller was killed, and the release started again")
        return play.stage.playbooks.run(RELEASE, image_context=str(context))

    story = play.stage.under_load(name, kill_and_start_again)
    play.serving = context
    result = play.result(name, story)
    return result if story.succeeded and story.release_wanted != story.release_before else _not_right(result)


def instance_killed(play: Play) -> Result:
    """An instance of the old release dies in the middle; the group and the release get over it."""
    name = "instance killed"
    context, before = play.applications.good("instance-killed"), _version(play)
    kills: list[Kill] = []
    noticed_within = play.stage.environment.detection_seconds() / play.stage.cloud.terms.time_scale

    def release_and_kill(recorder: Recorder) -> Run:
        with play.stage.playbooks.start(RELEASE, image_context=str(context)) as run:
            sample = wait_until(recorder, run, "a release that is half way", half_way(before))
            victim = next(
                name
                for name, item in sample.instances.items()
                if item.version == before and sample.targets.get(name) == "healthy"
            )
            at = kill_instance(play.stage.cloud, victim)
            recorder.note(at, f"instance {victim} was killed")
            kills.append(Kill(victim, at, noticed_within))
            return run.finish()

    story = play.stage.under_load(name, release_and_kill)
    play.serving = context
    result = play.result(name, story, kill=kills[0])
    return result if story.succeeded and story.release_wanted != story.release_before else _not_right(result)


def good_releases(play: Play, number: int = 10) -> Iterator[Result]:
    for count in range(1, number + 1):
        yield good_release(play, f"good release {count}")
