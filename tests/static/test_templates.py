"""The templates keep the promises that no linter knows of."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint import api  # type: ignore[import-untyped]
from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

from tests.templates import load, nodes

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "cloudformation").glob("*.yml"))
NAMES = [path.name for path in TEMPLATES]

# CloudFormation itself looks these up in the account, more strictly than a pattern could.
LOOKED_UP = re.compile(r"AWS::EC2::|List<AWS::EC2::")

# Actions that AWS can not limit to resources.
# https://docs.aws.amazon.com/service-authorization/latest/reference/ (ecr, ssmmessages), and Session Manager's
# own minimal policy for UpdateInstanceInformation.
WITHOUT_RESOURCES = {
    "ecr:GetAuthorizationToken",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
}


def resources(name: str, kind: str) -> list[dict[str, Any]]:
    """Return the resources of a type, those inside loops included."""
    found = [node for node in nodes(load(name)["Resources"]) if node.get("Type") == kind]
    assert found, f"{name} has no {kind}"
    return found


def only(name: str, kind: str) -> dict[str, Any]:
    """Return the only resource of a type."""
    (resource,) = resources(name, kind)
    return resource


def attributes(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Turn a list of Key and Value into a mapping."""
    return {entry["Key"]: entry["Value"] for entry in entries}


def user_data() -> str:
    """Return the boot script as it stands in the template."""
    data = only("fleet.yml", "AWS::EC2::LaunchTemplate")["Properties"]["LaunchTemplateData"]["UserData"]
    text: str = data["Fn::Base64"]["Fn::Sub"]
    return text


def gunicorn(setting: str) -> int:
    """Return a figure of the application server's configuration."""
    match = re.search(rf"^{setting} = (\d+)$", (ROOT / "app" / "gunicorn.conf.py").read_text(), re.MULTILINE)
    assert match, f"app/gunicorn.conf.py does not set {setting} to a plain number"
    return int(match[1])


def test_all_are_here() -> None:
    assert {"bootstrap.yml", "registry.yml", "network.yml", "load_balancer.yml", "fleet.yml"} <= set(NAMES)


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_lint_is_clean(path: Path) -> None:
    matches = api.lint(path.read_text(), config=ManualArgs(regions=["us-east-1", "eu-central-1"]))
    assert [f"{path.name}:{match.linenumber} {match.rule.id} {match.message}" for match in matches] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_get_template_returns_it_as_it_stands(path: Path) -> None:
    """CloudFormation puts `?` in the place of anything beyond ASCII: every run would need a change set to compare."""
    assert path.read_text(encoding="utf-8").isascii()


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_no_rule_is_ignored(path: Path) -> None:
    assert not any({"cfn-lint", "cfn_nag", "checkov"} & set(node) for node in nodes(load(path.name)))
    assert not list(ROOT.glob(".cfnlintrc*"))


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_every_parameter_is_described_and_bounded(path: Path) -> None:
    for name, parameter in load(path.name)["Parameters"].items():
        assert len(parameter["Description"]) > 10, name
        assert parameter.get("ConstraintDescription"), name
        if parameter["Type"] == "Number":
            assert "AllowedValues" in parameter or {"MinValue", "MaxValue"} <= set(parameter), name
        elif not LOOKED_UP.match(parameter["Type"]):
            assert "AllowedValues" in parameter or "AllowedPattern" in parameter, name


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_defaults_are_within_their_own_bounds(path: Path) -> None:
    for name, parameter in load(path.name)["Parameters"].items():
        if "Default" not in parameter:
            continue
        default = parameter["Default"]
        if "AllowedPattern" in parameter:
            assert re.fullmatch(parameter["AllowedPattern"], default), name
        assert default in parameter.get("AllowedValues", [default]), name
        if "MinValue" in parameter:
            assert parameter["MinValue"] <= default <= parameter["MaxValue"], name


def test_shared_parameters_are_the_same_everywhere() -> None:
    first: dict[str, tuple[str, Any]] = {}
    for name in NAMES:
        for parameter, definition in load(name)["Parameters"].items():
            bounds = {key: value for key, value in definition.items() if not key.endswith("Description")}
            seen_in, seen = first.setdefault(parameter, (name, bounds))
            assert bounds == seen, f"{parameter} differs between {seen_in} and {name}"


@pytest.mark.parametrize(
    ("name", "parameter", "good", "bad"),
    [
        ("network.yml", "Cidr", ["10.0.0.0/16", "192.168.4.0/22"], ["10.0.0.0/15", "10.0.0.0/24", "256.0.0.0/16", ""]),
        ("load_balancer.yml", "IngressCidr", ["0.0.0.0/0", "203.0.113.7/32"], ["0.0.0.0/33", "0.0.0.0", "::/0"]),
        ("load_balancer.yml", "AlertEmails", ["a.b+c@example.com"], ["", "a@b", "a b@example.com", "a@@example.com"]),
        ("load_balancer.yml", "SslPolicy", ["ELBSecurityPolicy-TLS13-1-3-2021-06"], ["ELBSecurityPolicy-2016-08"]),
        ("registry.yml", "PullAccountIds", ["", "111122223333"], ["1111", "arn:aws:iam::111122223333:root"]),
        ("fleet.yml", "ImageDigest", ["sha256:" + "0" * 64], ["latest", "sha256:0", "sha256:" + "G" * 64]),
        ("fleet.yml", "ApplicationEnvironment", ["", "QT0x", "QQ=="], ["A=1", "QQ=", "QT0x\n", "Q"]),
        ("fleet.yml", "Release", ["r1", "2026-11-22.3"], ["", "a b", "a'b", "a$b", "-r"]),
        ("fleet.yml", "RepositoryUri", ["127.0.0.1:4570/hello", "1.dkr.ecr.eu-west-1.amazonaws.com/a"], ["a", "h/a@b"]),
        ("fleet.yml", "InstanceType", ["t4g.small", "u-6tb1.56xlarge"], ["small", "t3.micro;"]),
    ],
)
def test_patterns_tell_good_from_bad(name: str, parameter: str, good: list[str], bad: list[str]) -> None:
    pattern = load(name)["Parameters"][parameter]["AllowedPattern"]
    assert [value for value in good if not re.fullmatch(pattern, value)] == []
    assert [value for value in bad if re.fullmatch(pattern, value)] == []


def test_nothing_that_enters_the_boot_script_can_leave_its_quotes() -> None:
    parameters = load("fleet.yml")["Parameters"]
    names = set(re.findall(r"\$\{([^}!]+)\}", user_data()))
    assert names - {"LogGroup"} <= set(parameters)
    for name in names - {"LogGroup"}:  # which is made of AppName, EnvName and Colour
        parameter = parameters[name]
        if parameter["Type"] == "Number" or "AllowedValues" in parameter:
            continue
        for text in ("a'b", "'", "a\nb", "a/b'", "a:b/c'", "'QQ="):
            assert not re.fullmatch(parameter["AllowedPattern"], text), name


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_neither_ssh_nor_plain_http_is_open_anywhere(path: Path) -> None:
    for node in nodes(load(path.name)["Resources"]):
        for key in {"FromPort", "ToPort", "Port"} & set(node):
            port = node[key]
            assert port in (443, {"Ref": "ApplicationPort"}), f"{key}: {port}"
        assert node.get("IpProtocol", "tcp") == "tcp"
        assert "KeyName" not in node
    for name, parameter in load(path.name)["Parameters"].items():
        assert "Port" not in name or parameter.get("Default") not in (22, 80)


def test_clients_reach_the_load_balancer_only_and_by_https_only() -> None:
    front = only("load_balancer.yml", "AWS::EC2::SecurityGroup")["Properties"]
    (ingress,) = front["SecurityGroupIngress"]
    assert (ingress["FromPort"], ingress["ToPort"], ingress["CidrIp"]) == (443, 443, {"Ref": "IngressCidr"})
    (egress,) = front["SecurityGroupEgress"]
    assert egress["FromPort"] == egress["ToPort"] == {"Ref": "ApplicationPort"}
    machines = only("fleet.yml", "AWS::EC2::SecurityGroup")["Properties"]
    (ingress,) = machines["SecurityGroupIngress"]
    assert ingress["SourceSecurityGroupId"] == {"Ref": "LoadBalancerSecurityGroupId"}
    assert not {"CidrIp", "CidrIpv6", "SourcePrefixListId"} & set(ingress)
    (listener,) = resources("load_balancer.yml", "AWS::ElasticLoadBalancingV2::Listener")
    assert (listener["Properties"]["Port"], listener["Properties"]["Protocol"]) == (443, "HTTPS")
    assert listener["Properties"]["SslPolicy"] == {"Ref": "SslPolicy"}


def test_load_balancer_and_target_groups_behave_as_releases_need() -> None:
    balancer = only("load_balancer.yml", "AWS::ElasticLoadBalancingV2::LoadBalancer")["Properties"]
    assert "Name" not in balancer
    assert attributes(balancer["LoadBalancerAttributes"]) == {
        "deletion_protection.enabled": {"Ref": "DeletionProtection"},
        "idle_timeout.timeout_seconds": "60",
        "client_keep_alive.seconds": "3600",
        "routing.http2.enabled": "true",
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "routing.http.desync_mitigation_mode": "strictest",
    }
    target_group = only("load_balancer.yml", "AWS::ElasticLoadBalancingV2::TargetGroup")["Properties"]
    assert "Name" not in target_group
    assert attributes(target_group["TargetGroupAttributes"]) == {
        "deregistration_delay.timeout_seconds": {"Ref": "DeregistrationDelaySeconds"},
        "load_balancing.algorithm.type": "least_outstanding_requests",
        "stickiness.enabled": "false",
    }


def test_each_colour_has_weight_and_preview_rule() -> None:
    listener = only("load_balancer.yml", "AWS::ElasticLoadBalancingV2::Listener")["Properties"]
    (action,) = listener["DefaultActions"]
    assert action["ForwardConfig"] == {
        "TargetGroups": [
            {"TargetGroupArn": {"Ref": "TargetGroupBlue"}, "Weight": {"Ref": "WeightBlue"}},
            {"TargetGroupArn": {"Ref": "TargetGroupGreen"}, "Weight": {"Ref": "WeightGreen"}},
        ],
        "TargetGroupStickinessConfig": {"Enabled": False},
    }
    rules = [rule["Properties"] for rule in resources("load_balancer.yml", "AWS::ElasticLoadBalancingV2::ListenerRule")]
    previews = {
        rule["Conditions"][0]["HttpHeaderConfig"]["Values"][0]: rule["Actions"][0]["TargetGroupArn"] for rule in rules
    }
    assert previews == {"blue": {"Ref": "TargetGroupBlue"}, "green": {"Ref": "TargetGroupGreen"}}


def test_topic_takes_messages_from_alarms_of_its_own_account_only() -> None:
    statements = only("load_balancer.yml", "AWS::SNS::TopicPolicy")["Properties"]["PolicyDocument"]["Statement"]
    (alarms,) = (one for one in statements if one["Effect"] == "Allow")
    assert (alarms["Principal"], alarms["Action"]) == ({"Service": "cloudwatch.amazonaws.com"}, "sns:Publish")
    source = {"Fn::Sub": "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"}
    account = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert alarms["Condition"] == {"StringEquals": account, "ArnLike": {"aws:SourceArn": source}}
    (insecure,) = (one for one in statements if one["Effect"] == "Deny")
    assert (insecure["Principal"], insecure["Condition"]) == ("*", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_topics_key_lets_alarms_of_its_own_account_in() -> None:
    key = only("load_balancer.yml", "AWS::KMS::Key")
    topic = only("load_balancer.yml", "AWS::SNS::Topic")["Properties"]
    assert topic["KmsMasterKeyId"]["Fn::If"][:2] == [key["Condition"], {"Ref": "NotificationsKey"}]
    assert key["Properties"]["EnableKeyRotation"] is True
    administrators, alarms = key["Properties"]["KeyPolicy"]["Statement"]
    assert administrators["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert set(alarms["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_images_are_immutable_scanned_and_kept_while_history_can_return_to_them() -> None:
    repository = only("registry.yml", "AWS::ECR::Repository")
    properties = repository["Properties"]
    assert properties["ImageTagMutability"] == "IMMUTABLE"
    assert properties["ImageScanningConfiguration"] == {"ScanOnPush": True}
    # teardown_registry=true removes what is left in it
    assert (repository["DeletionPolicy"], properties["EmptyOnDelete"]) == ("Delete", True)
    text = properties["LifecyclePolicy"]["LifecyclePolicyText"]["Fn::Sub"].replace("${KeepImages}", "30")
    rules = sorted(json.loads(text)["rules"], key=lambda rule: rule["rulePriority"])
    assert rules[0]["selection"]["tagPrefixList"] == ["release-"]
    assert rules[0]["selection"]["countNumber"] > 1000
    assert rules[1]["selection"] == {
        "tagStatus": "tagged",
        "tagPatternList": ["*"],
        "countType": "imageCountMoreThan",
        "countNumber": 30,
    }
    assert rules[2]["selection"]["tagStatus"] == "untagged"


def test_machines_are_hardened() -> None:
    data = only("fleet.yml", "AWS::EC2::LaunchTemplate")["Properties"]["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    (volume,) = data["BlockDeviceMappings"]
    assert (volume["Ebs"]["VolumeType"], volume["Ebs"]["Encrypted"]) == ("gp3", True)


def test_group_is_replaced_by_refresh_and_keeps_the_size_it_has() -> None:
    group = only("fleet.yml", "AWS::AutoScaling::AutoScalingGroup")
    properties = group["Properties"]
    assert "DesiredCapacity" not in properties
    assert properties["HealthCheckType"] == "ELB"
    assert properties["LaunchTemplate"]["Version"] == {"Fn::GetAtt": ["LaunchTemplate", "LatestVersionNumber"]}
    percentages = {key: {"Ref": key} for key in ("MinHealthyPercentage", "MaxHealthyPercentage")}
    assert properties["InstanceMaintenancePolicy"] == percentages
    assert group["UpdatePolicy"] == {
        "AutoScalingInstanceRefresh": {
            "Strategy": "Rolling",
            "Preferences": percentages
            | {
                "InstanceWarmup": {"Ref": "InstanceWarmupSeconds"},
                "SkipMatching": True,
                "AlarmSpecification": {
                    "Fn::If": ["HasReleaseAlarms", {"Alarms": {"Ref": "ReleaseAlarmNames"}}, {"Ref": "AWS::NoValue"}]
                },
                "BakeTime": {"Ref": "BakeSeconds"},
            },
        }
    }


def test_role_names_what_it_may_touch() -> None:
    properties = only("fleet.yml", "AWS::IAM::Role")["Properties"]
    assert "ManagedPolicyArns" not in properties
    assert "RoleName" not in properties
    statements = [node for node in nodes(properties["Policies"]) if "Effect" in node]
    assert len(statements) >= 5
    for statement in statements:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert not any("*" in action for action in actions), statement
        if statement["Resource"] == "*":
            assert set(actions) <= WITHOUT_RESOURCES, statement


def test_secrets_of_other_applications_and_environments_are_out_of_reach() -> None:
    statements = [node for node in nodes(only("fleet.yml", "AWS::IAM::Role")["Properties"]) if "Effect" in node]
    readable = {
        statement["Action"]: statement["Resource"]["Fn::Sub"]
        for statement in statements
        if statement["Action"] in ("ssm:GetParameter", "secretsmanager:GetSecretValue")
    }
    assert readable["ssm:GetParameter"].endswith(":parameter/${AppName}/${EnvName}/*")
    assert readable["secretsmanager:GetSecretValue"].endswith(":secret:${AppName}/${EnvName}/*")


def test_hook_outlasts_the_script_that_answers_it() -> None:
    (hook,) = only("fleet.yml", "AWS::AutoScaling::AutoScalingGroup")["Properties"]["LifecycleHookSpecificationList"]
    assert hook["HeartbeatTimeout"] == {"Ref": "LaunchTimeoutSeconds"}
    assert (hook["LifecycleTransition"], hook["DefaultResult"]) == ("autoscaling:EC2_INSTANCE_LAUNCHING", "ABANDON")
    assert f"--lifecycle-hook-name {hook['LifecycleHookName']} " in user_data()
    deadline = re.search(r"deadline=\$\(\( \$\{LaunchTimeoutSeconds\} \* (\d+) / (\d+) \)\)", user_data())
    assert deadline
    assert int(deadline[1]) < int(deadline[2])


def test_group_name_is_the_one_that_role_and_script_know() -> None:
    name = only("fleet.yml", "AWS::AutoScaling::AutoScalingGroup")["Properties"]["AutoScalingGroupName"]["Fn::Sub"]
    assert f"--auto-scaling-group-name '{name}'" in user_data()
    (resource,) = [
        statement["Resource"]["Fn::Sub"]
        for statement in nodes(only("fleet.yml", "AWS::IAM::Role"))
        if statement.get("Action") == "autoscaling:CompleteLifecycleAction"
    ]
    assert resource.endswith(f":autoScalingGroupName/{name}")


def test_timeouts_of_the_way_down_are_in_order() -> None:
    stop = re.search(r"--stop-timeout (\d+) ", user_data())
    assert stop
    assert gunicorn("graceful_timeout") < int(stop[1])
    delay = load("load_balancer.yml")["Parameters"]["DeregistrationDelaySeconds"]["Default"]
    assert delay >= gunicorn("graceful_timeout")


def test_load_balancer_closes_idle_connections_first() -> None:
    balancer = only("load_balancer.yml", "AWS::ElasticLoadBalancingV2::LoadBalancer")["Properties"]
    idle = int(attributes(balancer["LoadBalancerAttributes"])["idle_timeout.timeout_seconds"])
    assert idle < gunicorn("keepalive")


def test_script_waits_for_what_the_load_balancer_asks() -> None:
    assert 'url="http://$private_ip:$port${HealthCheckPath}"' in user_data()


STATEFUL = {"AWS::DynamoDB::Table", "AWS::ECR::Repository", "AWS::Logs::LogGroup"}


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_stateful_resources_say_what_becomes_of_their_state(path: Path) -> None:
    for node in nodes(load(path.name)["Resources"]):
        if node.get("Type") in STATEFUL:
            assert {"DeletionPolicy", "UpdateReplacePolicy"} <= set(node), node["Type"]
