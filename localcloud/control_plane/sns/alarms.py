"""The action of an alarm that publishes to a topic: whether it is let in, and what it says.

Sources: "Why didn't I receive an SNS notification for my CloudWatch alarm trigger?" (AWS re:Post knowledge center),
for each reason in an alarm's history; "Amazon SNS access policy use cases" and "Managing Amazon SNS encryption keys
and costs" (SNS developer guide), for what topic and key must allow.
"""

from __future__ import annotations

import json
import logging
import uuid
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.services import kms, sns

from localcloud import ministack_seam as seam
from localcloud.control_plane.sns import alarm_text
from localcloud.desired import AlarmAction

log = logging.getLogger(__name__)

CLOUDWATCH = "cloudwatch.amazonaws.com"
AWS_MANAGED_KEY = "alias/aws/sns"
KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")


def act(action: AlarmAction) -> str:
    """Publishes it (`Alarms.on_action`). The reason, for the alarm's history, when it is not let in; else nothing."""
    with seam.request_scope(action.account, action.region):
        topic = sns._topic_by_arn_any_scope(action.action_arn)
        refused = _refusal(topic, action)
        if refused or topic is None:
            log.info("alarm %s is not published to %s: %s", action.alarm["AlarmName"], action.action_arn, refused)
            return refused
        message = {"default": json.dumps(alarm_text.document(action)), "email": alarm_text.text(action)}
        sns._fanout(topic["arn"], str(uuid.uuid4()), json.dumps(message), alarm_text.subject(action), "json", {})
    return ""


def _refusal(topic: dict[str, Any] | None, action: AlarmAction) -> str:
    if topic is None:
        return f"Topic does not exist: {action.action_arn}"
    if not _allows(topic["attributes"].get("Policy"), "sns:Publish", topic["arn"], action):
        source = action.alarm["AlarmArn"]
        return f"Resource: {source} is not authorized to perform: SNS:Publish on resource: {topic['arn']}"
    key = topic["attributes"].get("KmsMasterKeyId")
    return _key_refusal(key, action) if key else ""


def _key_refusal(key: str, action: AlarmAction) -> str:
    """The AWS managed key's policy cannot be changed, and does not know CloudWatch."""
    if key.endswith(AWS_MANAGED_KEY):
        return _of_kms("AccessDeniedException")
    record = kms._resolve_key(key)
    if record is None:
        return _of_kms("NotFoundException")
    if record["KeyState"] != "Enabled":
        return _of_kms("DisabledException" if record["KeyState"] == "Disabled" else "KMSInvalidStateException")
    if not all(_allows(record.get("Policy"), one, record["Arn"], action) for one in KEY_ACTIONS):
        return _of_kms("AccessDeniedException")
    return ""


def _of_kms(code: str) -> str:
    return f"null (Service: AWSKMS; Status Code: 400; Error Code: {code}; Request ID: {uuid.uuid4()}; Proxy: null)"


def _allows(policy: Any, operation: str, resource: str, action: AlarmAction) -> bool:
    """Whether a resource's policy lets CloudWatch, on behalf of this alarm, do this."""
    context = EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=operation,
        resource_arn=resource,
        region=action.region,
        secure_transport=True,
        service_context={
            "aws:sourcearn": action.alarm["AlarmArn"],
            "aws:sourceaccount": action.account,
            "aws:sourceowner": action.account,
            "aws:principalisawsservice": "true",
            "aws:principalservicename": CLOUDWATCH,
        },
    )
    return bool(evaluate_resource_policy(policy, context, service=CLOUDWATCH).decision == "Allow")
