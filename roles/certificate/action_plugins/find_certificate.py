"""Action: the certificate in ACM that bears a name. Reads only."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

# The stack role's package has the session: credentials and endpoint of the play, clients, retries.
sys.path.append(str(Path(__file__).resolve().parents[2] / "stack" / "module_utils"))

from cloudformation_stack.controller_action import ControllerAction, ask

# Without a key type, ACM lists RSA certificates only (API reference: ListCertificates, Filters).
KEY_TYPES = ["EC_prime256v1"]


def find(acm: Any, name: str) -> dict[str, Any]:
    """ACM's summary of the first certificate whose tag Name it is, empty without one."""
    listed = ask(acm, "list_certificates", {"Includes": {"keyTypes": KEY_TYPES}})
    for summary in listed["CertificateSummaryList"]:
        # One that is deleted meanwhile has no tags any more.
        where = {"CertificateArn": summary["CertificateArn"]}
        tags = ask(acm, "list_tags_for_certificate", where, missing=["ResourceNotFoundException"])
        if {"Key": "Name", "Value": name} in tags.get("Tags", []):
            found: dict[str, Any] = summary
            return found
    return {}


class ActionModule(ControllerAction):
    """Option: C(name), the value of its tag Name. Returns C(summary), ACM's own, and C(pem); empty without one."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {"name": {"type": "str", "required": True}}

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        acm = self.clients()("acm")
        summary = find(acm, options["name"])
        if not summary:
            return {"summary": {}, "pem": ""}
        held = ask(acm, "get_certificate", {"CertificateArn": summary["CertificateArn"]})
        return {"summary": summary, "pem": held["Certificate"]}
