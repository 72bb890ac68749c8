"""Rules between variables: the good values pass, each bad one gives one sentence that names the variable."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

PREFLIGHT = Path(__file__).resolve().parents[3] / "roles" / "preflight"
sys.path.insert(0, str(PREFLIGHT / "python"))

import rules  # noqa: E402
import specifications  # noqa: E402

ROLES = specifications.load(PREFLIGHT.parent)


@pytest.fixture
def values() -> dict[str, Any]:
    """Staging's values as its inventory has them, with every default."""
    inventory = PREFLIGHT.parent.parent / "inventories" / "staging" / "group_vars" / "all.yml"
    given: dict[str, Any] = specifications.given(ROLES, yaml.safe_load(inventory.read_text(encoding="utf-8")))
    return given | {"registry_account_id": given["aws_account_id"]}


def test_staging_is_sane(values: dict[str, Any]) -> None:
    assert specifications.wrong_values(ROLES, values) == []
    assert rules.broken(values) == []


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("env_name", "my-env", "env_name must be"),
        ("aws_account_id", "12345", "12 digits"),
        ("fleet_min_size", 9, "fleet_min_size (9) must not exceed fleet_max_size (3)."),
        ("fleet_min_size", 0, "at least 1"),
        ("fleet_max_healthy_percent", 201, "at most 100 above fleet_min_healthy_percent (100), got 201"),
        ("load_balancer_health_check_timeout_seconds", 30, "less than load_balancer_health_check_interval_seconds"),
        ("fleet_ready_timeout_seconds", 100, "must exceed fleet_launch_timeout_seconds (300)"),
        ("fleet_instance_type", "t4g.micro", "runs linux/arm64, and image_platform is linux/amd64"),
        ("fleet_instance_type", "micro", "is not the name of an EC2 instance type"),
        ("load_balancer_alert_emails", [], "at least one address"),
        ("load_balancer_alert_emails", ["a.b@example.com", "ab@example.com"], "differ in punctuation only"),
        ("fleet_cpu_credits", "none", "must be standard or unlimited for t3.micro"),
        ("network_cidr", "10.20.0.0", "from /16 to /22"),
        ("network_cidr", "10.20.0.1/16", "CIDR notation"),
        ("load_balancer_ingress_cidr", "everywhere", "CIDR notation"),
        ("network_vpc_id", "my-vpc", "a VPC's id"),
        ("network_vpc_id", "vpc-1234", "network_subnet_ids must name public subnets"),
        ("network_subnet_ids", ["subnet-1"], "only together with"),
        ("certificate_renew_days", 400, "must be less than certificate_valid_days (397)"),
        ("stack_timeout_seconds", 0, "stack_timeout_seconds must be more than 0, got 0."),
        ("release_steps", [10, 100, 50], "must ascend"),
    ],
)
def test_one_sentence_names_what_is_wrong(values: dict[str, Any], name: str, value: Any, sentence: str) -> None:
    assert any(sentence in finding for _, finding in rules.broken(values | {name: value}))


def target(**others: str) -> dict[str, str]:
    return {"aws_account_id": "111111111111", "app_name": "hello", "env_name": "staging"} | others


def test_two_targets_of_one_name_are_refused() -> None:
    targets = {"here": target(), "there": target(), "elsewhere": target(env_name="stagingeu")}
    ((name, sentence),) = rules.shared_name("there", targets)
    assert name == "env_name"
    assert sentence.startswith("there and here are both env_name staging of app_name hello in account 111111111111")
    assert "own env_name, in host_vars/<target>.yml" in sentence


@pytest.mark.parametrize("own", [{"env_name": "stagingeu"}, {"app_name": "other"}, {"aws_account_id": "222222222222"}])
def test_targets_are_told_apart_by_environment_application_or_account(own: dict[str, str]) -> None:
    assert rules.shared_name("here", {"here": target(), "there": target(**own)}) == []


def test_a_target_whose_name_nobody_knows_is_no_other_s() -> None:
    assert rules.shared_name("here", {"here": target(), "there": {"aws_account_id": "111111111111"}}) == []


@pytest.mark.parametrize(
    ("kind", "platform"),
    [
        ("t3.micro", "linux/amd64"),
        ("t4g.small", "linux/arm64"),
        ("c7gn.xlarge", "linux/arm64"),
        ("m8gd.2xlarge", "linux/arm64"),
        ("g5.xlarge", "linux/amd64"),
        ("g5g.xlarge", "linux/arm64"),
        ("a1.medium", "linux/arm64"),
        ("m7i-flex.large", "linux/amd64"),
    ],
)
def test_graviton_types_are_told_by_their_name(values: dict[str, Any], kind: str, platform: str) -> None:
    credits = "standard" if kind.startswith("t") else "none"
    types = {"fleet_instance_type": kind, "image_platform": platform, "fleet_cpu_credits": credits}
    assert rules.broken(values | types) == []


def test_unknown_names_get_a_suggestion(values: dict[str, Any]) -> None:
    findings = specifications.unknown_names(
        ROLES, values | {"fleet_min_szie": 2, "unrelated": 1, "app_nothing_alike_": 1}
    )
    assert [sentence for _, sentence in findings] == [
        "app_nothing_alike_: no role has a variable of this name.",
        "fleet_min_szie: did you mean fleet_min_size?",
    ]


def test_roles_own_names_are_not_taken_for_unknown(values: dict[str, Any]) -> None:
    assert specifications.unknown_names(ROLES, {"network_stack_name": "x", "certificate_tags": {}}) == []


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("fleet_min_size", "two", "fleet_min_size must be int, got 'two'."),
        (
            "fleet_cpu_credits",
            "infinite",
            "fleet_cpu_credits must be one of standard, unlimited, none, got 'infinite'.",
        ),
        ("load_balancer_deletion_protection", "perhaps", "must be bool"),
        ("image_platform", "linux/riscv64", "one of linux/amd64, linux/arm64"),
    ],
)
def test_types_and_choices(values: dict[str, Any], name: str, value: Any, sentence: str) -> None:
    findings = specifications.wrong_values(ROLES, values | {name: value})
    assert len(findings) == 1
    assert sentence in findings[0][1]


def test_what_is_required_is_missed(values: dict[str, Any]) -> None:
    del values["fleet_instance_type"]
    assert specifications.wrong_values(ROLES, values)[0][1].startswith(
        "fleet_instance_type is not set: EC2 instance type."
    )


def test_the_place_of_a_value_is_told(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    file = tmp_path / "group_vars" / "all.yml"
    file.write_text("app_name: hello\nfleet_min_size: 9\n", encoding="utf-8")
    sources = specifications.Sources([tmp_path], command_line={"fleet_max_size": 1})
    assert sources.place("fleet_min_size") == f"{file}:2"
    assert sources.place("fleet_max_size") == "set on the command line"
    assert sources.place("network_cidr") == f"a default; set it in {tmp_path}/group_vars/all.yml"
