"""What is written down in two places says the same in both."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import ansible
import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.templates import load

PROJECT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.parent.parent for path in PROJECT.glob("roles/*/tasks/main.yml"))


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def required_collections() -> dict[str, SpecifierSet]:
    return {
        entry["name"]: SpecifierSet(entry["version"]) for entry in read(PROJECT / "requirements.yml")["collections"]
    }


@pytest.mark.parametrize("collection", required_collections())
def test_the_bundled_collection_is_in_the_required_range(collection: str) -> None:
    namespace, name = collection.split(".")
    manifest = Path(ansible.__file__).parent.parent / "ansible_collections" / namespace / name / "MANIFEST.json"
    bundled = Version(read(manifest)["collection_info"]["version"])
    assert bundled in required_collections()[collection]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_role_documents_every_default_and_no_other(role: Path) -> None:
    options = read(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults_file = role / "defaults" / "main.yml"
    defaults = read(defaults_file) if defaults_file.is_file() else {}
    assert set(defaults) <= set(options)
    for name, option in options.items():
        assert option.get("description"), name
        assert option.get("type"), name
        if "default" in option and name in defaults:
            assert defaults[name] == option["default"], name
        if name in defaults and "{{" not in str(defaults[name]):
            assert "default" in option, f"{name} has a default that its specification does not tell"


def test_a_role_that_owns_a_template_bears_its_name() -> None:
    templates = {path.stem for path in PROJECT.glob("cloudformation/*.yml")}
    assert templates <= {role.name for role in ROLES}


REQUIREMENTS = [
    *PROJECT.glob("requirements/*.txt"),
    PROJECT / "app/requirements.txt",
    PROJECT / "localcloud/machines/image/requirements.txt",
]


@pytest.mark.parametrize("requirements", REQUIREMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_requirement_files_are_hashed_and_name_no_index(requirements: Path) -> None:
    text = requirements.read_text(encoding="utf-8")
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)
    pinned = re.findall(r"^[A-Za-z0-9][^\s=]*==", text, re.MULTILINE)
    assert pinned
    assert text.count("--hash=sha256:") >= len(pinned)


def test_ansible_writes_nothing_into_the_project_and_leaves_awx_its_own() -> None:
    settings = configparser.ConfigParser()
    settings.read(PROJECT / "ansible.cfg")
    names = {name for section in settings.sections() for name in settings[section]}
    assert not names & {"log_path", "retry_files_enabled", "fact_caching", "local_tmp", "inventory", "stdout_callback"}
    assert settings["connection"]["pipelining"] == "true"


@pytest.mark.parametrize("name", ["staging", "production", "local"])
def test_environments_differ_where_they_should(name: str) -> None:
    values = read(PROJECT / f"inventories/{name}/group_vars/all.yml")
    others = [
        read(PROJECT / f"inventories/{other}/group_vars/all.yml")
        for other in {"staging", "production", "local"} - {name}
    ]
    for variable in ("env_name", "aws_account_id", "network_cidr", "load_balancer_alert_emails"):
        assert all(values[variable] != other[variable] for other in others), variable


def test_staging_and_production_differ_in_everything_that_tells_them_apart() -> None:
    staging, production = (
        read(PROJECT / f"inventories/{name}/group_vars/all.yml") for name in ("staging", "production")
    )
    for variable in (
        "fleet_instance_type",
        "fleet_min_size",
        "fleet_max_size",
        "fleet_cpu_alarm_percent",
        "fleet_log_retention_days",
        "load_balancer_alert_emails",
        "load_balancer_deletion_protection",
        "load_balancer_notifications_encrypted",
        "network_cidr",
        "aws_account_id",
        "release_strategy",
    ):
        assert staging[variable] != production[variable], variable


INVENTORIES = {path.parent.parent.name: read(path) for path in PROJECT.glob("inventories/*/group_vars/all.yml")}


@pytest.mark.parametrize("name", INVENTORIES)
def test_whose_images_an_environment_pulls_lets_its_account_in(name: str) -> None:
    own = INVENTORIES[name]["aws_account_id"]
    registry = INVENTORIES[name].get("registry_account_id", own)
    if registry == own:
        return
    owners = [values for values in INVENTORIES.values() if values["aws_account_id"] == registry]
    assert owners, f"no inventory is of account {registry}"
    for owner in owners:
        assert own in owner.get("registry_pull_account_ids", [])


def ecr_requests(node: Any) -> set[str]:
    """Operations that tasks ask of the account that has the registry."""
    if isinstance(node, list):
        return set().union(*map(ecr_requests, node))
    if not isinstance(node, dict):
        return set()
    if "registryId" in node.get("arguments", {}):
        return {node["operation"]}
    return ecr_requests(list(node.values()))


def test_the_registrys_policy_allows_what_other_accounts_ask_of_it() -> None:
    tasks = [*PROJECT.glob("roles/*/tasks/*.yml"), *PROJECT.glob("playbooks/**/*.yml")]
    asked = ecr_requests([read(path) for path in tasks])
    assert asked
    policy = load("registry.yml")["Resources"]["Repository"]["Properties"]["RepositoryPolicyText"]["Fn::If"][1]
    (statement,) = policy["Statement"]
    actions = {f"ecr:{operation.title().replace('_', '')}" for operation in asked}
    assert actions <= set(statement["Action"])
