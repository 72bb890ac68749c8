"""The lock is kept alive where it is, and for as long as it is ours."""

from __future__ import annotations

from typing import Any

from cloudformation_stack.heartbeat import Heartbeat

LOCK = {"table": "records", "region": "eu-west-1", "environment": "staging", "record": "lock", "token": "ours"}


class Dynamo:
    def __init__(self) -> None:
        self.updates: list[dict[str, Any]] = []

    def update_item(self, **arguments: Any) -> None:
        self.updates.append(arguments)


def test_a_beat_goes_into_the_lock_that_carries_the_token() -> None:
    client, now = Dynamo(), [100.0]
    beat = Heartbeat(lambda _: client, LOCK, lambda: now[0])
    beat()
    now[0] += 10
    beat()
    assert len(client.updates) == 1, "Not more often than every 15 seconds."
    (update,) = client.updates
    assert update["Key"] == {"environment": {"S": "staging"}, "record": {"S": "lock"}}
    assert update["ConditionExpression"] == "#token = :token"
    assert update["ExpressionAttributeValues"] == {":now": {"N": "100"}, ":token": {"S": "ours"}}
    now[0] += 6
    beat()
    assert len(client.updates) == 2
