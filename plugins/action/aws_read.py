"""Runs the aws_read task in the controller's own process (options: modules/aws_read.py).

A module would be packed, sent and started for every question; here botocore is loaded once for all of them.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

# The stack role's package has the session: credentials and endpoint of the play, clients, retries.
sys.path.append(str(Path(__file__).resolve().parents[2] / "roles" / "stack" / "module_utils"))

from cloudformation_stack import session
from cloudformation_stack.controller_action import ControllerAction
from cloudformation_stack.errors import StackError

# Ansible loads this class before it forks a worker for each task, so no worker imports botocore anew.
session.warm_up()

READING = ("describe_", "get_", "list_", "batch_get_")


def plain(value: Any) -> Any:
    """An answer in the types that Ansible passes on: moments as ISO 8601 text, bytes as text."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


class ActionModule(ControllerAction):
    """The action; see modules/aws_read.py for its documentation."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "service": {"type": "str", "required": True},
        "operation": {"type": "str", "required": True},
        "arguments": {"type": "dict", "default": {}},
        "missing": {"type": "list", "elements": "str", "default": []},
        "region": {"type": "str"},
    }

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        answer = self._ask(options)
        return {"answer": answer, "found": answer != {}}

    def _ask(self, options: dict[str, Any]) -> Any:
        from botocore import exceptions  # noqa: PLC0415  # after the session has said that it is missing

        operation = options["operation"]
        if not operation.startswith(READING):
            raise StackError(f"aws_read only reads: {operation} does not begin with {', '.join(READING)}.")
        client = self.clients(options["region"])(options["service"])
        call = getattr(client, operation, None)
        if call is None:
            raise StackError(f"{options['service']} has no operation {operation}.")
        try:
            if client.can_paginate(operation):
                answer = client.get_paginator(operation).paginate(**options["arguments"]).build_full_result()
            else:
                answer = call(**options["arguments"])
        except exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            if code in options["missing"]:
                return {}
            raise StackError(f"{options['service']} {operation}: {error}") from error
        except exceptions.BotoCoreError as error:
            raise StackError(f"{options['service']} {operation}: {error}") from error
        answer.pop("ResponseMetadata", None)
        return plain(answer)
