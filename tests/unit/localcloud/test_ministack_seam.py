"""An upgrade of MiniStack that takes a name away is told at start, in one sentence."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from localcloud import ministack_seam as seam


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seam.importlib.metadata, "version", lambda _: "9.9.9")
    with pytest.raises(seam.SeamError, match=rf"needs ministack {seam.VERSION}, found 9\.9\.9"):
        seam.check()


def test_every_missing_name_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seam.importlib.metadata, "version", lambda _: seam.VERSION)
    there = SimpleNamespace(**{name: None for names in seam.NAMES.values() for name in names})
    monkeypatch.setattr(seam, "module", lambda _: there)
    seam.check()
    del there._RESOURCE_HANDLERS
    with pytest.raises(seam.SeamError, match=r"lacks what localcloud extends: .*provisioners\._RESOURCE_HANDLERS"):
        seam.check()
