"""Drift of one resource, in the place of MiniStack's own detection.

The operations (DetectStackDrift and its three companions) stay MiniStack's: they ask `detect` for every resource of a
type that `supports` knows. Reference: StackResourceDrift in the CloudFormation API reference.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from ministack.services.cloudformation import drift
from ministack.services.cloudformation.provisioners import _STACK_TAG_PROPERTY

from localcloud import ministack_seam as seam
from localcloud.control_plane.cloudformation import schemas
from localcloud.control_plane.drift.comparison import Comparison, compare
from localcloud.control_plane.drift.readers import READERS, Properties, Reader, tag_list
from localcloud.control_plane.ec2 import launch_templates
from localcloud.control_plane.lock import LOCK

log = logging.getLogger(__name__)

Record = dict[str, Any]
RESERVED_TAGS = "aws:"


def install() -> None:
    """Once per process."""
    drift.supports_drift = supports
    drift.detect_resource_drift = detect


def supports(resource_type: str) -> bool:
    return resource_type in READERS


def detect(stack: Record, logical_id: str, record: Record, timestamp: str) -> Record:
    """The StackResourceDrift of one resource. One that cannot be read is UNKNOWN, with the reason."""
    resource_type = record["ResourceType"]
    physical_id = record.get("PhysicalResourceId") or ""
    found: Record = {
        "StackId": stack["StackId"],
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id,
        "ResourceType": resource_type,
        "Timestamp": timestamp,
    }
    reader = READERS[resource_type]
    expected = _expected(reader, resource_type, record, stack.get("Tags") or [])
    try:
        with LOCK:
            current = reader.read(physical_id, expected)
    except Exception as error:
        log.exception("%s (%s) cannot be read", logical_id, resource_type)
        return found | {"StackResourceDriftStatus": "UNKNOWN", "DriftStatusReason": f"Drift detection failed: {error}"}
    if current is None:
        return found | {"StackResourceDriftStatus": "DELETED"}
    schema = schemas.of_type(resource_type, seam.scope()[1])
    return found | _outcome(compare(expected, _without_reserved_tags(current), schema))


def _outcome(comparison: Comparison) -> Record:
    outcome: Record = {
        "StackResourceDriftStatus": "MODIFIED" if comparison.differences else "IN_SYNC",
        "ExpectedProperties": json.dumps(comparison.expected, separators=(",", ":")),
        "ActualProperties": json.dumps(comparison.actual, separators=(",", ":")),
    }
    if comparison.differences:
        outcome["PropertyDifferences"] = [
            {
                "PropertyPath": one.path,
                "ExpectedValue": one.expected,
                "ActualValue": one.actual,
                "DifferenceType": one.kind,
            }
            for one in comparison.differences
        ]
    return outcome


def _expected(reader: Reader, resource_type: str, record: Record, stack_tags: list[dict[str, str]]) -> Properties:
    """What the template sets, resolved. "CloudFormation also detects drift on stack-level tags" (guide)."""
    properties = launch_templates.clean(record.get("Properties") or {})
    expected = {name: value for name, value in properties.items() if name not in reader.unread}
    if resource_type in _STACK_TAG_PROPERTY:
        own = expected.get("Tags") or []
        keys = {tag["Key"] for tag in own}
        merged = [*own, *(tag for tag in tag_list(stack_tags) if tag["Key"] not in keys)]
        if merged:
            expected["Tags"] = [tag for tag in merged if not tag["Key"].startswith(RESERVED_TAGS)]
    return expected


def _without_reserved_tags(current: Properties) -> Mapping[str, Any]:
    """AWS's own tags are not the template's."""
    if "Tags" not in current:
        return current
    return {**current, "Tags": [tag for tag in current["Tags"] if not tag["Key"].startswith(RESERVED_TAGS)]}
