"""What stacks make of topics, their policies and e-mail subscriptions, where MiniStack's handlers fall short.

Sources: the resource reference of the three types; for what is not written there, the handlers that AWS publishes
(aws-cloudformation/aws-cloudformation-resource-providers-sns).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.services import sns
from ministack.services.cloudformation import provisioners

from localcloud import ministack_seam as seam
from localcloud.control_plane.cloudformation.refused import RefusedError
from localcloud.control_plane.cloudformation.values import parsed
from localcloud.control_plane.lock import LOCK
from localcloud.control_plane.sns.subscriptions import Subscriptions, forget_expired, is_pending

Properties = Mapping[str, Any]
Made = tuple[str, dict[str, Any]]

DEFAULT_POLICY_ID = "__default_policy_ID"


def install(subscriptions: Subscriptions) -> None:
    """Once per process."""
    _install_topics()
    _install_policies()
    _install_subscriptions(subscriptions)


# --- topics -----------------------------------------------------------------------------------------------


def _install_topics() -> None:
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SNS::Topic"]
    for name, position in (("create", 1), ("update", 2)):
        handlers[name] = _topic(handlers[name], position)


def _topic(original: Callable[..., Made], position: int) -> Callable[..., Made]:
    """`position`: where the handler's arguments have the new properties."""

    def act(*arguments: Any) -> Made:
        with LOCK:
            arn, attributes = original(*arguments)
            record = sns._topics[arn]["attributes"]
            key = arguments[position].get("KmsMasterKeyId")
            record.pop("KmsMasterKeyId", None)
            if key:
                record["KmsMasterKeyId"] = key
            if (parsed(record.get("Policy")) or {}).get("Id") == DEFAULT_POLICY_ID:
                record["Policy"] = default_policy(arn)
            return arn, attributes

    return act


def default_policy(topic_arn: str) -> str:
    """What a topic has that nobody gave a policy: its own account may do everything, nobody else anything."""
    actions = "GetTopicAttributes SetTopicAttributes AddPermission RemovePermission DeleteTopic Subscribe"
    actions += " ListSubscriptionsByTopic Publish"
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions.split()],
        "Resource": topic_arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": topic_arn.split(":")[4]}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": DEFAULT_POLICY_ID, "Statement": [statement]})


# --- their policies ---------------------------------------------------------------------------------------


def _install_policies() -> None:
    """A topic whose policy is taken away has the default one again, and not none."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SNS::TopicPolicy"]
    update, delete = handlers["update"], handlers["delete"]

    def updated(physical_id: str, old: Properties, *rest: Any) -> Made:
        with LOCK:
            made: Made = update(physical_id, old, *rest)
            _restore_defaults(old.get("Topics") or ())
            return made

    def deleted(physical_id: str, properties: Properties) -> None:
        with LOCK:
            delete(physical_id, properties)
            _restore_defaults(properties.get("Topics") or ())

    handlers["update"], handlers["delete"] = updated, deleted


def _restore_defaults(topics: Iterable[str]) -> None:
    for arn in topics:
        record = sns._topics.get(arn)
        if record and not record["attributes"].get("Policy"):
            record["attributes"]["Policy"] = default_policy(arn)


# --- subscriptions ----------------------------------------------------------------------------------------


def _install_subscriptions(subscriptions: Subscriptions) -> None:
    """Of e-mail addresses. A replacement is MiniStack's, which calls what it finds under its own names."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SNS::Subscription"]
    create, delete = handlers["create"], handlers["delete"]

    def created(logical_id: str, properties: Properties, stack_name: str) -> Made:
        """Complete with the mail on its way, confirmed or not."""
        if properties.get("Protocol") != "email":
            made: Made = create(logical_id, properties, stack_name)
            return made
        with LOCK:
            forget_expired()
            topic = sns._topics.get(properties.get("TopicArn"))
            if topic is None:
                raise RefusedError(f"Topic does not exist: {properties.get('TopicArn')}")
            arn = subscriptions.subscribe(topic, properties["Endpoint"], seam.scope()[0])["arn"]
            return arn, {"Arn": arn}

    def deleted(physical_id: str, properties: Properties) -> None:
        """A pending one cannot be deleted, only expire: the stack goes on without it."""
        with LOCK:
            forget_expired()
            found = sns._find_subscription(sns._sub_arn_to_topic.get(physical_id) or "", physical_id)
            if found is None or not is_pending(found):
                delete(physical_id, properties)

    handlers["create"], handlers["delete"] = created, deleted
    provisioners._sns_sub_create, provisioners._sns_sub_delete = created, deleted
