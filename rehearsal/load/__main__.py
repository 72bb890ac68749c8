"""`python -m rehearsal.load PLAN REQUESTS`: carries the plan out until it is over or SIGTERM comes."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from pathlib import Path

from rehearsal.load.generator import generate
from rehearsal.load.plan import load


async def _main(plan_file: Path, requests_file: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Everything that lives on has been made: no collection need look at it again and delay what is due.
    gc.freeze()
    # By line, so that whoever reads along sees a request as soon as it has ended.
    with requests_file.open("w", encoding="utf-8", buffering=1) as file:
        await generate(load(plan_file), lambda request: file.write(request.line()), stop)


asyncio.run(_main(Path(sys.argv[1]), Path(sys.argv[2])))
