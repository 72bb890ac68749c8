"""Topics, keys and stacks, and alarms that a file tells to act."""

from __future__ import annotations

import json
from collections.abc import Callable

from localcloud.control_plane.lock import LOCK
from localcloud.control_plane.sns import service as sns
from localcloud.desired import AlarmAction
from localcloud.settings import Settings
from tests.contract import groups


def install(settings: Settings) -> Callable[[], None]:
    sns.install(settings)
    reconcile = groups.install(settings)

    def once() -> None:
        reconcile()
        for request in settings.state_dir.glob("action-*.json"):
            with LOCK:
                reason = sns.act(AlarmAction(**json.loads(request.read_text())))
            request.with_suffix(".draft").write_text(reason)
            request.unlink()
            request.with_suffix(".draft").rename(request.with_suffix(".reason"))

    return once
