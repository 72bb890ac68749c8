"""Images that building and rebuilding an application leaves behind.

Every build keeps its stages: they are what makes the next one quick, and they have neither name nor label. What is
ours is told by what it is made of: nothing but our own builds begins with the layers of a local cloud's base images.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from localcloud.machines.engine import Engine
from localcloud.machines.errors import EngineError

KEEP_SECONDS = 7 * 24 * 3600
"""Younger ones stay: another cloud on this host may be building with them right now."""
OWN = "localhost/localcloud/"


def remove_old_images(engine: Engine, registry_host: str, now: float | None = None) -> int:
    """Removes builds older than a week, without the newest of each kind; how many there were.

    These are images without a name that are made of our base images, and those named after the cloud's registry.
    Base and machine images themselves have names of ours, and stay.
    """
    every = engine.images()
    bases = {_layers(engine, image) for image in every if _named(image, OWN)} - {()}
    unnamed = [image for image in every if not _names(image) and _made_of(_layers(engine, image), bases)]
    pushed = [image for image in every if _named(image, f"{registry_host}/")]
    limit = (time.time() if now is None else now) - KEEP_SECONDS
    removed = 0
    for image in (*_without_newest(unnamed), *_without_newest(pushed)):
        if image["Created"] < limit:
            # By tag where there is one: other names, such as another cloud's, keep the image. Digests go with the tag.
            mine = [name for name in _names(image) if name.startswith(f"{registry_host}/") and "@" not in name]
            removed += sum(engine.remove_image(name) for name in mine or [str(image["Id"])])
    return removed


def _names(image: dict[str, Any]) -> list[str]:
    return [name for name in image.get("RepoTags") or [] if name != "<none>:<none>"]


def _named(image: dict[str, Any], start: str) -> bool:
    return any(name.startswith(start) for name in _names(image))


def _layers(engine: Engine, image: dict[str, Any]) -> tuple[str, ...]:
    """Of an image that has just gone: none."""
    try:
        found = engine.request("GET", f"/images/{image['Id']}/json")
    except EngineError as error:
        if error.status == 404:
            return ()
        raise
    return tuple(found["RootFS"].get("Layers") or ())


def _made_of(layers: tuple[str, ...], bases: Iterable[tuple[str, ...]]) -> bool:
    return any(layers[: len(base)] == base for base in bases)


def _without_newest(images: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(images, key=lambda image: int(image["Created"]), reverse=True)[1:]
