"""state=settled: what somebody else began is awaited, and nothing is begun."""

from __future__ import annotations

from typing import Any

import pytest
from cloudformation_stack import settle
from fake_cloudformation import FakeCloudFormation, context, whole

UNDONE = [
    *whole("UPDATE_IN_PROGRESS", ("Group", "UPDATE_FAILED", "an alarm rings"), end="UPDATE_ROLLBACK_IN_PROGRESS"),
    *whole("UPDATE_ROLLBACK_IN_PROGRESS", end="UPDATE_ROLLBACK_COMPLETE")[1:],
]
READING = {"describe_stacks", "describe_stack_events"}


def test_a_stack_at_rest_costs_one_request() -> None:
    cloud = FakeCloudFormation()
    cloud.have("UPDATE_COMPLETE")
    result = settle.settled(context(cloud, state="settled")[0])
    assert (result["attached"], result["changed"], result["reason"]) == (False, False, "")
    assert cloud.names() == ["describe_stacks"]


def test_no_stack_is_an_answer() -> None:
    assert settle.settled(context(FakeCloudFormation(), state="settled")[0])["stack"] is None


def test_what_is_running_is_awaited_and_why_it_was_undone_is_told() -> None:
    cloud = FakeCloudFormation()
    cloud.have("CREATE_COMPLETE")
    cloud.script = {"UPDATE": [UNDONE]}
    cloud.begin("UPDATE", "somebody")
    ctx, said = context(cloud, state="settled")
    result = settle.settled(ctx)
    assert result["stack"]["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert result["attached"] is True
    assert "an alarm rings" in result["reason"]
    assert "demo is UPDATE_IN_PROGRESS: attaching" in said
    assert set(cloud.names()) <= READING


@pytest.mark.parametrize("how", [{"check": True}, {"wait": False}], ids=["check mode", "wait: false"])
def test_it_is_read_as_it_is_where_nobody_waits(how: dict[str, Any]) -> None:
    cloud = FakeCloudFormation()
    cloud.have("CREATE_COMPLETE")
    cloud.script = {"UPDATE": [UNDONE]}
    cloud.begin("UPDATE", "somebody")
    result = settle.settled(context(cloud, state="settled", **how)[0])
    assert (result["attached"], result["stack"]["StackStatus"]) == (False, "UPDATE_IN_PROGRESS")


def test_a_change_set_that_waits_for_review_is_no_operation() -> None:
    cloud = FakeCloudFormation()
    cloud.have("REVIEW_IN_PROGRESS")
    assert settle.settled(context(cloud, state="settled")[0])["attached"] is False
