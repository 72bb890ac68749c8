"""Runs the aws_read task in the controller's own process (options: modules/aws_read.py).

A module would be packed, sent and started for every question; here botocore is loaded once for all of them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

# The stack role's package has the session: credentials and endpoint of the play, clients, retries.
sys.path.append(str(Path(__file__).resolve().parents[2] / "roles" / "stack" / "module_utils"))

from cloudformation_stack import session
from cloudformation_stack.controller_action import ControllerAction, ask
from cloudformation_stack.errors import StackError

# Ansible loads this class before it forks a worker for each task, so no worker imports botocore anew.
session.warm_up()

READING = ("describe_", "get_", "list_", "batch_get_")


class ActionModule(ControllerAction):
    """The action; see modules/aws_read.py for its documentation."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "service": {"type": "str", "required": True},
        "operation": {"type": "str", "required": True},
        "arguments": {"type": "dict", "default": {}},
        "missing": {"type": "list", "elements": "str", "default": []},
        "region": {"type": "str"},
        "awaited": {"type": "str", "default": ""},
    }

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        operation = options["operation"]
        if not operation.startswith(READING):
            raise StackError(f"aws_read only reads: {operation} does not begin with {', '.join(READING)}.")
        client = self.clients(options["region"])(options["service"])
        if not hasattr(client, operation):
            raise StackError(f"{options['service']} has no operation {operation}.")
        answer = ask(client, operation, options["arguments"], options["missing"])
        result = {"answer": answer, "found": answer != {}}
        # Where `until` gives up, Ansible knows no other reason, and would say "Unknown error.".
        return result | ({"msg": f"Not there yet: {options['awaited']}"} if options["awaited"] else {})
