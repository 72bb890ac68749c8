"""Credentials of instance roles, as the metadata service hands them out."""

from __future__ import annotations

import threading
import time

from ministack.core.iam_evaluator import EvalContext, evaluate_trust_policy
from ministack.services import iam, sts

from localcloud.control_plane.lock import LOCK
from localcloud.desired import MachineSpec
from localcloud.machines.metadata import RoleCredentials
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
        context = EvalContext(
            principal_arn=EC2_PRINCIPAL,
            principal_type="Service",
            principal_account=spec.account,
            action="sts:AssumeRole",
            resource_arn=role["Arn"] if role else "",
            region=spec.region,
        )
        if role is None or not evaluate_trust_policy(role["AssumeRolePolicyDocument"], EC2_PRINCIPAL, context):
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


def forget(instance_id: str) -> None:
    """A terminated instance's credentials stop working."""
    with _issuing:
        for key in [key for key in _issued if key[0] == instance_id]:
            sts._sessions.pop(_issued.pop(key).access_key_id, None)
