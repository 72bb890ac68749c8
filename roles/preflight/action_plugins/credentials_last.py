"""Action: refuse credentials that end before the longest wait of a run. Sends nothing."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

# The stack role's package has the session: credentials and endpoint of the play.
sys.path.append(str(Path(__file__).resolve().parents[2] / "stack" / "module_utils"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "python"))

from cloudformation_stack import session
from cloudformation_stack.errors import StackError
from expiry import judge


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible ships no types
    """Option: C(seconds), the longest wait. Warns where nobody can tell."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(argument_spec={"seconds": {"type": "int", "required": True}})
        play: dict[str, Any] = {}
        self._compute_environment_string(play)
        try:
            found = session.Clients(session.connection({}, play, os.environ)).credentials()
        except StackError as error:
            return {**result, "failed": True, "msg": error.message}
        if found is None:
            return result
        # Those that a play names are not the process', whose expiration says nothing about them.
        source = play if "AWS_ACCESS_KEY_ID" in play else os.environ
        judgement = judge(
            found.method,
            bool(found.token),
            str(source.get("AWS_CREDENTIAL_EXPIRATION") or ""),
            datetime.now(UTC),
            timedelta(seconds=options["seconds"]),
        )
        if judgement.warning:
            result["warnings"] = [judgement.warning]
        if judgement.refusal:
            result.update(failed=True, msg=judgement.refusal)
        return result
