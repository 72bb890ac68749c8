"""Credentials of instance roles, as the metadata service hands them out."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from ministack.services import iam, sts

from localcloud.control_plane.lock import LOCK
from localcloud.desired import MachineSpec, RoleCredentials
from localcloud.ministack_seam import request_scope

LIFETIME = 6 * 3600
"""Seconds; EC2 renews an instance's credentials at least five minutes before they expire."""
RENEW_BEFORE = 15 * 60
EC2_PRINCIPAL = "ec2.amazonaws.com"

_issued: dict[tuple[str, str], RoleCredentials] = {}
_issuing = threading.Lock()


def instance_credentials(spec: MachineSpec) -> RoleCredentials | None:
    """Session credentials of the instance's role, the same ones until shortly before they expire.

    None when the role is gone or does not trust EC2.
    """
    if spec.role_name is None:
        return None
    key = (spec.instance_id, spec.role_name)
    with _issuing, LOCK, request_scope(spec.account, spec.region):
        role = iam._roles.get(spec.role_name)
        if role is None or not _trusts_ec2(role["AssumeRolePolicyDocument"]):
            return None
        known = _issued.get(key)
        if known and known.expiration - time.time() > RENEW_BEFORE:
            return known
        fresh = RoleCredentials(
            iam._gen_session_access_key(), iam._gen_secret(), iam._gen_session_token(), time.time() + LIFETIME
        )
        sts.register_session(
            fresh.access_key_id,
            {
                "Arn": f"arn:aws:sts::{spec.account}:assumed-role/{spec.role_name}/{spec.instance_id}",
                "UserId": f"{role['RoleId']}:{spec.instance_id}",
                "SecretAccessKey": fresh.secret_access_key,
                "SessionToken": fresh.session_token,
                "Expiration": fresh.expiration,
                "AccountId": spec.account,
                "PrincipalType": "AssumedRole",
            },
        )
        _issued[key] = fresh
        return fresh


def _trusts_ec2(document: Any) -> bool:
    """Whether EC2 may assume a role. A statement with a condition counts as one that does not hold."""
    policy = json.loads(document) if isinstance(document, str) else document
    effects = {
        statement["Effect"]
        for statement in _list(policy.get("Statement"))
        if EC2_PRINCIPAL in _services(statement.get("Principal"))
        and {"sts:AssumeRole", "sts:*", "*"} & set(_list(statement.get("Action")))
        and (not statement.get("Condition") or statement["Effect"] == "Deny")
    }
    return effects == {"Allow"}


def _services(principal: Any) -> list[Any]:
    return _list(principal.get("Service")) if isinstance(principal, dict) else []


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def forget(instance_id: str) -> None:
    """A terminated instance's credentials stop working."""
    with _issuing:
        for key in [key for key in _issued if key[0] == instance_id]:
            sts._sessions.pop(_issued.pop(key).access_key_id, None)
