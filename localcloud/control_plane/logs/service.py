"""CloudWatch Logs: the resource that IAM is asked about.

MiniStack asks about the log group; AWS asks about a stream in it, for every action except those on tags. A policy
for `log-group:NAME` alone therefore allows nothing on AWS, and `log-group:NAME:*` all of them. Source: CloudWatch
Logs User Guide, "Overview of managing access", "CloudWatch Logs resources and operations".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud import ministack_seam as seam


def install() -> None:
    """Once per process."""
    actions = seam.module("ministack.core.iam_actions")
    original = actions.extract_resource_arn

    def extract(
        service: str, method: str, path: str, headers: Mapping[str, str], body: bytes, *args: Any, **kwargs: Any
    ) -> Any:
        found = original(service, method, path, headers, body, *args, **kwargs)
        return stream_resource(found, body) if service == "logs" else found

    actions.extract_resource_arn = extract


def stream_resource(resource: Any, body: bytes) -> Any:
    """What AWS authorises for a request on the log group `resource`."""
    if not isinstance(resource, str) or ":log-group:" not in resource:
        return resource
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        return resource
    if "resourceArn" in asked:
        return resource
    return f"{resource}:log-stream:{asked.get('logStreamName', '')}"
