"""Keys and their aliases, as KMS has them now."""

from __future__ import annotations

from ministack.services import kms

from localcloud.control_plane.cloudformation.values import parsed
from localcloud.control_plane.drift.readers import Properties, present, register

GONE = ("PendingDeletion", "PendingReplicaDeletion")


def install() -> None:
    # Until when a deleted key can be brought back is said to CloudFormation, and nothing of the key.
    register("AWS::KMS::Key", _key, "PendingWindowInDays", "BypassPolicyLockoutSafetyCheck")
    register("AWS::KMS::Alias", _alias)


def _key(key_id: str, expected: Properties) -> Properties | None:
    record = kms._keys.get(key_id)
    if record is None or record["KeyState"] in GONE:
        return None
    rotated = bool(record.get("KeyRotationEnabled"))
    return present(
        Description=record.get("Description"),
        Enabled=bool(record["Enabled"]),
        EnableKeyRotation=rotated,
        RotationPeriodInDays=record.get("RotationPeriodInDays") if rotated else None,
        KeyPolicy=parsed(record.get("Policy")),
        KeySpec=record["KeySpec"],
        KeyUsage=record["KeyUsage"],
        Tags=[{"Key": tag["TagKey"], "Value": tag["TagValue"]} for tag in record.get("Tags") or ()],
    )


def _alias(name: str, expected: Properties) -> Properties | None:
    """Its key by id or by ARN, whichever the template says."""
    key_id = kms._aliases.get(kms._alias_arn(name))
    if key_id is None:
        return None
    arn = (kms._keys.get(key_id) or {}).get("Arn")
    return {"AliasName": name, "TargetKeyId": arn if expected.get("TargetKeyId") == arn else key_id}
