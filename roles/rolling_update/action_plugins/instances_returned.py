"""Action: the instances that served before, where CloudFormation may not bring them back itself."""

from __future__ import annotations

import base64
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

# The stack role's package has the session: credentials and endpoint of the play, clients, retries.
sys.path.append(str(Path(__file__).resolve().parents[2] / "stack" / "module_utils"))

from cloudformation_stack.controller_action import ControllerAction, ask
from cloudformation_stack.errors import StackError, error_code

POLL_SECONDS = 2.0
ACTIVE = ("Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress")


class ActionModule(ControllerAction):
    """Options: C(group); C(launch_template), its id; C(digest) and C(machine_image) of what served, the latter empty
    where history does not have it; C(min_healthy) and C(max_healthy) in percent; C(warmup) and C(timeout) in seconds.

    An instance refresh without alarms, because those that ring do so for the instances it takes away. No module starts
    one towards an older version of a launch template.
    """

    ARGUMENTS: ClassVar[dict[str, Any]] = {
        **{name: {"type": "str", "required": True} for name in ("group", "launch_template", "digest")},
        "machine_image": {"type": "str", "default": ""},
        **{name: {"type": "int", "required": True} for name in ("min_healthy", "max_healthy", "warmup", "timeout")},
    }

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        if self._task.check_mode:
            return {"skipped": True}
        clients = self.clients()
        version = newest_with(clients("ec2"), options["launch_template"], options["digest"], options["machine_image"])
        client = clients("autoscaling")
        try:
            started = client.start_instance_refresh(
                AutoScalingGroupName=options["group"],
                DesiredConfiguration={
                    "LaunchTemplate": {"LaunchTemplateId": options["launch_template"], "Version": version}
                },
                Preferences={
                    "MinHealthyPercentage": options["min_healthy"],
                    "MaxHealthyPercentage": options["max_healthy"],
                    "InstanceWarmup": options["warmup"],
                    "SkipMatching": True,
                },
            )["InstanceRefreshId"]
        except Exception as error:  # botocore's are told; anything else is a bug with its trace
            if not error_code(error):
                raise
            raise StackError(f"The instances of {options['group']} were not brought back: {error}") from error
        self._wait(client, options, started)
        return {"changed": True, "version": version}

    def _wait(self, client: Any, options: dict[str, Any], refresh_id: str) -> None:
        deadline = time.monotonic() + options["timeout"]
        while True:
            (refresh,) = ask(
                client,
                "describe_instance_refreshes",
                {"AutoScalingGroupName": options["group"], "InstanceRefreshIds": [refresh_id]},
            )["InstanceRefreshes"]
            if refresh["Status"] == "Successful":
                return
            if refresh["Status"] not in ACTIVE or time.monotonic() > deadline:
                raise StackError(
                    f"The instances of {options['group']} were not brought back within {options['timeout']} s: "
                    f"instance refresh {refresh_id} is {refresh['Status']}. {refresh.get('StatusReason', '')}"
                )
            time.sleep(POLL_SECONDS)


def newest_with(client: Any, launch_template: str, digest: str, machine_image: str = "") -> str:
    """Number of the newest version that boots this machine image, any where it is empty, and whose user data pulls this
    image: a release that is a machine image has its predecessor's digest.

    :raises StackError: there is none.
    """
    versions = ask(client, "describe_launch_template_versions", {"LaunchTemplateId": launch_template})
    for version in sorted(versions["LaunchTemplateVersions"], key=lambda item: -int(item["VersionNumber"])):
        data = version["LaunchTemplateData"]
        user_data = base64.b64decode(data.get("UserData", "")).decode("utf-8", "replace")
        if digest in user_data and machine_image in ("", data.get("ImageId")):
            return str(version["VersionNumber"])
    raise StackError(
        f"No version of the launch template {launch_template} has the image {digest}"
        f"{' on the machine image ' + machine_image if machine_image else ''}, which served before."
    )
