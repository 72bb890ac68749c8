"""Blame: a failed request is explained by what it shows itself, and by nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rehearsal.record.observation import Sample, StackEvent
from rehearsal.scenarios.accidents import half_way
from rehearsal.scenarios.result import BadCode, Blame, Kill, Result, blame
from rehearsal.story import Story
from tests.unit.rehearsal.stories import BEGIN, NEW, OLD, story

SILENT: dict[str, Any] = {"failure": "5xx", "status": 503, "release": "", "instance": ""}
# Request 500 was scheduled at second 25; the target is seen draining from second 40 on.
KILL = Kill("i-old000001", at=BEGIN + 25, noticed_within=3)


def numbers(found: Blame) -> tuple[list[int], list[int], list[int]]:
    return (
        [item.number for item in found.bad_code],
        [item.number for item in found.killed_instance],
        [item.number for item in found.nobody],
    )


def test_a_bad_releases_own_answers_are_its_own_and_nobody_elses() -> None:
    made = story(
        {
            500: {"failure": "5xx", "status": 500, "release": NEW},
            501: {"failure": "5xx", "status": 500, "release": OLD},
            502: SILENT,
            503: {"failure": "reset", "status": 0, "release": ""},
            # Cut off by the balancer, whoever had begun it.
            504: {"failure": "truncated", "status": 200, "release": NEW},
            505: {"failure": "unexpected", "status": 404, "release": NEW},
        }
    )
    assert numbers(blame(made, BadCode(NEW, noticed_within=10))) == ([500], [], [501, 502, 503, 504, 505])
    assert numbers(blame(made)) == ([], [], [500, 501, 502, 503, 504, 505])


def test_a_bad_release_that_serves_longer_than_it_may_is_not_explained_by_itself() -> None:
    own: dict[str, Any] = {"failure": "5xx", "status": 500, "release": NEW}
    # From second 30 on. Ten until it is noticed, nothing rolled back, two for the look.
    made = story({600: own, 830: own, 850: own})
    assert numbers(blame(made, BadCode(NEW, noticed_within=10))) == ([600, 830], [], [850])
    stack = "hello-production-fleet-blue"
    back = [
        StackEvent(BEGIN + 35, stack, "Group", "AWS::AutoScaling::AutoScalingGroup", "UPDATE_ROLLBACK_IN_PROGRESS"),
        StackEvent(BEGIN + 38, stack, stack, "AWS::CloudFormation::Stack", "UPDATE_ROLLBACK_COMPLETE"),
    ]
    rolled_back = replace(made, observations=replace(made.observations, events=back))
    assert numbers(blame(rolled_back, BadCode(NEW, noticed_within=10))) == ([600, 830, 850], [], [])


@pytest.mark.parametrize(
    ("number", "changes", "explained"),
    [
        (480, SILENT, False),  # Over before the kill.
        (499, {**SILENT, "done": BEGIN + 25.1}, True),  # Under way when it came.
        (510, SILENT, True),
        (510, {"failure": "reset", "status": 0, "release": ""}, True),
        (510, {"failure": "5xx", "status": 500, "release": OLD}, False),  # Somebody alive answered.
        (640, SILENT, False),  # 7 s later: noticed within 3, and 2 for the look.
    ],
)
def test_a_killed_instance_explains_what_was_sent_to_it_unnoticed(
    number: int, changes: dict[str, Any], explained: bool
) -> None:
    found = numbers(blame(story({number: changes}), kill=KILL))
    assert found == ([], [number] if explained else [], [] if explained else [number])


def test_what_was_seen_earlier_shortens_it() -> None:
    made = story({560: SILENT})  # 3 s after the kill.
    assert numbers(blame(made, kill=KILL))[1] == [560]
    seen = [
        sample if sample.at <= BEGIN + 25 else replace(sample, targets={**sample.targets, "i-old000001": "unhealthy"})
        for sample in made.observations.samples
    ]
    early = replace(made, observations=replace(made.observations, samples=seen))
    # Seen at second 26; two more for the look: second 28.
    assert numbers(blame(replace_requests(early, 560, BEGIN + 28.5), kill=KILL))[2] == [560]


def replace_requests(made: Story, number: int, sent: float) -> Story:
    changed = [replace(item, sent=sent, done=sent) if item.number == number else item for item in made.requests]
    return replace(made, requests=changed)


GOOD = Result("x", 1000, 0, 5, 3, final_version_ok=True, drift=0, changed_after=0)


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({}, True),
        ({"failed": 1}, False),
        ({"final_version_ok": False}, False),
        ({"drift": 1}, False),
        ({"changed_after": 1}, False),
        ({"changed_after": None}, False),
    ],
)
def test_a_result_is_good_when_everything_is(changes: dict[str, Any], good: bool) -> None:
    assert replace(GOOD, **changes).good is good


def test_half_way_is_when_both_serve_in_a_refresh() -> None:
    samples = story().observations.samples
    assert [sample.at - BEGIN for sample in samples if half_way("1")(sample)] == [
        float(number) for number in range(25, 40)
    ]
    assert not half_way("1")(Sample(at=0))
