"""Tables, as DynamoDB has them now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import dynamodb

from localcloud.control_plane.drift.readers import Properties, present, register, tag_list


def install() -> None:
    register("AWS::DynamoDB::Table", _table)


def _table(name: str, _: Properties) -> Properties | None:
    record = dynamodb._tables.get(name)
    if record is None:
        return None
    billing = (record.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED")
    return present(
        TableName=record["TableName"],
        BillingMode=billing,
        KeySchema=record["KeySchema"],
        AttributeDefinitions=record["AttributeDefinitions"],
        ProvisionedThroughput=record.get("ProvisionedThroughput") if billing == "PROVISIONED" else None,
        DeletionProtectionEnabled=record.get("DeletionProtectionEnabled", False),
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": bool(dynamodb._pitr_settings.get(name))},
        TimeToLiveSpecification=_time_to_live(dynamodb._ttl_settings.get(name) or {}),
        SSESpecification=_encryption(record.get("SSEDescription") or {}),
        Tags=tag_list(dynamodb._tags.get(record["TableArn"])),
    )


def _time_to_live(settings: Mapping[str, Any]) -> Properties:
    enabled = settings.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    return present(Enabled=enabled, AttributeName=settings.get("AttributeName"))


def _encryption(description: Mapping[str, Any]) -> Properties:
    enabled = description.get("Status") in ("ENABLED", "ENABLING", "UPDATING")
    return present(
        SSEEnabled=enabled, SSEType=description.get("SSEType"), KMSMasterKeyId=description.get("KMSMasterKeyArn")
    )
