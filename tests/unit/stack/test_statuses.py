"""Every stack status has its step, every option its documentation, every failure its console."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.exceptions import EndpointConnectionError
from cloudformation_stack.explain import explain
from cloudformation_stack.instances import consoles, refresh_progress
from cloudformation_stack.options import ARGUMENT_SPEC
from cloudformation_stack.repair import Step, next_step
from cloudformation_stack.text import Masker, clean
from cloudformation_stack.watch import Event, watch
from conftest import ROLE
from fake_cloudformation import ARN, FakeCloudFormation, context, whole

GROUP = "AWS::AutoScaling::AutoScalingGroup"
STATUSES = botocore.session.Session().get_service_model("cloudformation").shape_for("StackStatus").enum


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_aws_knows_has_a_step(status: str) -> None:
    step = next_step(status)
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        assert step is Step.AWAIT


def test_no_stack_is_created_and_an_unknown_status_is_an_error() -> None:
    assert next_step(None) is Step.CREATE
    with pytest.raises(ValueError, match="NEW_STATUS"):
        next_step("NEW_STATUS")


def test_the_documentation_has_the_options_as_they_are() -> None:
    source = ast.parse((ROLE / "library" / "cloudformation_stack.py").read_text())
    texts = {
        name.id: str(text.value)
        for name, text in ((node.targets[0], node.value) for node in source.body if isinstance(node, ast.Assign))
        if isinstance(name, ast.Name) and isinstance(text, ast.Constant)
    }
    documented = yaml.safe_load(texts["DOCUMENTATION"])["options"]
    for options in documented.values():
        options.pop("description")
    for name in ("parameters", "tags"):
        documented[name]["default"] = documented[name].get("default") or {}
    assert documented == ARGUMENT_SPEC


def read(path: str) -> Any:
    return yaml.safe_load((ROLE / path).read_text(encoding="utf-8"))


def named_variables() -> dict[str, str]:
    """The variable that messages name for each option, where a role sets nothing else."""
    defaults = read("defaults/main.yml")
    found: dict[str, str] = read("vars/main.yml")["__stack_variables"]
    return {option: defaults[name.strip("{ }")] if "{{" in name else name for option, name in found.items()}


def test_messages_name_variables_that_can_be_set() -> None:
    documented = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    for option, variable in named_variables().items():
        assert option in ARGUMENT_SPEC
        assert variable in documented


@pytest.mark.parametrize("tasks", ["main", "remove", "drift", "settle"])
def test_what_messages_name_is_passed_on_and_has_the_actions_own_default(tasks: str) -> None:
    variables, defaults = named_variables(), read("defaults/main.yml")
    (task,) = read(f"tasks/{tasks}.yml")
    given = task["cloudformation_stack"]
    assert given["variables"] == "{{ __stack_variables }}"
    for option in variables.keys() & given.keys():
        assert given[option] == f"{{{{ {variables[option]} }}}}"
        assert defaults[variables[option]] == ARGUMENT_SPEC[option]["default"]


def test_every_message_with_an_option_finds_its_variable() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in ROLE.glob("module_utils/*/*.py"))
    named = set(re.findall(r"""variable\(['"](\w+)['"]\)""", sources))
    assert named == set(named_variables())


def event(status: str, reason: str = "", kind: str = GROUP, logical_id: str = "Group") -> Event:
    return Event("1", datetime(2026, 1, 1, tzinfo=UTC), logical_id, "demo-blue", kind, status, reason, "", False)


class Services:
    """autoscaling and ec2 in one."""

    def __call__(self, service: str) -> Any:
        return self

    def describe_scaling_activities(self, **_: Any) -> dict[str, Any]:
        return {
            "Activities": [
                {"StatusCode": "Successful", "Description": "Launching a new EC2 instance: i-0000000000000000a"},
                {"StatusCode": "Cancelled", "Description": "Launching a new EC2 instance: i-0000000000000000b"},
            ]
        }

    def get_console_output(self, InstanceId: str) -> dict[str, Any]:
        return {"Output": f"boot of {InstanceId}\nline 1\n\x1b[31mapp: no module named flask\x1b[0m\n"}

    def describe_instance_refreshes(self, **_: Any) -> dict[str, Any]:
        return {
            "InstanceRefreshes": [
                {
                    "Status": "InProgress",
                    "PercentageComplete": 50,
                    "InstancesToUpdate": 1,
                    "StartTime": datetime(2026, 1, 2, tzinfo=UTC),
                }
            ]
        }

    def describe_auto_scaling_groups(self, **_: Any) -> dict[str, Any]:
        instances = [
            {
                "InstanceId": name,
                "LaunchTemplate": {"Version": version},
                "LifecycleState": state,
                "HealthStatus": "Healthy",
            }
            for name, version, state in (
                ("i-old", "1", "InService"),
                ("i-new", "2", "InService"),
                ("i-ill", "2", "InService"),
                ("i-boots", "2", "Pending:Wait"),
            )
        ]
        group = {"DesiredCapacity": 3, "Instances": instances, "LaunchTemplate": {"Version": "2"}}
        return {"AutoScalingGroups": [{**group, "TargetGroupARNs": ["blue"]}]}

    def describe_target_health(self, **_: Any) -> dict[str, Any]:
        states = {"i-old": "healthy", "i-new": "healthy", "i-ill": "unhealthy"}
        return {
            "TargetHealthDescriptions": [
                {"Target": {"Id": name}, "TargetHealth": {"State": state}} for name, state in states.items()
            ]
        }


def test_the_console_of_the_instance_that_failed_comes_first() -> None:
    why = explain([event("CREATE_FAILED", "Received 1 abandon")], consoles(Services(), 2))
    assert [console.instance_id for console in why.consoles] == ["i-0000000000000000b", "i-0000000000000000a"]
    assert "  line 1" in why.lines()
    assert not any("\x1b" in line for line in why.lines())


def test_a_console_that_cannot_be_read_is_said() -> None:
    class Denied(Services):
        def get_console_output(self, InstanceId: str) -> dict[str, Any]:
            raise RuntimeError("no right")

    why = explain([event("CREATE_FAILED", "i-0000000000000000c failed")], consoles(Denied(), 2))
    assert any("not readable: no right" in line for line in why.lines())


def test_an_alarm_that_rolled_the_stack_back_is_the_cause() -> None:
    stack = Event(
        "1",
        datetime(2026, 1, 1, tzinfo=UTC),
        "demo",
        "arn",
        "AWS::CloudFormation::Stack",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "Rollback triggered by alarm errors",
        "",
        True,
    )
    assert "Rollback triggered by alarm errors" in explain([stack]).sentence


def test_progress_of_an_instance_refresh() -> None:
    figure = refresh_progress(Services())
    assert (
        figure([event("UPDATE_IN_PROGRESS")])
        == "Group: instance refresh InProgress, 1 of 3 instances new and healthy, 50 %"
    )
    assert figure([event("UPDATE_COMPLETE")]) is None


def test_without_the_right_to_read_it_there_is_no_progress_and_the_watch_goes_on() -> None:
    class Denied(Services):
        def describe_target_health(self, **_: Any) -> dict[str, Any]:
            raise RuntimeError("no right")

    assert refresh_progress(Denied())([event("UPDATE_IN_PROGRESS")]) is None


def test_text_is_cleaned_and_masked() -> None:
    assert clean("a\x1b[2J\r\nb\u200b") == "a [2J b"
    assert Masker(["hunter2", "x"])("hunter2 x") == "**** x"


def test_a_watch_reads_each_page_of_events_once() -> None:
    cloud = FakeCloudFormation()
    cloud.have("CREATE_COMPLETE")
    many = [(f"Topic{number}", "CREATE_COMPLETE", "") for number in range(20)]
    cloud.script = {"UPDATE": [whole("UPDATE_IN_PROGRESS", *many)]}
    cloud.begin("UPDATE", "mine")
    ctx, said = context(cloud, state="described")
    outcome = watch(ctx, ARN, "mine")
    assert outcome.succeeded
    assert len([line for line in said if "CREATE_COMPLETE" in line]) == 20
    # Each look finds one more event; the fake's pages hold three.
    assert cloud.names().count("describe_stack_events") <= len(outcome.events) + 1


def test_a_lost_connection_does_not_end_a_watch() -> None:
    cloud = FakeCloudFormation()
    cloud.have("CREATE_COMPLETE")
    cloud.script = {"UPDATE": [whole("UPDATE_IN_PROGRESS")]}
    cloud.begin("UPDATE", "mine")
    original, lost = cloud.do_describe_stack_events, iter([True, True, False])

    def flaky(**arguments: Any) -> dict[str, Any]:
        if next(lost, False):
            raise EndpointConnectionError(endpoint_url="https://cloudformation.example")
        return original(**arguments)

    cloud.do_describe_stack_events = flaky  # type: ignore[method-assign, assignment]
    assert watch(context(cloud, state="described")[0], ARN, "mine").succeeded
