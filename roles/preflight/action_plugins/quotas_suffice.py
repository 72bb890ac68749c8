"""Action: refuse a deployment that a quota of the account would stop half-way. Reads only.

A run that brings nothing about that is not there yet asks for the fleet's stack and nothing else.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

# The stack role's package has the session: credentials and endpoint of the play.
sys.path.append(str(Path(__file__).resolve().parents[2] / "stack" / "module_utils"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "python"))

from cloudformation_stack.controller_action import ControllerAction, ask
from cloudformation_stack.errors import StackError
from quotas import Wanted, examine


class ActionModule(ControllerAction):
    """Options: what is to be brought about (quotas.Wanted). Warns about what could not be asked."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "region": {"type": "str", "required": True},
        "fleet_stack": {"type": "str", "required": True},
        "network_stack": {"type": "str", "required": True},
        "load_balancer_stack": {"type": "str", "required": True},
        "instance_type": {"type": "str", "required": True},
        "max_size": {"type": "int", "required": True},
    }

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        clients = self.clients()
        findings = examine(
            lambda service, operation, arguments: ask(clients(service), operation, arguments), Wanted(**options)
        )
        if findings.refusals:
            raise StackError(" ".join(findings.refusals))
        return {"warnings": findings.notes} if findings.notes else {}
