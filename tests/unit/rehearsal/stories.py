"""Stories made up for the tests of verdicts and pages: a release of two instances at 20 requests a second."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rehearsal.load.requests import Request
from rehearsal.record.observation import Instance, Observations, Refresh, Sample, StackEvent
from rehearsal.story import Story

BEGIN = 1_790_000_000.0
"""Load begins here, the release 10 s later; it takes 40 s, and the load ends 10 s after it."""
OLD, NEW = "aaaaaaa11111", "bbbbbbb22222"
STACK = "AWS::CloudFormation::Stack"


def request(number: int, **changes: Any) -> Request:
    scheduled = BEGIN + number / 20
    new = number > 600
    made = Request(
        number=number,
        scheduled=scheduled,
        sent=scheduled + 0.001,
        done=scheduled + 0.005 + (0.001 if number % 2 else 0),
        path="/",
        new_connection=number % 10 == 0,
        status=200,
        size=12,
        failure=None,
        instance="i-new000002" if new else "i-old000001",
        release=NEW if new else OLD,
    )
    return replace(made, **changes)


def _sample(second: int) -> Sample:
    old = Instance("blue", "InService" if second < 40 else "Terminating:Wait", "Healthy", "1")
    new = Instance("blue", "Pending:Wait" if second < 20 else "InService", "Healthy", "2")
    instances = {**({"i-old000001": old} if second < 50 else {}), **({"i-new000002": new} if second > 15 else {})}
    targets = {**({"i-old000001": "healthy" if second < 40 else "draining"} if second < 48 else {})}
    if second >= 20:
        targets["i-new000002"] = "initial" if second < 25 else "healthy"
    status = "InProgress" if second < 50 else "Successful"
    return Sample(
        at=BEGIN + second,
        instances=instances,
        targets=targets,
        weights={"blue": 100, "green": 0},
        refreshes=[Refresh("blue", "r-1", status, 50)] if second > 14 else [],
        alarms={"hello-production-blue-errors": "OK", "hello-production-blue-unhealthy": "OK"},
    )


def story(failures: dict[int, dict[str, Any]] | None = None, **changes: Any) -> Story:
    """A good release; `failures`: number of a request → what is different about it."""
    stack = "hello-production-fleet-blue"
    made = Story(
        title="Release",
        environment="production",
        time_scale=5,
        began=BEGIN + 10,
        ended=BEGIN + 50,
        succeeded=True,
        release_before=OLD,
        release_wanted=NEW,
        release_answers=frozenset(),
        output="",
        requests=[request(number, **(failures or {}).get(number, {})) for number in range(1, 1200)],
        observations=Observations(
            samples=[_sample(second) for second in range(60)],
            events=[
                StackEvent(BEGIN + 13, stack, stack, STACK, "UPDATE_IN_PROGRESS", "User Initiated"),
                StackEvent(BEGIN + 14, stack, "Group", "AWS::AutoScaling::AutoScalingGroup", "UPDATE_IN_PROGRESS"),
                StackEvent(BEGIN + 49, stack, stack, STACK, "UPDATE_COMPLETE"),
            ],
            releases={"blue/1": OLD, "blue/2": NEW},
        ),
    )
    return replace(made, **changes)


FAILED_AT_ALL_KINDS: dict[int, dict[str, Any]] = {
    100: {"failure": "refused", "status": 0, "release": "", "instance": ""},
    400: {"failure": "5xx", "status": 502, "release": "", "instance": "", "detail": ""},
    401: {"failure": "5xx", "status": 500, "release": NEW, "instance": "i-new000002"},
    402: {"failure": "truncated", "status": 200, "detail": "<script>alert('x')</script> & more"},
    1100: {"failure": "timeout", "status": 0, "release": "", "instance": ""},
}
