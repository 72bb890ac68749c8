"""Action: refuse credentials that end before the longest wait of a run. Sends nothing."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

# The stack role's package has the session: credentials and endpoint of the play.
sys.path.append(str(Path(__file__).resolve().parents[2] / "stack" / "module_utils"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "python"))

from cloudformation_stack.controller_action import ControllerAction
from cloudformation_stack.errors import StackError
from expiry import judge


class ActionModule(ControllerAction):
    """Option: C(seconds), the longest wait. Warns where nobody can tell."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {"seconds": {"type": "int", "required": True}}

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        found = self.clients().credentials()
        if found is None:
            return {}
        # Those that a play names are not the process', whose expiration says nothing about them.
        play = self.play_environment()
        source = play if "AWS_ACCESS_KEY_ID" in play else os.environ
        judgement = judge(
            found.method,
            bool(found.token),
            str(source.get("AWS_CREDENTIAL_EXPIRATION") or ""),
            datetime.now(UTC),
            timedelta(seconds=options["seconds"]),
        )
        if judgement.refusal:
            raise StackError(judgement.refusal)
        return {"warnings": [judgement.warning]} if judgement.warning else {}
