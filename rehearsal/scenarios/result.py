"""What a scenario came to: who is to blame for each failed request, and whether everything is in order afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rehearsal.load.requests import Request
from rehearsal.story import Story

# The recorder looks once a second, and a busy machine may be late.
_SLACK_SECONDS = 2.0


@dataclass(frozen=True)
class Blame:
    """Failed requests by cause. `nobody`: nothing explains them, and there must be none."""

    bad_code: Sequence[Request]
    killed_instance: Sequence[Request]
    nobody: Sequence[Request]


@dataclass(frozen=True)
class Kill:
    """An instance that was killed. `at` in Unix time; `noticed_within` in seconds of real time, the longest that the
    health check of the target group may take."""

    instance: str
    at: float
    noticed_within: float


@dataclass(frozen=True)
class BadCode:
    """A release whose own answers fail. `noticed_within` in seconds of real time, the longest that alarms may take."""

    release: str
    noticed_within: float


def blame(story: Story, bad_code: BadCode | None = None, kill: Kill | None = None) -> Blame:
    """Explain every failed request, by what it carries itself: the release that answered, or the silence of the dead.

    :param bad_code: an answer with the release's name and a status of 500 or more is its own, as long as it may serve:
        until alarms have to have noticed, and then while it is rolled back.
    """
    own = [item for item in story.failed if bad_code and item.release == bad_code.release and item.status >= 500]
    until = (
        own[0].done + bad_code.noticed_within + rolled_back_within(story) + _SLACK_SECONDS if own and bad_code else 0.0
    )
    bad = [item for item in own if item.sent <= until]
    dead = [item for item in story.failed if kill and _sent_to_the_dead(item, kill, _noticed(story, kill))]
    explained = {item.number for item in (*bad, *dead)}
    return Blame(bad, dead, [item for item in story.failed if item.number not in explained])


def rolled_back_within(story: Story) -> float:
    """Seconds from the first rollback of a group to the end of the last one; 0 where nothing was rolled back."""
    began = [event.at for event in story.observations.events if event.status.endswith("ROLLBACK_IN_PROGRESS")]
    ended = [event.at for event in story.observations.events if event.status.endswith("ROLLBACK_COMPLETE")]
    return max(0.0, max(ended) - min(began)) if began and ended else 0.0


def _noticed(story: Story, kill: Kill) -> float:
    """When nothing more can have been sent to it: seen in the target group's health, but no later than it has to be."""
    seen = (
        sample.at
        for sample in story.observations.samples
        if sample.at > kill.at and sample.targets.get(kill.instance) != "healthy"
    )
    return min(next(seen, float("inf")), kill.at + kill.noticed_within) + _SLACK_SECONDS


def _sent_to_the_dead(request: Request, kill: Kill, noticed: float) -> bool:
    """It was under way when the instance died, or was sent before that was noticed; and no application answered."""
    return not request.release and request.done >= kill.at and request.sent <= noticed


@dataclass(frozen=True)
class Result:
    """One line of reports/soak.json. `failed` counts what neither bad code nor a killed instance explains."""

    scenario: str
    requests: int
    failed: int
    failed_by_bad_code: int
    failed_by_killed_instance: int
    final_version_ok: bool
    drift: int
    """Resources that differ from their templates."""
    changed_after: int | None
    """Tasks that a further site.yml changes; None where it failed."""

    @property
    def good(self) -> bool:
        return not self.failed and self.final_version_ok and not self.drift and self.changed_after == 0
