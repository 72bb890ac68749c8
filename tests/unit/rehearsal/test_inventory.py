"""An environment's own inventory decides everything but what must be local."""

from __future__ import annotations

import json
import shutil
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.instance_types import instance_type
from rehearsal import environment, inventory
from rehearsal.cloud import Cloud, Place, Terms
from rehearsal.environment import PROJECT
from rehearsal.errors import RehearsalError
from rehearsal.inventory import TOOLS, local_variables

PLACE = Place(4590, "127.120.0.0/16", StringIO())
ENVIRONMENTS = sorted(folder.name for folder in (PROJECT / "inventories").iterdir())
LOCAL = {
    "controller_environment",
    "preflight_account_hint",
    "registry_account_id",
    "image_platform",
    "image_base",
    "image_pip_ca_file",
    "fleet_instance_type",
    "app_environment",
}


@pytest.fixture
def clean(tmp_path: Path) -> dict[str, str]:
    return environment.clean(tmp_path, PLACE.endpoint, "000000000000", "us-east-1")


def written(name: str) -> dict[str, Any]:
    values = yaml.safe_load((PROJECT / "inventories" / name / "group_vars" / "all.yml").read_text())
    assert isinstance(values, dict)
    return values


def test_production_is_read_with_its_own_account(clean: dict[str, str]) -> None:
    found = inventory.read("production", clean)
    expected = written("production")
    assert (found.account, found.region) == (expected["aws_account_id"], expected["aws_region"])
    assert (found.app_name, found.env_name, found.host) == ("hello", "production", "production")


@pytest.mark.parametrize("name", ["nowhere", "../inventories/production", "", "-x"])
def test_an_environment_that_is_not_there_is_refused_with_those_that_are(name: str, clean: dict[str, str]) -> None:
    with pytest.raises(RehearsalError, match="local, production, staging"):
        inventory.read(name, clean)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_only_what_must_be_local_is_swapped(name: str, clean: dict[str, str], tmp_path: Path) -> None:
    """Asked of Ansible itself, with the variables as a rehearsal passes them."""
    found = inventory.read(name, clean)
    cloud = Cloud(tmp_path, PLACE, Terms(found.account, found.region, 5), clean)
    given = local_variables(found, cloud)
    assert set(given) == LOCAL
    asked = json.dumps({"msg": {key: "{{ " + key + " }}" for key in {*written(name), *LOCAL}}})
    words = [
        str(TOOLS / "ansible"),
        found.host,
        "-i",
        str(found.path),
        "-e",
        json.dumps(given),
        "-m",
        "debug",
        "-a",
        asked,
    ]
    answer = subprocess.run(
        words,
        cwd=PROJECT,
        env={**clean, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    values = json.loads(answer[answer.index("{") :])["msg"]
    for key, value in written(name).items():
        if key not in LOCAL and "{{" not in str(value):
            assert values[key] == value, key
    aws = values["controller_environment"]
    assert aws["AWS_ENDPOINT_URL"] == PLACE.endpoint
    assert aws["AWS_ACCESS_KEY_ID"] == values["aws_account_id"] == values["registry_account_id"]
    kind = instance_type(values["fleet_instance_type"])
    assert kind, "The local cloud knows the type."
    assert values["image_platform"] == {"x86_64": "linux/amd64", "arm64": "linux/arm64"}[kind.architecture]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize(
    "name", ["t3.small", "t3a.micro", "t4g.small", "m7i.large", "m8g.xlarge", "c6g.large", "c5.4xlarge"]
)
def test_a_type_of_the_other_architecture_is_swapped_for_its_twin(
    name: str, machine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    read = inventory.Inventory(
        tmp_path, "x", {"aws_account_id": "1" * 12, "fleet_instance_type": name, "app_environment": {"A": "b"}}
    )
    given = local_variables(read, Cloud(tmp_path, PLACE, Terms("1" * 12, "us-east-1", 1), {}))
    asked, swapped = instance_type(name), instance_type(given["fleet_instance_type"])
    assert asked
    assert swapped
    assert swapped.architecture == {"x86_64": "x86_64", "aarch64": "arm64"}[machine]
    assert (swapped.cpus, swapped.memory) == (asked.cpus, asked.memory)
    assert given["app_environment"] == {"A": "b", "EXERCISE_ROUTES": "1"}


def test_an_inventory_without_a_target_is_refused(
    tmp_path: Path, clean: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(PROJECT / "inventories" / "staging", tmp_path / "inventories" / "staging")
    (tmp_path / "inventories" / "staging" / "hosts.yml").write_text("others:\n  hosts:\n    x:\n")
    monkeypatch.setattr(inventory, "PROJECT", tmp_path)
    with pytest.raises(RehearsalError, match="no host in the group targets"):
        inventory.read("staging", clean)
