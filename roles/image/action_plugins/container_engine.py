"""Action: find the container engine that works, and the base image in it."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from ansible.plugins.action import ActionBase

ENGINES = ("podman", "docker")


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible ships no types
    """Options: C(engine), the one to take (default the first of podman and docker that works); C(base_image).

    Returns C(engine) and C(base_id), the base image's id in the engine, empty where it is not there.
    Changes nothing.
    """

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(
            argument_spec={"engine": {"type": "str", "default": ""}, "base_image": {"type": "str", "default": ""}}
        )
        play: dict[str, Any] = {}
        self._compute_environment_string(play)
        environment = os.environ | {name: str(value) for name, value in play.items()}

        # A listing of the base image shows that the engine works as well as its `info` does, in less time.
        question = ["image", "inspect", "--format", "{{.Id}}", options["base_image"]]
        for engine in [options["engine"]] if options["engine"] else ENGINES:
            if options["base_image"]:
                there, said = _run([engine, *question], environment)
                if there:
                    result.update(engine=engine, base_id=said)
                    return result

        refusals = []
        for engine in [options["engine"]] if options["engine"] else ENGINES:
            works, said = _run([engine, "info"], environment)
            if works:
                result["engine"] = engine
                break
            refusals.append(f"{engine}: {said}")
        else:
            result["failed"] = True
            result["msg"] = (
                "No container engine works on this machine: install podman (apt-get install podman) or start docker. "
                + " / ".join(refusals)
            )
            return result
        result["base_id"] = ""
        return result


def _run(command: list[str], environment: dict[str, str]) -> tuple[bool, str]:
    """Whether a command succeeded, and what it printed then, or its last line of complaint."""
    try:
        outcome = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        return False, "not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    if outcome.returncode == 0:
        return True, outcome.stdout.strip()
    return False, (outcome.stderr.strip().splitlines() or [f"status {outcome.returncode}"])[-1]
