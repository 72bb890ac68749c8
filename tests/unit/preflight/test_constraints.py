"""What a template would refuse is refused before anything is made, and no parameter goes unchecked unnoticed."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from tests.cloud import PROJECT
from tests.templates import load

sys.path.append(str(PROJECT / "roles" / "stack" / "module_utils"))
sys.path.insert(0, str(PROJECT / "roles" / "preflight" / "python"))

import constraints
import specifications

ENVIRONMENTS = sorted(path.name for path in (PROJECT / "inventories").iterdir())
LOADER = DataLoader()


def read(path: Path) -> Any:
    return LOADER.load_from_file(str(path), trusted_as_template=True)


ROLES = specifications.load(PROJECT / "roles", read)
USES = constraints.uses(
    PROJECT / "roles", PROJECT / "cloudformation", {name for role in ROLES for name in role.options}
)

# What only the run finds out, or a release decides.
UNCHECKED = {
    ("fleet.yml", "AlertTopicArn"),
    ("fleet.yml", "ImageDigest"),
    ("fleet.yml", "LoadBalancerSecurityGroupId"),
    ("fleet.yml", "Release"),
    ("fleet.yml", "ReleaseAlarmNames"),
    ("fleet.yml", "RepositoryArn"),
    ("fleet.yml", "RepositoryUri"),
    ("fleet.yml", "SubnetIds"),
    ("fleet.yml", "TargetGroupArn"),
    ("fleet.yml", "VpcId"),
    ("load_balancer.yml", "SubnetIds"),
    ("load_balancer.yml", "WeightBlue"),
    ("load_balancer.yml", "WeightGreen"),
}


def values_of(environment: str) -> dict[str, Any]:
    """Values of an inventory, with every default, and with their templates resolved."""
    inventory = read(PROJECT / "inventories" / environment / "group_vars" / "all.yml")
    given = specifications.given(ROLES, inventory)
    # The local inventory asks its machine; lookups are a run's.
    machine = {"local_is_arm": False, "local_endpoint": "", "local_state_dir": ""}
    templar = Templar(loader=LOADER, variables=inventory | given | machine)
    return {name: templar.template(value) for name, value in given.items()}


def broken(values: Mapping[str, Any], passed_over: Collection[str] = ()) -> list[tuple[str, str]]:
    templar = Templar(loader=LOADER, variables=values)
    return constraints.broken(
        USES, values, lambda expression: templar.template(trust_as_template(expression)), passed_over
    )


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return values_of("staging")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_environments_pass(environment: str) -> None:
    assert broken(values_of(environment)) == []


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("app_name", "h", "app_name 'h': 2-256 lower-case letters and digits, joined by single . _ - or /."),
        ("app_name", "a--b", "app_name 'a--b': 2-256 lower-case letters and digits, joined by single . _ - or /."),
        ("load_balancer_application_port", 80, "load_balancer_application_port 80: a port from 1024 to 65535."),
        (
            "load_balancer_alert_emails",
            ["ops@example.com", "o'brien@example.com"],
            'load_balancer_alert_emails[1] "o\'brien@example.com": comma-separated e-mail addresses, at least one',
        ),
        ("load_balancer_alert_emails", [], "load_balancer_alert_emails[0] '': comma-separated e-mail addresses"),
        ("load_balancer_healthy_threshold", 1, "load_balancer_healthy_threshold 1: a whole number from 2 to 10."),
        ("load_balancer_unhealthy_threshold", 11, "a whole number from 2 to 10."),
        ("load_balancer_deregistration_delay_seconds", 5000, "0 to 3600 seconds."),
        ("load_balancer_health_check_path", "healthz", "'healthz': a path that begins with a slash"),
        ("load_balancer_health_check_path", "/" + "a" * 255, "path (256 characters, as the template takes it): a path"),
        ("load_balancer_preview_header_name", "X_Fleet", "'X_Fleet': up to 40 letters, digits and hyphens"),
        (
            "load_balancer_ssl_policy",
            "ELBSecurityPolicy-2016-08",
            "a security policy that offers nothing below TLS 1.2.",
        ),
        ("load_balancer_ssl_policy", "", "load_balancer_ssl_policy '': the name of a security policy"),
        ("load_balancer_health_check_timeout_seconds", 150, "2 to 120 seconds."),
        ("certificate_arn", "foo", "certificate_arn 'foo': the ARN of a certificate in ACM"),
        ("registry_keep_images", 0, "registry_keep_images 0: a whole number from 1 to 1000."),
        ("registry_pull_account_ids", ["1234"], "registry_pull_account_ids[0] '1234': comma-separated account numbers"),
        ("fleet_root_volume_gib", 4, "fleet_root_volume_gib 4: 8 to 1024 GiB."),
        ("fleet_max_size", 600, "fleet_max_size 600: a whole number from 1 to 500."),
        ("fleet_max_size", "600", "fleet_max_size '600': a whole number from 1 to 500."),
        ("fleet_instance_warmup_seconds", 4000, "0 to 3600 seconds."),
        ("fleet_launch_timeout_seconds", 8000, "60 to 7200 seconds."),
        ("fleet_log_retention_days", 2, "one of the numbers of days that CloudWatch Logs knows."),
        ("load_balancer_latency_seconds", float("nan"), "0.01 to 4000 seconds."),
        ("network_cidr", "10.20.0.0/255.255.0.0", "an IPv4 range like 10.20.0.0/16, between /16 and /22."),
        ("app_environment", {"A": "x" * 4000}, "app_environment (5336 characters, as the template takes it): base64"),
        ("app_secrets", {"A": "x" * 4000}, "app_secrets (5336 characters, as the template takes it): base64"),
    ],
)
def test_what_a_template_refuses_is_refused(values: dict[str, Any], name: str, value: Any, sentence: str) -> None:
    ((variable, found),) = broken(values | {name: value})
    assert variable == name
    assert found.startswith(name)
    assert sentence in found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("certificate_arn", ""),
        ("certificate_arn", "arn:aws:acm:eu-central-1:111111111111:certificate/0-1"),
        ("registry_pull_account_ids", []),
        ("registry_pull_account_ids", ["111122223333", "444455556666"]),
        ("load_balancer_deletion_protection", "yes"),
        ("load_balancer_latency_seconds", 0.01),
        ("fleet_max_size", "500"),
        ("network_vpc_id", "default"),
        ("app_environment", {}),
        ("app_environment", {"A": 1, "B": True, "C": "a=b"}),
    ],
)
def test_what_the_templates_take_passes(values: dict[str, Any], name: str, value: Any) -> None:
    assert broken(values | {name: value}) == []


def test_what_has_been_said_is_not_said_again(values: dict[str, Any]) -> None:
    bad = values | {"app_name": "h", "fleet_max_size": 600}
    assert [name for name, _ in broken(bad, passed_over={"app_name"})] == ["fleet_max_size"]


def test_every_parameter_is_checked_or_known_to_be_none_of_the_inventorys() -> None:
    given = {
        (template, parameter)
        for template, parameters in constraints.given_parameters(PROJECT / "roles")
        for parameter in parameters
    }
    assert given - {(use.template, use.parameter) for use in USES} == UNCHECKED
    # No task that gives parameters was overlooked.
    assert given >= {
        (f"{role.name}.yml", name)
        for role in ROLES
        if (PROJECT / "cloudformation" / f"{role.name}.yml").is_file()
        for name, declared in load(f"{role.name}.yml")["Parameters"].items()
        if "Default" not in declared
    }


@pytest.mark.parametrize(
    ("expression", "variable"),
    [
        ("{{ a_b }}", "a_b"),
        ("{{ a_b | join(',') }}", "a_b"),
        ("{{ (a_b | default({})).items() | map('join', '=') | b64encode }}", "a_b"),
        ("{{ a_used_b }}", "a_b"),
        ("{{ a_used_b | default('kept') }}", None),
        ("{{ outputs['Arn' ~ a_b] }}", None),
        ("{{ a_b ~ c_d }}", None),
        ("{{ fact }}", None),
        ("100", None),
    ],
)
def test_an_expression_is_understood_by_the_one_variable_in_it(expression: str, variable: str | None) -> None:
    assert constraints.used_variable(expression, {"a_b", "c_d"}) == variable


def test_what_is_used_is_the_variable_where_that_is_given() -> None:
    texts = "\n".join(path.read_text() for path in sorted(PROJECT.glob("roles/*/*/*.yml")))
    for use in USES:
        if use.is_optional:
            used = use.expression.strip("{} ")
            assert re.search(rf'{used}: (>-\s+)?"?\{{\{{ {use.variable} (or|\}}\}})', texts), used


@pytest.mark.parametrize("path", sorted((PROJECT / "cloudformation").glob("*.yml")), ids=lambda path: path.name)
def test_declarations_are_read_as_they_stand(path: Path) -> None:
    assert constraints.declarations(path) == load(path.name)["Parameters"]
