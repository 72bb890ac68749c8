"""The lock and the history of an environment's releases, in one DynamoDB table.

Items have the environment as partition key. The record `lock` is there while somebody releases; `release#000012` is
the twelfth release. Conditional writes make sure that of two who start at once one is refused.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

LOCK = "lock"
PREFIX = "release#"
STALE_SECONDS = 60
"""A heartbeat comes every 15 seconds while a stack is awaited: three that were missed mean that nobody is there."""
LOOK_SECONDS = 2.0

IN_PROGRESS, SUCCEEDED, FAILED, INTERRUPTED = "in progress", "succeeded", "failed", "interrupted"


class LockedError(Exception):
    """Somebody else releases; the message names who, what and since when."""


@dataclass(frozen=True)
class Holder:
    """Who releases: `who` as people know them, `host` and `process` to tell whether they still do.

    `host` is one in which a process number means one process: another after a reboot, and in each container.
    """

    who: str
    host: str
    process: int


@dataclass(frozen=True)
class Begun:
    """A release that was begun: its record, and the token that the lock carries for as long as it is its own."""

    record: dict[str, Any]
    token: str


@dataclass(frozen=True)
class ReleaseTable:
    """One environment's part of the table. `client` is DynamoDB's; `is_alive`: whether a process of this host runs."""

    client: Any
    table: str
    environment: str
    is_alive: Callable[[int], bool]
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def read(self) -> dict[str, Any]:
        """`lock` (empty without one) and `releases`, newest first."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="environment = :environment",
            ExpressionAttributeValues={":environment": {"S": self.environment}},
            ConsistentRead=True,
        )
        items = [_plain(item) for page in pages for item in page["Items"]]
        releases = [{"machine_image": "", **item} for item in items if item["record"].startswith(PREFIX)]
        return {
            "lock": next((item for item in items if item["record"] == LOCK), {}),
            "releases": sorted(releases, key=lambda item: -item["number"]),
        }

    def see_free(self, holder: Holder) -> None:
        """:raises LockedError: somebody is releasing now. A lock whose holder has gone is left for `begin` to judge."""
        lock = self.read()["lock"]
        if lock and self._lives(lock, holder):
            raise LockedError(self._refusal(lock))

    def begin(self, release: Mapping[str, str], holder: Holder) -> Begun:
        """Takes the lock and begins a record; a release of the same that was interrupted is gone on with.

        :param release: `digest` and whatever else is to be remembered, as text.
        :raises LockedError: somebody else holds the lock; nothing was written.
        """
        token = self._take_lock(release, holder)
        releases = self.read()["releases"]
        latest = releases[0] if releases else {}
        if latest.get("result") == IN_PROGRESS:
            if _intent(latest) == _intent(release):
                return Begun(dict(latest), token)
            self._set_result(latest["number"], INTERRUPTED, "another release followed")
        record = {
            **release,
            "record": "",
            "number": latest.get("number", 0) + 1,
            "by": holder.who,
            "started": self._stamp(),
            "result": IN_PROGRESS,
        }
        record["record"] = f"{PREFIX}{record['number']:06d}"
        self._put(record, "attribute_not_exists(#record)", {"#record": "record"})
        return Begun(record, token)

    def finish(self, number: int, token: str, result: str, reason: str = "") -> bool:
        """Gives the lock back and notes how the release ended; False, and nothing is written, where it is ours no more.

        A run that dies between the two leaves a record in progress without a lock, which the next one goes on with.
        """
        try:
            self.client.delete_item(
                TableName=self.table,
                Key=self._key(LOCK),
                ConditionExpression="#token = :token",
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues={":token": {"S": token}},
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        self._set_result(number, result, reason)
        return True

    def unlock(self) -> dict[str, Any]:
        """Takes the lock away, whoever holds it; what it said, empty without one."""
        answer = self.client.delete_item(TableName=self.table, Key=self._key(LOCK), ReturnValues="ALL_OLD")
        return _plain(answer.get("Attributes") or {})

    # --- the lock -----------------------------------------------------------------------------------------

    def _take_lock(self, release: Mapping[str, str], holder: Holder) -> str:
        """The token of the lock that was taken."""
        token = uuid.uuid4().hex
        lock = {
            "record": LOCK,
            "token": token,
            "holder": holder.who,
            "host": holder.host,
            "process": holder.process,
            "since": self._stamp(),
            "heartbeat": int(self.clock()),
            **{name: release[name] for name in ("digest", "machine_image") if release.get(name)},
        }
        if self._put_if(lock, "attribute_not_exists(#record)", {"#record": "record"}):
            return token
        seen = self.read()["lock"]
        if seen:
            self._await_silence(seen, release, holder)
        # Only from whom was seen: a third one may have been faster.
        taken = self._put_if(
            lock,
            "attribute_not_exists(#record) OR (#token = :token AND heartbeat = :heartbeat)",
            {"#record": "record", "#token": "token"},
            {":token": seen.get("token", ""), ":heartbeat": seen.get("heartbeat", 0)},
        )
        if not taken:
            raise LockedError(self._refusal(self.read()["lock"] or seen))
        return token

    def _await_silence(self, seen: Mapping[str, Any], release: Mapping[str, str], holder: Holder) -> None:
        """Returns when the holder has gone and wanted the same; raises LockedError otherwise."""
        if _intent(seen) != _intent(release):
            raise LockedError(self._refusal(seen))
        while self._lives(seen, holder):
            # Of a process of this host there is nothing to wait for.
            if seen["host"] == holder.host:
                raise LockedError(self._refusal(seen))
            self.sleep(LOOK_SECONDS)
            now = self.read()["lock"]
            if now and now["heartbeat"] != seen["heartbeat"]:
                raise LockedError(self._refusal(now))
            if not now:
                return

    def _lives(self, lock: Mapping[str, Any], holder: Holder) -> bool:
        """A process of this host can be asked for; of another one the heartbeat tells, some time later."""
        if lock["host"] == holder.host:
            return bool(lock["process"] != holder.process and self.is_alive(lock["process"]))
        return bool(self.clock() - lock["heartbeat"] < STALE_SECONDS)

    def _refusal(self, lock: Mapping[str, Any]) -> str:
        return (
            f"{lock.get('holder', 'somebody')} releases to {self.environment} since {lock.get('since', 'just now')} "
            f"(image {lock.get('digest', 'unknown')}, last sign of life {_ago(self.clock(), lock)}). Nothing was "
            "changed. Wait for its end; should it have been given up, playbooks/unlock.yml takes the lock away."
        )

    # --- items --------------------------------------------------------------------------------------------

    def _set_result(self, number: int, result: str, reason: str) -> None:
        self.client.update_item(
            TableName=self.table,
            Key=self._key(f"{PREFIX}{number:06d}"),
            UpdateExpression="SET #result = :result, reason = :reason, ended = :ended",
            ExpressionAttributeNames={"#result": "result"},
            ExpressionAttributeValues={
                ":result": {"S": result},
                # An item holds 400 KB; a person reads some lines.
                ":reason": {"S": reason[:2000]},
                ":ended": {"S": self._stamp()},
            },
        )

    def _key(self, record: str) -> dict[str, Any]:
        return {"environment": {"S": self.environment}, "record": {"S": record}}

    def _put(
        self,
        item: Mapping[str, Any],
        condition: str,
        names: Mapping[str, str],
        values: Mapping[str, Any] | None = None,
    ) -> None:
        arguments: dict[str, Any] = {"ExpressionAttributeNames": dict(names)}
        if values:
            arguments["ExpressionAttributeValues"] = {name: _attribute(value) for name, value in values.items()}
        self.client.put_item(
            TableName=self.table,
            Item={name: _attribute(value) for name, value in {**item, "environment": self.environment}.items()},
            ConditionExpression=condition,
            **arguments,
        )

    def _put_if(
        self,
        item: Mapping[str, Any],
        condition: str,
        names: Mapping[str, str],
        values: Mapping[str, Any] | None = None,
    ) -> bool:
        try:
            self._put(item, condition, names, values)
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _stamp(self) -> str:
        return datetime.fromtimestamp(self.clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _intent(item: Mapping[str, Any]) -> tuple[str, str]:
    """What a release is about: two with the same may follow each other up."""
    return str(item.get("digest") or ""), str(item.get("machine_image") or "")


def _ago(now: float, lock: Mapping[str, Any]) -> str:
    return f"{max(0, now - lock['heartbeat']):.0f} s ago" if "heartbeat" in lock else "unknown"


def _attribute(value: str | int) -> dict[str, str]:
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def _plain(item: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return {name: int(value["N"]) if "N" in value else value.get("S", "") for name, value in item.items()}
