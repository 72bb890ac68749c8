"""What a run decides from the fleet that it finds, the lock and the history: one host for each case, in one play."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
import yaml

from tests.cloud import PROJECT, TOOLS

GOOD, NEW = "sha256:good", "sha256:new"
IMAGE = "ami-1"
LOCKED = "2026-11-27T12:00:00Z"
EARLIER, LATER = "2026-11-27T11:00:00Z", "2026-11-27T12:05:00Z"


def fleet(digest: str = GOOD, status: str = "UPDATE_COMPLETE", at: str = EARLIER) -> dict[str, Any]:
    """As the stack role leaves it in stack_result."""
    return {
        "exists": status != "",
        "status": status,
        "last_operation": at,
        "parameters": {"ImageDigest": digest, "MachineImageId": IMAGE},
        "outputs": {"GroupName": "hello"},
    }


def record(digest: str, result: str, machine_image: str = IMAGE) -> dict[str, str]:
    return {"digest": digest, "result": result, "machine_image": machine_image}


def lock(digest: str) -> dict[str, str]:
    return {"digest": digest, "since": LOCKED}


NOTHING = {"is_due": False, "was_undone": False, "replaces": False}
RELEASE = {"is_due": True, "was_undone": False, "replaces": True}
FINISH = {"is_due": True, "was_undone": False, "replaces": False}

# What is found, then what is wanted, then what is decided.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[dict[str, str]], str, dict[str, bool]]] = {
    "what is wanted serves": (fleet(), {}, [record(GOOD, "succeeded")], GOOD, NOTHING),
    "another image": (fleet(), {}, [record(GOOD, "succeeded")], NEW, RELEASE),
    "the first fleet": (fleet(status=""), {}, [], NEW, FINISH),
    "a first fleet that never came to be": (fleet(NEW, "ROLLBACK_COMPLETE"), {}, [record(NEW, "failed")], NEW, FINISH),
    "a first fleet of which there is a plan": (fleet(NEW, "REVIEW_IN_PROGRESS"), lock(NEW), [], NEW, FINISH),
    "killed before anything was changed": (fleet(at=EARLIER), lock(NEW), [record(NEW, "in progress")], NEW, RELEASE),
    "killed, and deployed since": (fleet(NEW, at=LATER), lock(NEW), [record(NEW, "in progress")], NEW, FINISH),
    "killed, and undone since": (
        fleet(GOOD, "UPDATE_ROLLBACK_COMPLETE", LATER),
        lock(NEW),
        [record(NEW, "in progress")],
        NEW,
        {"is_due": True, "was_undone": True, "replaces": True},
    ),
    "killed after an older release was undone": (
        fleet(GOOD, "UPDATE_ROLLBACK_COMPLETE", EARLIER),
        lock(NEW),
        [record(NEW, "in progress")],
        NEW,
        RELEASE,
    ),
    "undone, and what served is wanted": (
        fleet(GOOD, "UPDATE_ROLLBACK_COMPLETE", LATER),
        {},
        [record(NEW, "failed"), record(GOOD, "succeeded")],
        GOOD,
        NOTHING,
    ),
    "deployed, but its smoke test failed": (fleet(NEW), {}, [record(NEW, "failed")], NEW, FINISH),
    "deployed, but given up and unlocked": (fleet(NEW), {}, [record(NEW, "in progress")], NEW, FINISH),
    "the same image failed on another machine image": (
        fleet(GOOD),
        {},
        [record(GOOD, "failed", "ami-2"), record(GOOD, "succeeded")],
        GOOD,
        NOTHING,
    ),
}

ROLES = PROJECT / "roles"
DECISIONS = tuple(NOTHING)


def play() -> dict[str, Any]:
    """The roles' own variables, and the fleet role's own note of what it found."""
    (note,) = (
        task["ansible.builtin.set_fact"]
        for task in yaml.safe_load((ROLES / "fleet/tasks/describe.yml").read_text())
        if "ansible.builtin.set_fact" in task
    )
    decisions = {name: "{{ __rolling_update_%s | bool }}" % name for name in DECISIONS}  # noqa: UP031 (braces)
    return {
        "hosts": "all",
        "gather_facts": False,
        "connection": "local",
        "vars_files": [
            str(ROLES / path)
            for path in ("fleet/defaults/main.yml", "fleet/vars/main.yml", "rolling_update/vars/main.yml")
        ],
        "tasks": [{"ansible.builtin.set_fact": note}, {"ansible.builtin.debug": {"msg": decisions}}],
    }


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bool]]:
    directory = tmp_path_factory.mktemp("decisions")
    hosts = {
        name.replace(" ", "_"): {
            "stack_result": found,
            "release_record_found": {"lock": held, "releases": history},
            "image_digest": wanted,
            "fleet_newest_machine_image_id": IMAGE,
        }
        for name, (found, held, history, wanted, _) in CASES.items()
    }
    (directory / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    (directory / "play.yml").write_text(json.dumps([play()]))
    run = subprocess.run(
        [TOOLS / "ansible-playbook", directory / "play.yml", "-i", directory / "hosts.json"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(directory), "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
             "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_NOCOLOR": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    found: dict[str, dict[str, bool]] = {}
    for part in run.stdout.split("ok: [")[1:]:
        name, _, rest = part.partition("]")
        if rest.startswith(" => "):
            found[name.replace("_", " ")] = json.JSONDecoder().raw_decode(rest[4:])[0]["msg"]
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_run_decides_what_is_to_be_done(decided: dict[str, dict[str, bool]], name: str) -> None:
    assert decided[name] == CASES[name][4]
