"""The plan says what a run would change and changes nothing; the guard refuses what would cost traffic or state."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.cloud import REGION, Cloud, PlaybookRun
from tests.end_to_end.conftest import Deployed, everything

pytestmark = pytest.mark.timeout(600)

ONE_STACK = "tests/end_to_end/playbooks/one_stack.yml"
STACKS = "tests/end_to_end/playbooks/stacks.yml"
SECRET = "correct-horse-battery-staple"


def plan_lines(run: PlaybookRun) -> list[str]:
    """The lines of every printed plan: `<stack>: …`, and what is indented under it."""
    found: list[str] = []
    inside = False
    for line in run.output.splitlines():
        inside = bool(re.match(r"hello-[a-z-]+: ", line)) or (inside and line.startswith("  "))
        if inside and not line.endswith(": no drift"):
            found.append(line.strip())
    return found


def guarded(**parameters: str) -> dict[str, Any]:
    return {
        "one_stack_name": "guarded",
        "one_stack_template": "guarded",
        "one_stack_parameters": {"TopicName": "first", "Password": SECRET, **parameters},
    }


def topics(cloud: Cloud) -> set[str]:
    return {topic["TopicArn"].rpartition(":")[2] for topic in cloud.client("sns").list_topics()["Topics"]}


def test_a_plan_shows_each_property_that_changes_and_nothing_else(deployed: Deployed) -> None:
    before = everything(deployed.cloud)
    run = deployed.cloud.playbook(
        "site.yml", "--check", "--diff", variables={"load_balancer_deregistration_delay_seconds": 20}
    )
    assert run.status == 0, run.output
    outputs = deployed.outputs("hello-local-load-balancer")
    heading, *lines = plan_lines(run)
    assert heading.startswith("hello-local-load-balancer: "), run.output
    for colour in ("Blue", "Green"):
        arn = outputs[f"TargetGroupArn{colour}"]
        first = lines.index(f"~ TargetGroup{colour}  AWS::ElasticLoadBalancingV2::TargetGroup  {arn}")
        assert lines[first + 1] == "TargetGroupAttributes.0.Value: 10 → 20"
    # CloudFormation cannot exclude that a target group's name changes with it, and alarms and the dashboard bear it.
    others = [line for line in lines if not line.startswith("~ ") and not line.startswith("TargetGroupAttributes")]
    assert [line for line in others if not line.endswith("known after apply")] == []
    assert run.changed == 1
    assert everything(deployed.cloud) == before


def test_a_plan_of_another_log_retention_replaces_nothing(deployed: Deployed) -> None:
    run = deployed.cloud.playbook("site.yml", "--check", "--diff", variables={"fleet_log_retention_days": 3})
    assert run.status == 0, run.output
    assert "RetentionInDays: 1 → 3" in plan_lines(run), run.output
    assert "may be replaced" not in run.output


def test_a_plan_of_another_address_adds_it_and_takes_no_link_for_run_out(deployed: Deployed) -> None:
    new = "second@example.com"
    variables = {"load_balancer_alert_emails": ["operator@example.com", new]}
    run = deployed.cloud.playbook("site.yml", "--check", "--diff", variables=variables)
    assert run.status == 0, run.output
    added = "+ AlertSubscriptionsecondexamplecom  AWS::SNS::Subscription"
    assert [line for line in plan_lines(run) if line.startswith("+ ")] == [added], run.output
    assert (run.changed, "had run out" in run.output) == (1, False), run.output


def test_a_plan_of_an_empty_account_names_what_only_an_apply_can_tell(cloud: Cloud) -> None:
    before = everything(cloud)
    run = cloud.playbook("site.yml", "--check", "--diff", variables={"app_name": "blank"})
    assert run.status == 0, run.output
    lines = run.output.splitlines()
    for stack, needed in {
        "blank-local-load-balancer": ["VpcId", "SubnetIds", "CertificateArn"],
        "blank-local-fleet-blue": [
            "VpcId",
            "SubnetIds",
            "TargetGroupArn",
            "LoadBalancerSecurityGroupId",
            "ImageDigest",
        ],
    }.items():
        (start,) = (index for index, line in enumerate(lines) if line.startswith(f"{stack}: "))
        plan = []
        for line in lines[start + 1 :]:
            if not line.startswith("  "):
                break
            plan.append(line.strip())
        for name in needed:
            assert f"{name}: known after apply" in plan, run.output
        assert [line for line in plan if line.startswith("+ ")], run.output
    assert everything(cloud) == before


def test_a_change_of_network_is_refused_by_resource_property_and_variable(deployed: Deployed) -> None:
    before = everything(deployed.cloud)
    run = deployed.cloud.playbook(STACKS, variables={"network_cidr": "10.99.0.0/16"})
    assert run.status != 0
    message = " ".join(run.output.split())
    assert "hello-local-network: refused." in message
    assert re.search(
        r"Vpc \(AWS::EC2::VPC\) (would|may) be replaced because of CidrBlock, and it carries traffic\. "
        r"To allow it: stack_allow_replace_or_delete: \[Vpc\]",
        message,
    ), message
    assert everything(deployed.cloud) == before

    balancer = deployed.cloud.playbook(STACKS, variables={"load_balancer_application_port": 8081})
    assert balancer.status != 0
    message = " ".join(balancer.output.split())
    assert re.search(r"TargetGroupBlue \(\S+\) (would|may) be replaced because of Port,", message), message
    assert everything(deployed.cloud) == before


def test_a_topic_is_replaced_or_deleted_only_by_name_and_a_secret_never_shown(cloud: Cloud) -> None:
    created = cloud.playbook(ONE_STACK, "--diff", "-vvv", variables=guarded())
    assert created.status == 0, created.output
    shown = created.output.replace(_command_line(created), "")
    for changed in (guarded(TopicName="second"), {**guarded(), "one_stack_template": "guarded_without_topic"}):
        refused = cloud.playbook(ONE_STACK, variables=changed)
        assert refused.status != 0
        assert "To allow it: stack_allow_replace_or_delete: [Topic]" in " ".join(refused.output.split())
        assert "first" in topics(cloud)

    planned = cloud.playbook(ONE_STACK, "--check", "--diff", variables=guarded(Password=f"{SECRET}-2"))
    assert planned.status == 0, planned.output
    assert re.search(r"^ +Value: \*+ → \*+", planned.output, re.MULTILINE), planned.output
    assert SECRET not in planned.output
    assert SECRET not in shown

    other = {"stack_allow_replace_or_delete": ["SomethingElse"]}
    still_refused = cloud.playbook(ONE_STACK, variables={**guarded(TopicName="second"), **other})
    assert still_refused.status != 0
    allowed = {"stack_allow_replace_or_delete": ["Topic"]}
    replaced = cloud.playbook(ONE_STACK, variables={**guarded(TopicName="second"), **allowed})
    assert replaced.status == 0, replaced.output
    assert {"first", "second"} & topics(cloud) == {"second"}


def test_what_outlives_a_release_is_protected_against_deletion(deployed: Deployed) -> None:
    cloudformation = deployed.cloud.client("cloudformation")
    protected = {
        stack["StackName"]: stack["EnableTerminationProtection"]
        for stack in cloudformation.describe_stacks()["Stacks"]
        if stack["StackName"] in ("hello-registry", "hello-local-network", "hello-local-load-balancer")
    }
    assert protected == dict.fromkeys(("hello-registry", "hello-local-network", "hello-local-load-balancer"), True)
    with pytest.raises(cloudformation.exceptions.ClientError, match="TerminationProtection"):
        cloudformation.delete_stack(StackName="hello-local-network")

    # Taken away by hand, it is a change like any other.
    cloudformation.update_termination_protection(StackName="hello-local-network", EnableTerminationProtection=False)
    plan = deployed.cloud.playbook(STACKS, "--check", "--diff")
    assert plan_lines(plan) == ["hello-local-network: termination protection: off → on"], plan.output
    run = deployed.cloud.playbook(STACKS)
    assert (run.status, run.changed) == (0, 1), run.output
    (stack,) = cloudformation.describe_stacks(StackName="hello-local-network")["Stacks"]
    assert stack["EnableTerminationProtection"] is True


def test_the_plan_of_the_environment_holds_its_drift(deployed: Deployed) -> None:
    before = everything(deployed.cloud)
    balancing = deployed.cloud.client("elbv2")
    group = deployed.outputs("hello-local-load-balancer")["TargetGroupArnGreen"]

    def delay(seconds: str) -> None:
        balancing.modify_target_group_attributes(
            TargetGroupArn=group,
            Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": seconds}],
        )

    clean = deployed.cloud.playbook("playbooks/plan.yml", "--check", "--diff")
    assert (clean.status, clean.changed) == (0, 0), clean.output
    assert plan_lines(clean) == [], clean.output
    for stack in ("bootstrap", "registry", "local-network", "local-load-balancer", "local-fleet-blue"):
        assert f"\nhello-{stack}: no drift\n" in clean.output
    assert "\nhello-local-fleet-green does not exist\n" in clean.output
    delay("77")
    try:
        drifted = deployed.cloud.playbook("playbooks/plan.yml", "--check", "--diff")
    finally:
        delay("10")
    assert (drifted.status, drifted.changed) == (0, 0), drifted.output
    lines = plan_lines(drifted)
    assert lines[0] == "hello-local-load-balancer: 1 resource to look at", drifted.output
    assert lines[1].startswith("TargetGroupGreen  AWS::ElasticLoadBalancingV2::TargetGroup  differs from its template")
    assert re.fullmatch(r"TargetGroupAttributes\S*: template .*10.* → found .*77.*", lines[2]), lines
    assert len(lines) == 3
    assert everything(deployed.cloud) == before


def test_the_accounts_stack_is_compared_in_its_own_region(deployed: Deployed) -> None:
    elsewhere = {"aws_region": "eu-west-1", "bootstrap_region": REGION}
    plan = deployed.cloud.playbook("playbooks/plan.yml", "--check", "--diff", variables=elsewhere)
    assert plan.status == 0, plan.output
    assert "\nhello-bootstrap: no drift\n" in plan.output
    assert "\nhello-local-network does not exist\n" in plan.output


def test_a_plan_that_may_change_something_is_refused(deployed: Deployed) -> None:
    before = everything(deployed.cloud)
    run = deployed.cloud.playbook("playbooks/plan.yml", variables={"load_balancer_deregistration_delay_seconds": 20})
    assert run.status != 0
    assert "--check --diff" in run.output
    assert everything(deployed.cloud) == before


def _command_line(run: PlaybookRun) -> str:
    """Where -vvv repeats the extra variables."""
    return next((line for line in run.output.splitlines() if "extra_vars" in line), "")
