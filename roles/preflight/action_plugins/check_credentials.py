"""Action: refuse credentials that are another account's, or that end before the longest wait of a run. Reads only."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

# The stack role's package has the session: credentials and endpoint of the play.
sys.path.append(str(Path(__file__).resolve().parents[2] / "stack" / "module_utils"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "python"))

from cloudformation_stack import session
from cloudformation_stack.controller_action import ControllerAction, ask
from cloudformation_stack.errors import StackError
from expiry import judge

# Ansible loads this class before it forks a process for each task: no process imports botocore anew.
session.warm_up()


class ActionModule(ControllerAction):
    """Options: C(environment_name) and C(account), which it belongs to; C(hint), what to do where AWS does not answer;
    C(inventory), where the account is set; C(seconds), the longest wait. Warns where nobody can tell when they end.
    """

    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "environment_name": {"type": "str", "required": True},
        "account": {"type": "str", "required": True},
        "hint": {"type": "str", "required": True},
        "inventory": {"type": "str", "required": True},
        "seconds": {"type": "int", "required": True},
    }

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        clients, play = self.clients(), self.play_environment()
        name, account = options["environment_name"], options["account"]
        try:
            caller = ask(clients("sts"), "get_caller_identity", {})
        except StackError as error:
            endpoint = play.get("AWS_ENDPOINT_URL", "its public endpoints")
            raise StackError(
                f"AWS does not answer for {name} at {endpoint}: {error.message}. {options['hint']}"
            ) from error
        warnings = self._see_that_they_last(clients, play, options["seconds"])
        if caller["Account"] != account:
            raise StackError(
                f"These credentials belong to account {caller['Account']}, and {name} is account {account}. Use the "
                f"credentials of {name}, or correct aws_account_id in {options['inventory']}/group_vars/all.yml."
            )
        return {"warnings": warnings} if warnings else {}

    @staticmethod
    def _see_that_they_last(clients: session.Clients, play: dict[str, Any], seconds: int) -> list[str]:
        found = clients.credentials()
        if found is None:
            return []
        # Those that a play names are not the process', whose expiration says nothing about them.
        source = play if "AWS_ACCESS_KEY_ID" in play else os.environ
        judgement = judge(
            found.method,
            bool(found.token),
            str(source.get("AWS_CREDENTIAL_EXPIRATION") or ""),
            datetime.now(UTC),
            timedelta(seconds=seconds),
        )
        if judgement.refusal:
            raise StackError(judgement.refusal)
        return [judgement.warning] if judgement.warning else []
