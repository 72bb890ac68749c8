"""state=present from every status a stack can be in."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloudformation_stack.apply import Present
from cloudformation_stack.errors import StackError
from fake_cloudformation import FakeCloudFormation, client_error, context, whole

BODY = """
Parameters:
  Size: {Type: String, Default: "1"}
  Digest: {Type: String, Default: none}
  Secret: {Type: String, NoEcho: true, Default: ""}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "n${Size}"}}
"""
PARAMETERS = [
    {"ParameterKey": "Size", "ParameterValue": "1"},
    {"ParameterKey": "Digest", "ParameterValue": "none"},
    {"ParameterKey": "Secret", "ParameterValue": "****"},
]
MODIFIED = {
    "ResourceChange": {
        "Action": "Modify",
        "LogicalResourceId": "Topic",
        "ResourceType": "AWS::SNS::Topic",
        "Replacement": "False",
        "Details": [
            {
                "Target": {"Attribute": "Properties", "Name": "DisplayName", "RequiresRecreation": "Never"},
                "Evaluation": "Static",
                "ChangeSource": "DirectModification",
            }
        ],
    }
}


def deployed(status: str = "CREATE_COMPLETE", **more: object) -> FakeCloudFormation:
    cloud = FakeCloudFormation()
    cloud.have(status, BODY, Parameters=PARAMETERS, **more)
    cloud.changes = [MODIFIED]
    cloud.script = {"UPDATE": [whole("UPDATE_IN_PROGRESS", ("Topic", "UPDATE_COMPLETE", ""))]}
    return cloud


def new() -> FakeCloudFormation:
    cloud = FakeCloudFormation()
    cloud.changes = [
        {"ResourceChange": {"Action": "Add", "LogicalResourceId": "Topic", "ResourceType": "AWS::SNS::Topic"}}
    ]
    cloud.script = {"CREATE": [whole("CREATE_IN_PROGRESS", ("Topic", "CREATE_COMPLETE", ""))]}
    return cloud


def test_nothing_to_do_costs_two_requests() -> None:
    cloud = deployed()
    result = Present(context(cloud, BODY)[0]).run()
    assert result["changed"] is False
    assert cloud.names() == ["describe_stacks", "get_template"]


def test_a_comment_is_no_change() -> None:
    cloud = deployed()
    assert Present(context(cloud, BODY + "\n# more words\n")[0]).run()["changed"] is False
    assert "create_change_set" not in cloud.names()


def test_an_empty_change_set_is_ok_and_is_removed() -> None:
    cloud = deployed("UPDATE_ROLLBACK_COMPLETE")
    cloud.change_set_status = "FAILED"
    cloud.change_set_reason = "The submitted information didn't contain changes. Submit different information."
    result = Present(context(cloud, BODY)[0]).run()
    assert result["changed"] is False
    assert cloud.change_sets == {}
    assert "execute_change_set" not in cloud.names()


def test_a_rollback_configuration_that_is_no_change_by_itself_is_said_to_be_outstanding() -> None:
    cloud = deployed()
    cloud.change_set_status = "FAILED"
    cloud.change_set_reason = "The submitted information didn't contain changes. Submit different information."
    ctx, said = context(cloud, BODY, monitoring_minutes=5)
    assert Present(ctx).run()["changed"] is False
    assert said == ["demo: its new rollback configuration comes with its next change"]


def test_creates_through_a_change_set_and_states_everything() -> None:
    cloud = new()
    ctx, said = context(cloud, BODY, termination_protection=True)
    result = Present(ctx).run()
    assert result["changed"] is True
    assert cloud.arguments("execute_change_set")["DisableRollback"] is False
    request = cloud.arguments("create_change_set")
    assert request["RollbackConfiguration"] == {"RollbackTriggers": [], "MonitoringTimeInMinutes": 0}
    assert request["Tags"] == []
    assert "OnStackFailure" not in request
    assert cloud.stack is not None
    assert cloud.stack["EnableTerminationProtection"] is True
    assert any("Topic CREATE_COMPLETE" in line for line in said)
    assert any(line.startswith("demo: CREATE_COMPLETE after") for line in said)


def test_update_shows_before_and_after() -> None:
    cloud = deployed()
    result = Present(context(cloud, BODY, parameters={"Size": 2})[0]).run()
    assert "      DisplayName: n1 → n2" in result["plan_text"]
    assert result["changed"] is True


def test_kept_parameters_keep_their_value() -> None:
    cloud = deployed()
    Present(context(cloud, BODY, parameters={"Size": 2, "Digest": "sha256:1"}, keep_parameters=["Digest"])[0]).run()
    sent = {item["ParameterKey"]: item for item in cloud.arguments("create_change_set")["Parameters"]}
    assert sent["Digest"] == {"ParameterKey": "Digest", "UsePreviousValue": True}
    cloud = new()
    Present(context(cloud, BODY, parameters={"Digest": "sha256:1"}, keep_parameters=["Digest"])[0]).run()
    sent = {item["ParameterKey"]: item for item in cloud.arguments("create_change_set")["Parameters"]}
    assert sent["Digest"]["ParameterValue"] == "sha256:1"


def test_check_of_an_existing_stack_leaves_no_change_set() -> None:
    cloud = deployed()
    result = Present(context(cloud, BODY, check=True, parameters={"Size": 2})[0]).run()
    assert result["changed"] is True
    assert cloud.change_sets == {}
    assert "execute_change_set" not in cloud.names()


def test_check_removes_its_change_set_when_it_fails() -> None:
    cloud = deployed()
    cloud.change_set_status, cloud.change_set_reason = "FAILED", "Parameter Size is wrong"
    with pytest.raises(StackError, match="Parameter Size is wrong"):
        Present(context(cloud, BODY, check=True, parameters={"Size": 2})[0]).run()
    assert cloud.change_sets == {}


def test_check_of_a_new_stack_only_reads() -> None:
    cloud = new()
    result = Present(context(cloud, BODY, check=True, parameters={"Digest": "known after apply"})[0]).run()
    assert cloud.names() == ["describe_stacks"]
    assert result["known_after_apply"] is True
    assert "  + Topic  AWS::SNS::Topic" in result["plan_text"]
    assert "  Digest: known after apply" in result["plan_text"]


def test_check_plans_an_existing_stack_whose_input_is_not_known_yet() -> None:
    cloud = deployed()
    result = Present(context(cloud, BODY, check=True, parameters={"Digest": "known after apply"})[0]).run()
    sent = {item["ParameterKey"]: item for item in cloud.arguments("create_change_set")["Parameters"]}
    assert sent["Digest"] == {"ParameterKey": "Digest", "UsePreviousValue": True}
    assert "  Digest: none → known after apply" in result["plan_text"]


def test_an_unknown_input_cannot_be_applied() -> None:
    with pytest.raises(StackError, match="apply the stack it comes from first"):
        context(new(), BODY, parameters={"Digest": "known after apply"})


def test_a_misspelt_parameter_is_named() -> None:
    with pytest.raises(StackError, match=r"no parameter Siez\. Did you mean Size"):
        context(new(), BODY, parameters={"Siez": 1})


@pytest.mark.parametrize(
    "status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS", "DELETE_FAILED"]
)
def test_what_never_came_to_life_is_deleted_and_created(status: str) -> None:
    cloud = new()
    cloud.have(status, EnableTerminationProtection=True)
    cloud.script["DELETE"] = [whole("DELETE_IN_PROGRESS")]
    result = Present(context(cloud, BODY)[0]).run()
    assert result["repaired"] == [f"deleted a stack in {status}"]
    assert cloud.names().index("delete_stack") < cloud.names().index("create_change_set")


def test_somebody_elses_review_is_left_alone() -> None:
    cloud = new()
    cloud.have("REVIEW_IN_PROGRESS")
    cloud.change_sets = {"review-by-ann": {"ChangeSetName": "review-by-ann"}}
    with pytest.raises(StackError, match=r"review-by-ann.*delete-stack"):
        Present(context(cloud, BODY)[0]).run()
    assert "delete_stack" not in cloud.names()


def test_attaches_to_what_is_running_then_plans() -> None:
    cloud = deployed()
    cloud.begin("UPDATE", "killed-run")
    ctx, said = context(cloud, BODY)
    result = Present(ctx).run()
    assert result["attached"] is True
    assert "demo is UPDATE_IN_PROGRESS: attaching" in said
    assert "create_change_set" not in cloud.names()


def test_a_create_that_fails_while_nobody_watched_is_repaired() -> None:
    cloud = new()
    cloud.have("CREATE_IN_PROGRESS", BODY)
    ending = (
        ("Topic", "CREATE_FAILED", "no such key"),
        ("demo", "ROLLBACK_IN_PROGRESS", ""),
        ("demo", "ROLLBACK_COMPLETE", ""),
    )
    cloud.queue = [
        {"logical_id": name, "kind": "AWS::SNS::Topic", "status": status, "reason": reason, "token": "old"}
        for name, status, reason in ending
    ]
    cloud.script["DELETE"] = [whole("DELETE_IN_PROGRESS")]
    ctx, said = context(cloud, BODY)
    result = Present(ctx).run()
    assert result["repaired"] == ["deleted a stack in ROLLBACK_COMPLETE"]
    assert any("no such key" in line for line in said)


def test_the_named_operation_that_failed_is_not_tried_again() -> None:
    cloud = new()
    cloud.have("CREATE_IN_PROGRESS", BODY)
    cloud.events[-1]["ClientRequestToken"] = "mine"
    cloud.add("Topic", "AWS::SNS::Topic", "CREATE_FAILED", "no such key", "mine")
    cloud.add("demo", "AWS::CloudFormation::Stack", "ROLLBACK_COMPLETE", "", "mine")
    with pytest.raises(StackError, match="no such key"):
        Present(context(cloud, BODY, operation="mine")[0]).run()
    assert "delete_stack" not in cloud.names()


def test_wait_false_starts_and_returns() -> None:
    cloud = new()
    result = Present(context(cloud, BODY, wait=False)[0]).run()
    assert result["pending"] is True
    assert result["operation"] == cloud.arguments("execute_change_set")["ClientRequestToken"]
    assert "describe_stack_events" not in cloud.names()


def test_failure_names_the_root_cause_not_the_cascade() -> None:
    cloud = new()
    cloud.script = {
        "CREATE": [
            whole(
                "CREATE_IN_PROGRESS",
                ("Other", "CREATE_FAILED", "Resource creation cancelled"),
                ("Topic", "CREATE_FAILED", "KMS key is disabled"),
                end="ROLLBACK_COMPLETE",
            )
        ]
    }
    with pytest.raises(StackError) as caught:
        Present(context(cloud, BODY)[0]).run()
    assert "Topic (AWS::SNS::Topic) CREATE_FAILED: KMS key is disabled." in caught.value.message
    assert "cancelled" not in caught.value.message


def test_a_failed_plan_of_a_new_stack_leaves_no_shell() -> None:
    cloud = new()
    cloud.change_set_status, cloud.change_set_reason = "FAILED", "bad"
    with pytest.raises(StackError):
        Present(context(cloud, BODY)[0]).run()
    assert cloud.stack is None


def replaced(cloud: FakeCloudFormation) -> FakeCloudFormation:
    change = dict(MODIFIED["ResourceChange"], Replacement="True")
    change["Details"] = [
        {
            "Target": {"Attribute": "Properties", "Name": "DisplayName", "RequiresRecreation": "Always"},
            "Evaluation": "Static",
        }
    ]
    cloud.changes = [{"ResourceChange": change}]
    return cloud


def test_a_replacement_is_refused_by_name() -> None:
    cloud = replaced(deployed())
    ctx, _ = context(cloud, BODY, parameters={"Size": 2}, variables={"allow_replace_or_delete": "my_variable"})
    with pytest.raises(StackError, match=r"Topic .*because of DisplayName.*my_variable: \[Topic\]"):
        Present(ctx).run()
    assert cloud.change_sets == {}
    assert "execute_change_set" not in cloud.names()


def test_a_replacement_that_is_allowed_goes_ahead() -> None:
    cloud = replaced(deployed())
    result = Present(context(cloud, BODY, parameters={"Size": 2}, allow_replace_or_delete=["Topic"])[0]).run()
    assert result["changed"] is True


def test_leftover_change_sets_of_ours_are_removed_and_others_kept() -> None:
    cloud = deployed()
    cloud.change_sets = {"ansible-old": {"ChangeSetName": "ansible-old"}, "review": {"ChangeSetName": "review"}}
    Present(context(cloud, BODY, parameters={"Size": 2})[0]).run()
    assert list(cloud.change_sets) == ["review"]


def test_a_failed_rollback_waits_for_the_alarm_and_continues() -> None:
    cloud = deployed(
        "UPDATE_ROLLBACK_FAILED",
        RollbackConfiguration={
            "RollbackTriggers": [
                {"Arn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors", "Type": "AWS::CloudWatch::Alarm"}
            ]
        },
    )
    cloud.script["CONTINUE"] = [whole("UPDATE_ROLLBACK_IN_PROGRESS")]
    states = iter(["ALARM", "ALARM", "OK"])

    class CloudWatch:
        def describe_alarms(self, AlarmNames: list[str], AlarmTypes: list[str]) -> dict[str, object]:
            assert AlarmNames == ["errors"]
            return {"MetricAlarms": [{"AlarmName": "errors", "StateValue": next(states)}]}

    ctx, said = context(cloud, BODY, other=lambda service: CloudWatch(), parameters={"Size": 2})
    result = Present(ctx).run()
    assert result["repaired"] == ["continued the rollback of UPDATE_ROLLBACK_FAILED"]
    assert cloud.stack is not None
    assert cloud.stack["StackStatus"] == "UPDATE_COMPLETE"
    assert any("waiting for errors to be OK" in line for line in said)


def test_a_rollback_that_fails_again_gives_the_command() -> None:
    cloud = deployed("UPDATE_ROLLBACK_FAILED")
    cloud.script["CONTINUE"] = [
        whole("UPDATE_ROLLBACK_IN_PROGRESS", ("Topic", "UPDATE_FAILED", "stuck"), end="UPDATE_ROLLBACK_FAILED")
    ]
    ctx, _ = context(cloud, BODY, variables={"resources_to_skip": "my_variable"})
    with pytest.raises(StackError, match=r"stuck.*my_variable: \[Topic\].*--resources-to-skip Topic"):
        Present(ctx).run()


def test_a_rollback_leaves_out_what_it_is_told_to() -> None:
    cloud = deployed("UPDATE_ROLLBACK_FAILED")
    cloud.script["CONTINUE"] = [whole("UPDATE_ROLLBACK_IN_PROGRESS")]
    Present(context(cloud, BODY, resources_to_skip=["Topic"])[0]).run()
    assert cloud.arguments("continue_update_rollback")["ResourcesToSkip"] == ["Topic"]


def test_an_alarm_that_stays_names_what_limits_the_wait_for_it() -> None:
    alarm = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors"
    triggers = {"RollbackTriggers": [{"Arn": alarm, "Type": "AWS::CloudWatch::Alarm"}]}
    cloud = deployed("UPDATE_ROLLBACK_FAILED", RollbackConfiguration=triggers)

    class CloudWatch:
        def describe_alarms(self, **_: object) -> dict[str, object]:
            return {"MetricAlarms": [{"AlarmName": "errors", "StateValue": "ALARM"}]}

    given: dict[str, Any] = {"alarm_timeout": 20, "variables": {"alarm_timeout": "my_variable"}}
    ctx, _ = context(cloud, BODY, other=lambda service: CloudWatch(), **given)
    with pytest.raises(StackError, match=r"errors is still in ALARM after 20 s \(my_variable\)"):
        Present(ctx).run()


def test_a_plan_that_takes_too_long_names_what_limits_it() -> None:
    cloud = deployed()
    cloud.change_set_status = "CREATE_IN_PROGRESS"
    given: dict[str, Any] = {"plan_timeout": 20, "variables": {"plan_timeout": "my_variable"}}
    with pytest.raises(StackError, match=r"still CREATE_IN_PROGRESS after 20 s \(my_variable\)"):
        Present(context(cloud, BODY, parameters={"Size": 2}, **given)[0]).run()


def test_a_limit_that_is_none_is_refused_by_its_variables_name() -> None:
    with pytest.raises(StackError, match="my_variable must be more than 0 seconds, got 0"):
        context(deployed(), BODY, timeout=0, variables={"timeout": "my_variable"})


def test_an_update_that_somebody_started_meanwhile_is_attached_to() -> None:
    cloud = deployed()
    original = cloud.do_create_change_set
    refused: list[bool] = []

    def busy_once(**arguments: object) -> dict[str, object]:
        if not refused:
            refused.append(True)
            raise client_error(
                "CreateChangeSet",
                "ValidationError",
                "Stack:demo is in UPDATE_IN_PROGRESS state and can not be updated.",
            )
        return original(**arguments)

    cloud.do_create_change_set = busy_once  # type: ignore[method-assign]
    assert Present(context(cloud, BODY, parameters={"Size": 2})[0]).run()["changed"] is True


@pytest.mark.parametrize("moment", ["describe_change_set", "execute_change_set"])
def test_a_change_set_that_another_run_removed_as_a_leftover_is_made_again(moment: str) -> None:
    cloud = deployed()
    original = getattr(cloud, f"do_{moment}")
    removed: list[bool] = []

    def removed_once(**arguments: object) -> object:
        if not removed:
            removed.append(True)
            raise client_error(moment, "ChangeSetNotFound", "ChangeSet [ansible-1] does not exist")
        return original(**arguments)

    setattr(cloud, f"do_{moment}", removed_once)
    assert Present(context(cloud, BODY, parameters={"Size": 2})[0]).run()["changed"] is True
    assert cloud.names().count("create_change_set") == 2


def test_other_errors_are_not_swallowed() -> None:
    cloud = deployed()

    def denied(**_: object) -> dict[str, object]:
        raise client_error("CreateChangeSet", "AccessDenied", "no")

    cloud.do_create_change_set = denied  # type: ignore[method-assign]
    with pytest.raises(ClientError):
        Present(context(cloud, BODY, parameters={"Size": 2})[0]).run()


def test_a_missed_deadline_says_what_it_waits_for() -> None:
    cloud = new()
    cloud.script = {
        "CREATE": [
            [
                ("demo", "AWS::CloudFormation::Stack", "CREATE_IN_PROGRESS", ""),
                ("Topic", "AWS::SNS::Topic", "CREATE_IN_PROGRESS", ""),
            ]
        ]
    }
    ctx, said = context(cloud, BODY, timeout=130, variables={"timeout": "network_timeout_seconds"})
    with pytest.raises(StackError, match=r"130 s, the limit set by network_timeout_seconds. Waiting for Topic"):
        Present(ctx).run()
    assert any("so far" in line and "Waiting for Topic" in line for line in said)


def test_secrets_are_not_said() -> None:
    cloud = new()
    cloud.script = {
        "CREATE": [
            whole("CREATE_IN_PROGRESS", ("Topic", "CREATE_FAILED", "bad hunter2 \x1b[31m"), end="ROLLBACK_COMPLETE")
        ]
    }
    ctx, said = context(cloud, BODY, parameters={"Secret": "hunter2"})
    with pytest.raises(StackError):
        Present(ctx).run()
    assert not any("hunter2" in line or "\x1b" in line for line in said)
