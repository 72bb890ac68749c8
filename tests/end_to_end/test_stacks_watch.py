"""What a deploy shows while CloudFormation works, and what becomes of one that is left in its midst."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tests.cloud import Cloud, PlaybookRun
from tests.end_to_end.conftest import Deployed
from tests.interruption import Line, RunningPlaybook, kill_at

pytestmark = pytest.mark.timeout(600)

ONE_STACK = "tests/end_to_end/playbooks/one_stack.yml"
# What a terminal would obey: everything below the space but tab and line feed, and DEL.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def signalled(name: str, generation: int = 1) -> dict[str, Any]:
    return {
        "one_stack_name": name,
        "one_stack_template": "signalled",
        "one_stack_parameters": {"Generation": generation},
    }


def succeed(cloud: Cloud, stack: str, resource: str) -> None:
    """Let the operation go on: the signal that a wait condition of the stack waits for."""
    cloud.client("cloudformation").signal_resource(
        StackName=stack, LogicalResourceId=resource, UniqueId="test", Status="SUCCESS"
    )


def status(cloud: Cloud, stack: str) -> str:
    return str(cloud.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])


def attach_and_finish(cloud: Cloud, stack: str, resource: str, variables: dict[str, Any]) -> PlaybookRun:
    """A run that finds the stack in the midst of an operation, which ends only once the run has attached to it."""
    with RunningPlaybook(cloud, ONE_STACK, variables=variables) as run:
        run.read_until(": attaching")
        run.read_until(f"{stack} {resource} ")
        succeed(cloud, stack, resource)
        return run.finish()


def test_every_event_has_its_line_and_every_operation_its_summary(deployed: Deployed) -> None:
    output = deployed.first_run.output
    lines = output.splitlines()
    # The registry is shared: an earlier deploy of another environment may have made it.
    for stack in ("hello-local-network", "hello-local-load-balancer", "hello-local-fleet-blue"):
        events = deployed.cloud.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        of_creation = [event for event in events if event["ResourceStatus"].startswith("CREATE_")]
        assert of_creation
        for event in of_creation:
            line = f"{event['Timestamp']:%H:%M:%SZ} {stack} {event['LogicalResourceId']} {event['ResourceStatus']}"
            assert [found for found in lines if found.startswith(line)], f"{line}\n{output}"
        assert re.search(rf"^{stack}: CREATE_COMPLETE after \d+\.\d s$", output, re.MULTILINE), output
    assert not CONTROL_CHARACTERS.search(output)


def test_events_are_shown_while_the_operation_runs(cloud: Cloud) -> None:
    """The signal is given only after the events before it were printed: shown at the end, they would never come."""
    with RunningPlaybook(cloud, ONE_STACK, variables=signalled("live")) as run:
        run.read_until("hello-local-live Topic CREATE_COMPLETE")
        run.read_until("hello-local-live First CREATE_IN_PROGRESS")
        assert status(cloud, "hello-local-live") == "CREATE_IN_PROGRESS"
        waited_from = time.monotonic()
        time.sleep(1.5)
        succeed(cloud, "hello-local-live", "First")
        outcome = run.finish()
    assert outcome.status == 0, outcome.output
    summary = re.search(r"^hello-local-live: CREATE_COMPLETE after (\d+\.\d) s$", outcome.output, re.MULTILINE)
    assert summary, outcome.output
    assert 1.5 <= float(summary[1]) <= time.monotonic() - waited_from + 5


def test_a_deadline_names_its_variable_and_the_next_run_attaches(cloud: Cloud) -> None:
    stack = "hello-local-late"
    late = cloud.playbook(ONE_STACK, variables={**signalled("late"), "stack_timeout_seconds": 2})
    assert late.status != 0
    message = " ".join(late.output.split())
    assert f"{stack}: not finished after 2 s, the limit set by stack_timeout_seconds" in message
    assert "Waiting for First (CREATE_IN_PROGRESS)" in message
    assert status(cloud, stack) == "CREATE_IN_PROGRESS"

    attached = attach_and_finish(cloud, stack, "First", signalled("late"))
    assert attached.status == 0, attached.output
    assert status(cloud, stack) == "CREATE_COMPLETE"
    again = cloud.playbook(ONE_STACK, variables=signalled("late"))
    assert (again.status, again.changed) == (0, 0), again.output


def test_a_run_killed_in_the_midst_of_an_operation_is_taken_up_by_the_next(cloud: Cloud) -> None:
    stack = "hello-local-killed"
    kill_at(Line("First CREATE_IN_PROGRESS"), cloud, ONE_STACK, variables=signalled("killed"))
    assert status(cloud, stack) == "CREATE_IN_PROGRESS"
    created = attach_and_finish(cloud, stack, "First", signalled("killed"))
    assert created.status == 0, created.output

    # Of the update, too; and the run that takes it up wants something else again.
    kill_at(Line(f"{stack} Second "), cloud, ONE_STACK, variables=signalled("killed", 2))
    assert status(cloud, stack) == "UPDATE_IN_PROGRESS"
    updated = attach_and_finish(cloud, stack, "Second", signalled("killed", 3))
    assert updated.status == 0, updated.output
    assert status(cloud, stack) == "UPDATE_COMPLETE"
    assert "generation 2 → generation 3" in updated.output
    again = cloud.playbook(ONE_STACK, variables=signalled("killed", 3))
    assert (again.status, again.changed) == (0, 0), again.output
