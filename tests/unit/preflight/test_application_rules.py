"""What the application is told: what the boot script would refuse is refused before there is an instance."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from tests.cloud import PROJECT

sys.path.insert(0, str(PROJECT / "roles" / "preflight" / "python"))

import application_rules

VALUES = {
    "app_name": "hello",
    "env_name": "staging",
    "aws_region": "eu-west-1",
    "aws_account_id": "111111111111",
    "app_environment": {"LOG_LEVEL": "info"},
    "app_secrets": {},
}
ARN = "secretsmanager:arn:aws:secretsmanager:eu-west-1:111111111111:secret:hello/staging/token-a1B2c3"


def broken(**changes: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = application_rules.broken(VALUES | changes)
    return found


@pytest.mark.parametrize("reference", ["ssm:/hello/staging/token", ARN, ARN.replace("arn:aws:", "arn:aws-cn:", 1)])
def test_references_that_the_instances_may_read_pass(reference: str) -> None:
    assert broken(app_secrets={"TOKEN": reference}) == []


@pytest.mark.parametrize(
    "reference",
    [
        "ssm:/hello/production/token",
        "ssm:/hello/staging/",
        "ssm:/hello/stagingtoken",
        "ssm:/token",
        ARN.replace("hello/staging", "hello/production"),
        ARN.replace("eu-west-1", "us-east-1"),
        ARN.replace("111111111111", "222222222222"),
        "secretsmanager:arn:aws:ssm:eu-west-1:111111111111:parameter/hello/staging/token",
    ],
)
def test_references_that_they_may_not_read_are_refused(reference: str) -> None:
    (finding,) = broken(app_secrets={"TOKEN": reference})
    assert finding == (
        "app_secrets",
        "app_secrets.TOKEN must begin with ssm:/hello/staging/, or be the ARN of a secret of account 111111111111 in "
        "eu-west-1 whose name begins with hello/staging/: instances may read no other.",
    )


def test_a_secret_given_by_mistake_is_not_shown() -> None:
    (finding,) = broken(app_secrets={"PASSWORD": "hunter2"})
    assert "app_secrets.PASSWORD must be ssm:/path" in finding[1]
    assert "hunter2" not in str(finding)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"app_environment": {"MY-NAME": "x"}}, "not the name of an environment variable"),
        ({"app_environment": {"A": "x\ny"}}, "more than one line"),
        ({"app_environment": {"APP_PORT": 80}}, "app_environment holds APP_PORT, which the boot script sets itself."),
        ({"app_secrets": {"APP_ENV": ARN}}, "app_secrets holds APP_ENV, which the boot script sets itself."),
        ({"app_secrets": {"AWS_SECRET_ACCESS_KEY": ARN}}, "holds AWS_SECRET_ACCESS_KEY, a name that the tools"),
        ({"app_secrets": {"https_proxy": ARN}}, "holds https_proxy, a name that the tools"),
        ({"app_secrets": {"LOG_LEVEL": ARN}}, "app_secrets holds LOG_LEVEL, and app_environment does as well."),
    ],
)
def test_one_sentence_names_what_is_wrong(changes: dict[str, Any], sentence: str) -> None:
    (finding,) = broken(**changes)
    assert sentence in finding[1]


def test_names_that_only_a_secret_may_not_have_pass_as_settings() -> None:
    assert broken(app_environment={"HOME": "/tmp", "APP_TITLE": "x"}) == []


def test_the_names_are_those_that_the_boot_script_sets() -> None:
    own, reserved = application_rules.refused_names()
    assert set(own) == set(re.findall(r"-e (APP_\w+)=", application_rules.FLEET.read_text(encoding="utf-8")))
    assert {"PATH", "AWS_*"} < set(reserved)
