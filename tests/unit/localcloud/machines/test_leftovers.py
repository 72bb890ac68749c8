"""What `down` removes of old builds, and what it leaves."""

from __future__ import annotations

from typing import Any

from localcloud.machines.engine import Engine
from localcloud.machines.leftovers import KEEP_SECONDS, remove_old_images

NOW = 1_800_000_000
OLD, OLDER = NOW - KEEP_SECONDS - 1, NOW - KEEP_SECONDS - 2
REGISTRY = "127.0.0.1:4566"


class FakeEngine(Engine):
    def __init__(self, *images: tuple[str, int, str, list[str]]) -> None:
        """(id, created, layers, names)"""
        self.there = {image[0]: image for image in images}
        self.removed: list[str] = []

    def images(self) -> list[dict[str, Any]]:
        return [{"Id": name, "Created": created, "RepoTags": tags} for name, created, _, tags in self.there.values()]

    def request(self, method: str, path: str, *_: Any, **__: Any) -> Any:
        assert method == "GET"
        return {"RootFS": {"Layers": list(self.there[path.split("/")[2]][2])}}

    def remove_image(self, reference: str) -> bool:
        self.removed.append(reference)
        return True


BASE = ("base", OLDER, "ab", ["localhost/localcloud/python:bookworm"])


def removed(*images: tuple[str, int, str, list[str]]) -> list[str]:
    engine = FakeEngine(BASE, *images)
    count = remove_old_images(engine, REGISTRY, NOW)
    assert count == len(engine.removed)
    return engine.removed


def test_old_build_stages_of_ours_go_but_the_newest() -> None:
    assert removed(("newest", OLD, "abc", []), ("older", OLDER, "abd", [])) == ["older"]


def test_what_is_not_made_of_our_base_is_not_ours() -> None:
    assert removed(("newest", OLD, "abc", []), ("foreign", OLDER, "xbd", [])) == []


def test_young_build_stages_stay() -> None:
    young = NOW - KEEP_SECONDS + 1
    assert removed(("newest", NOW, "abc", []), ("young", young, "abd", [])) == []


def test_old_images_of_the_registry_lose_their_name_there() -> None:
    names = [f"{REGISTRY}/hello:1", f"{REGISTRY}/hello@sha256:1", "127.0.0.1:4567/hello:1"]
    assert removed(("newest", OLD, "abc", [f"{REGISTRY}/hello:2"]), ("old", OLDER, "abd", names)) == names[:1]


def test_names_of_others_are_left_alone() -> None:
    assert removed(("one", OLD, "abc", ["example.com/a:1"]), ("two", OLDER, "abd", ["example.com/b:1"])) == []
