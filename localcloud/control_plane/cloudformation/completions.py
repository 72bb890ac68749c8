"""Properties that MiniStack's resource handlers leave out, though the services behind them know them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import dynamodb, iam, kms
from ministack.services.cloudformation import provisioners

from localcloud.control_plane.cloudformation.refused import RefusedError

Properties = Mapping[str, Any]
Complete = Callable[[str, Properties], None]


def install() -> None:
    """Once per process."""
    for resource_type, complete in (
        ("AWS::DynamoDB::Table", table),
        ("AWS::IAM::Role", role),
        ("AWS::KMS::Key", key),
    ):
        handlers = provisioners._RESOURCE_HANDLERS[resource_type]
        for name in ("create", "update"):
            handlers[name] = _completed(handlers[name], complete, 1 if name == "create" else 2)


def _completed(original: Callable[..., Any], complete: Complete, position: int) -> Callable[..., Any]:
    """`position`: where the handler's arguments have the new properties."""

    def act(*arguments: Any) -> Any:
        physical_id, attributes = original(*arguments)
        complete(physical_id, arguments[position])
        return physical_id, attributes

    return act


def table(name: str, properties: Properties) -> None:
    """Protection, expiry, recovery and encryption, none of which a table has by default."""
    record = dynamodb._tables[name]
    record["DeletionProtectionEnabled"] = _flag(properties, "DeletionProtectionEnabled")
    expiry = properties.get("TimeToLiveSpecification")
    attribute = (expiry or dynamodb._ttl_settings.get(name) or {}).get("AttributeName")
    if attribute:
        wanted = {"AttributeName": attribute, "Enabled": _flag(expiry, "Enabled")}
        _answered(dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": wanted}))
    recovery = properties.get("PointInTimeRecoverySpecification")
    dynamodb._pitr_settings[name] = _flag(recovery, "PointInTimeRecoveryEnabled")
    encryption = properties.get("SSESpecification")
    if encryption or record.get("SSEDescription"):
        specification = dict(encryption or {})
        specification["Enabled"] = _flag(encryption, "SSEEnabled")
        specification.pop("SSEEnabled", None)
        _answered(dynamodb._update_table({"TableName": name, "SSESpecification": specification}))


def role(name: str, properties: Properties) -> None:
    """The permissions boundary. Raises `RefusedError` for a policy that does not exist."""
    boundary = properties.get("PermissionsBoundary")
    refused = boundary and iam._boundary_policy_error(boundary)
    if refused:
        raise RefusedError(f"The permissions boundary {boundary} is no policy of this account")
    iam._roles[name]["PermissionsBoundary"] = boundary or ""


def key(key_id: str, properties: Properties) -> None:
    """Flags that a template gives as text."""
    record = kms._keys[key_id]
    record["KeyRotationEnabled"] = _flag(properties, "EnableKeyRotation")
    record["Enabled"] = _flag({"Enabled": True, **properties}, "Enabled")
    record["KeyState"] = "Enabled" if record["Enabled"] else "Disabled"


def _flag(specification: Any, name: str) -> bool:
    return str((specification or {}).get(name, False)).lower() == "true"


def _answered(response: tuple[int, Any, bytes]) -> None:
    status, _, body = response
    if status >= 400:
        raise RefusedError(str(json.loads(body).get("message")))
