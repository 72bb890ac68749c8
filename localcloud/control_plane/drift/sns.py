"""Topics, their policies and subscriptions, as SNS has them now."""

from __future__ import annotations

from ministack.services import sns

from localcloud.control_plane.cloudformation.values import parsed
from localcloud.control_plane.drift.comparison import compare
from localcloud.control_plane.drift.readers import Properties, present, register, tag_list
from localcloud.control_plane.sns.subscriptions import forget_expired


def install() -> None:
    register("AWS::SNS::Subscription", _subscription)
    register("AWS::SNS::Topic", _topic)
    register("AWS::SNS::TopicPolicy", _topic_policy)


def _topic(arn: str, _: Properties) -> Properties | None:
    record = sns._topics.get(arn)
    return record and present(
        TopicName=record["name"],
        DisplayName=record["attributes"].get("DisplayName"),
        KmsMasterKeyId=record["attributes"].get("KmsMasterKeyId") or None,
        Tags=tag_list(record.get("tags")),
    )


def _topic_policy(_: str, expected: Properties) -> Properties | None:
    """The policy of the first topic that has another one; of any topic when all have the template's.

    AWS does not read this type at all: it has no read handler in the registry.
    """
    wanted = expected.get("PolicyDocument")
    topics = {arn: sns._topics[arn] for arn in expected.get("Topics") or () if arn in sns._topics}
    policies = [parsed(record["attributes"].get("Policy")) for record in topics.values()]
    if not policies:
        return None
    changed = [policy for policy in policies if compare(wanted, policy, None).differences]
    return present(PolicyDocument=(changed or policies)[0], Topics=list(topics))


def _subscription(arn: str, _: Properties) -> Properties | None:
    """Also of a pending one; one that nobody confirmed in time is gone."""
    forget_expired()
    topic = sns._topics.get(sns._sub_arn_to_topic.get(arn))
    for record in topic["subscriptions"] if topic else ():
        if record["arn"] == arn:
            return {"TopicArn": record["topic_arn"], "Protocol": record["protocol"], "Endpoint": record["endpoint"]}
    return None
