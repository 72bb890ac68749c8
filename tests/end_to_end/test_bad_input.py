"""Bad input: one clear sentence before anything is created, and an exit code that is not 0."""

from __future__ import annotations

import shutil
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import REGION, Cloud
from tests.end_to_end.conftest import everything


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"fleet_min_szie": 3}, "fleet_min_szie: did you mean fleet_min_size?"),
        ({"fleet_min_size": "two"}, "fleet_min_size must be int, got 'two'."),
        ({"fleet_min_size": 9}, "fleet_min_size (9) must not exceed fleet_max_size (4)."),
        ({"image_platform": "linux/arm64", "fleet_instance_type": "t3.micro"}, "t3.micro runs linux/amd64"),
        ({"load_balancer_healthy_threshold": 1}, "load_balancer_healthy_threshold 1: a whole number from 2 to 10."),
        ({"certificate_arn": "foo"}, "certificate_arn 'foo': the ARN of a certificate in ACM"),
        ({"app_environment": {"A": "x" * 4000}}, "base64 without line breaks, at most 4096 characters."),
        (
            {
                "fleet_max_size": 300,
                "fleet_instance_type": "{{ 't4g.xlarge' if local_is_arm | bool else 't3.xlarge' }}",
            },
            "instances' is 1024 in us-east-1: 1200 needed (fleet_max_size 300 × 4 vCPUs of t",
        ),
        (
            {"load_balancer_alert_emails": ["nobody"]},
            "load_balancer_alert_emails[0] 'nobody': comma-separated e-mail addresses",
        ),
        ({"image_engine": "docker"}, "No container engine works on this machine: install podman"),
    ],
    ids=[
        "unknown variable",
        "wrong type",
        "min > max",
        "platform",
        "template's bounds",
        "certificate",
        "too long",
        "quota",
        "e-mail",
        "engine",
    ],
)
def test_is_refused_before_anything_is_created(
    cloud: Cloud, tmp_path: Path, variables: dict[str, Any], sentence: str
) -> None:
    before = everything(cloud)
    # A PATH without any engine where the engine is the question.
    uname = shutil.which("uname")
    assert uname
    (tmp_path / "uname").symlink_to(uname)
    environment = {"PATH": str(tmp_path)} if "image_engine" in variables else {}
    run = cloud.playbook("site.yml", variables={"env_name": "bad", **variables}, environment=environment)
    assert run.status != 0
    assert sentence in " ".join(run.output.split())
    assert everything(cloud) == before


def test_credentials_of_another_account_are_refused(cloud: Cloud) -> None:
    before = everything(cloud)
    keys = {
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "999999999999",
        "AWS_SECRET_ACCESS_KEY": "a-key-of-no-real-account",
    }
    run = cloud.playbook("site.yml", variables={"env_name": "bad", "controller_environment": keys})
    assert run.status != 0
    sentence = "These credentials belong to account 999999999999, and bad is account 000000000000."
    assert sentence in " ".join(run.output.split())
    assert everything(cloud) == before


def test_credentials_that_end_too_soon_are_refused(cloud: Cloud) -> None:
    before = everything(cloud)
    given = cloud.client("sts").get_session_token()["Credentials"]
    keys = {
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "AWS_CREDENTIAL_EXPIRATION": (datetime.now(UTC) + timedelta(minutes=20, seconds=30)).isoformat(),
    }
    run = cloud.playbook("site.yml", variables={"env_name": "bad", "controller_environment": keys})
    assert run.status != 0
    said = " ".join(run.output.split())
    assert "These credentials end in 20 minutes" in said
    assert "and a run may wait 50 minutes (stack_timeout_seconds)" in said
    assert given["SecretAccessKey"] not in run.output
    assert everything(cloud) == before


def test_the_sentence_names_file_and_line(cloud: Cloud, tmp_path: Path) -> None:
    inventory = tmp_path / "inventory"
    (inventory / "group_vars").mkdir(parents=True)
    original = Path("inventories/local")
    (inventory / "hosts.yml").write_text((original / "hosts.yml").read_text())
    text = (original / "group_vars/all.yml").read_text()
    (inventory / "group_vars/all.yml").write_text(text + "fleet_max_szie: 3\n")
    run = cloud.playbook("site.yml", inventory=str(inventory))
    assert run.status != 0
    assert "fleet_max_szie: did you mean fleet_max_size?" in run.output
    assert f"{inventory}/group_vars/all.yml:{len(text.splitlines()) + 1}" in run.output


@pytest.mark.parametrize("arguments", [(), ("--limit", "there")], ids=["all", "one of them"])
def test_two_regions_of_one_name_are_refused_before_aws_is_asked(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    inventory = tmp_path / "inventory"
    shutil.copytree("inventories/local", inventory)
    hosts = (inventory / "hosts.yml").read_text()
    own = hosts[hosts.index("    local:") :]
    (inventory / "hosts.yml").write_text(hosts + own.replace("local:", "there:", 1))
    (inventory / "host_vars").mkdir()
    (inventory / "host_vars/there.yml").write_text("aws_region: eu-central-1\n")
    down = Cloud(tmp_path, port=4598, address_block="127.99.0.0/16")
    run = down.playbook("site.yml", *arguments, inventory=str(inventory))
    assert run.status != 0
    assert "are both env_name local of app_name hello in account 000000000000" in " ".join(run.output.split())
    (inventory / "host_vars/there.yml").write_text("aws_region: eu-central-1\nenv_name: localeu\n")
    assert "make localcloud" in down.playbook("site.yml", *arguments, inventory=str(inventory)).output


def test_a_port_that_is_taken_is_named_with_its_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        outcome = Cloud(tmp_path / "state", port=port, address_block="127.99.0.0/16").command("up")
    assert outcome.returncode != 0
    message = outcome.stdout + outcome.stderr
    assert f"127.0.0.1:{port}" in message
    assert "--port" in message
    assert "Traceback" not in message


def test_no_engine_is_one_sentence_that_names_the_package(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path / "state", port=4599, address_block="127.99.0.0/16")
    outcome = cloud.command("up", environment={"PATH": str(tmp_path)})
    assert outcome.returncode != 0
    message = outcome.stdout + outcome.stderr
    assert "podman" in message
    assert "Traceback" not in message


def test_a_cloud_that_is_not_up_is_named(tmp_path: Path) -> None:
    run = Cloud(tmp_path, port=4598, address_block="127.99.0.0/16").playbook("site.yml")
    assert run.status != 0
    assert "make localcloud" in run.output
