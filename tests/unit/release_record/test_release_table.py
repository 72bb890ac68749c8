"""Lock and history against a table in memory that knows the conditions which are written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import PROJECT

sys.path.append(str(PROJECT / "roles" / "release_record" / "python"))

from release_table import FAILED, SUCCEEDED, Holder, LockedError, ReleaseTable

ANNA = Holder("anna@one", "one", 11)
BERT = Holder("bert@two", "two", 22)
NEW = {"digest": "sha256:new", "tag": "new", "name": "new", "strategy": "rolling"}
OTHER = {"digest": "sha256:other", "tag": "other", "name": "other", "strategy": "rolling"}


class ConditionalCheckFailedError(Exception):
    """As the client's own."""


class Dynamo:
    """One table; its conditions are the two that are used, read from their values."""

    class exceptions:  # as a client has it
        ConditionalCheckFailedException = ConditionalCheckFailedError

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}

    def get_paginator(self, _: str) -> Dynamo:
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        yield {"Items": list(self.items.values())}

    def put_item(self, Item: dict[str, Any], ConditionExpression: str, **more: Any) -> None:
        present = self.items.get(Item["record"]["S"])
        values = more.get("ExpressionAttributeValues", {})
        seen = present and all(present[name[1:]] == value for name, value in values.items())
        assert "attribute_not_exists(#record)" in ConditionExpression
        if present and not (values and seen):
            raise ConditionalCheckFailedError
        self.items[Item["record"]["S"]] = Item

    def update_item(self, Key: dict[str, Any], ExpressionAttributeValues: dict[str, Any], **_: Any) -> None:
        item = self.items[Key["record"]["S"]]
        item.update({name[1:]: value for name, value in ExpressionAttributeValues.items()})

    def delete_item(self, Key: dict[str, Any], **more: Any) -> dict[str, Any]:
        present = self.items.get(Key["record"]["S"], {})
        for name, value in more.get("ExpressionAttributeValues", {}).items():
            if present.get(name[1:]) != value:
                raise ConditionalCheckFailedError
        return {"Attributes": self.items.pop(Key["record"]["S"], {})}


class World:
    """The table, its clock, and the processes that live."""

    def __init__(self) -> None:
        self.dynamo = Dynamo()
        self.now = 1_000_000.0
        self.alive: set[int] = {11, 22}
        self.beats = False
        self.table = ReleaseTable(
            self.dynamo, "records", "staging", lambda process: process in self.alive, lambda: self.now, self.sleep
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.beats:
            self.dynamo.items["lock"]["heartbeat"] = {"N": str(int(self.now))}


@pytest.fixture
def world() -> World:
    return World()


def test_a_release_is_numbered_and_remembered(world: World) -> None:
    first = world.table.begin(NEW, ANNA)
    assert world.table.finish(first.record["number"], first.token, SUCCEEDED)
    second = world.table.begin(OTHER, BERT)
    assert world.table.finish(second.record["number"], second.token, FAILED, "it never answered")
    found = world.table.read()
    assert found["lock"] == {}
    assert [(r["number"], r["name"], r["by"], r["result"]) for r in found["releases"]] == [
        (2, "other", "bert@two", "failed"),
        (1, "new", "anna@one", "succeeded"),
    ]
    assert found["releases"][0]["reason"] == "it never answered"


def test_of_two_at_once_the_second_is_told_who_and_since_when(world: World) -> None:
    world.table.begin(NEW, ANNA)
    before = dict(world.dynamo.items)
    with pytest.raises(LockedError, match="anna@one releases to staging since 1970-01-12T13:46:40Z"):
        world.table.begin(OTHER, BERT)
    with pytest.raises(LockedError):
        world.table.see_free(BERT)
    assert world.dynamo.items == before


def test_the_same_release_on_this_host_goes_on_at_once_when_its_process_is_gone(world: World) -> None:
    began = world.table.begin(NEW, ANNA)
    again = Holder("anna@one", "one", 12)
    with pytest.raises(LockedError):
        world.table.begin(NEW, again)
    world.alive.remove(11)
    world.table.see_free(again)
    assert world.table.begin(NEW, again).record["number"] == began.record["number"]
    assert world.now == 1_000_000.0


def test_the_same_release_from_another_host_goes_on_when_the_heartbeat_has_stopped(world: World) -> None:
    began = world.table.begin(NEW, ANNA)
    assert world.table.begin(NEW, BERT).record["number"] == began.record["number"]
    assert world.now - 1_000_000 >= 60
    assert world.table.read()["lock"]["holder"] == "bert@two"


def test_the_same_release_from_another_host_is_refused_while_the_heart_beats(world: World) -> None:
    world.table.begin(NEW, ANNA)
    world.beats = True
    with pytest.raises(LockedError, match="anna@one"):
        world.table.begin(NEW, BERT)


def test_another_release_waits_for_somebody_to_unlock_however_long_ago_it_was(world: World) -> None:
    world.table.begin(NEW, ANNA)
    world.alive.clear()
    world.now += 86_400
    with pytest.raises(LockedError, match=r"playbooks/unlock\.yml"):
        world.table.begin(OTHER, BERT)
    assert world.table.unlock()["holder"] == "anna@one"
    assert world.table.begin(OTHER, BERT).record["number"] == 2
    assert [release["result"] for release in world.table.read()["releases"]] == ["in progress", "interrupted"]
    assert world.table.unlock() != {}
    assert world.table.unlock() == {}


def test_whoever_lost_the_lock_neither_gives_back_nor_overwrites_what_is_another_s(world: World) -> None:
    """A laptop that slept through its own release, which somebody then took for given up."""
    slept = world.table.begin(NEW, ANNA)
    world.table.unlock()
    other = world.table.begin(OTHER, BERT)
    assert not world.table.finish(slept.record["number"], slept.token, SUCCEEDED)
    found = world.table.read()
    assert found["lock"]["token"] == other.token
    assert [release["result"] for release in found["releases"]] == ["in progress", "interrupted"]


def test_a_release_that_was_taken_over_is_ended_by_the_one_that_took_it(world: World) -> None:
    slept = world.table.begin(NEW, ANNA)
    taken = world.table.begin(NEW, BERT)
    assert not world.table.finish(slept.record["number"], slept.token, FAILED)
    assert [release["result"] for release in world.table.read()["releases"]] == ["in progress"]
    assert world.table.finish(taken.record["number"], taken.token, SUCCEEDED)
