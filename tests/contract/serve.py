"""`python -m tests.contract.serve MODULE STATE_DIR`: the control plane as MODULE installs it. Ends with its stdin."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import ministack.app
from hypercorn.asyncio import serve
from hypercorn.config import Config

from localcloud import ministack_seam
from localcloud import settings as settings_file

TICK_SECONDS = 0.1


def reconcile(once: Callable[[], None]) -> None:
    while True:
        once()
        time.sleep(TICK_SECONDS)


def end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    settings = settings_file.load(Path(sys.argv[2]))
    assert settings is not None, f"no settings in {sys.argv[2]}"
    ministack_seam.check()
    once = importlib.import_module(sys.argv[1]).install(settings)
    threading.Thread(target=reconcile, args=(once,), daemon=True).start()
    threading.Thread(target=end_with_stdin, daemon=True).start()
    config = Config()
    config.bind = [f"127.0.0.1:{settings.port}"]
    asyncio.run(serve(ministack.app.app, config))


if __name__ == "__main__":
    main()
