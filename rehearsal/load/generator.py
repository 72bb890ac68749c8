"""The generator: sends what the plan says when the plan says it, and writes down what came of it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from rehearsal.load.client import Client
from rehearsal.load.plan import Arrival, Plan
from rehearsal.load.requests import Request

# No longer than this passes until an order to stop is seen.
_LONGEST_SLEEP = 0.25


async def generate(plan: Plan, write: Callable[[Request], object], stop: asyncio.Event) -> None:
    """Send until the plan is over or `stop` is set; then wait for every answer that is still due."""
    loop = asyncio.get_running_loop()
    draw = random.Random(plan.seed)  # noqa: S311 (no secret depends on it)
    # Moments are told by a clock that nobody sets, and written as Unix time, which the recorder uses too.
    begin, unix_begin = loop.time(), time.time()

    def unix(moment: float) -> float:
        return unix_begin + moment - begin

    async def send(client: Client, number: int, arrival: Arrival) -> None:
        path = draw.choice(plan.slow_paths) if arrival.slow else plan.path
        sent = loop.time()
        outcome = await client.ask(path, new_connection=arrival.new_connection)
        write(
            Request(
                number=number,
                scheduled=round(unix(begin + arrival.offset), 6),
                sent=round(unix(sent), 6),
                done=round(unix(loop.time()), 6),
                path=path,
                new_connection=arrival.new_connection,
                status=outcome.status,
                size=outcome.size,
                failure=outcome.failure,
                detail=outcome.detail,
                instance=outcome.instance,
                release=outcome.release,
            )
        )

    async with Client(plan.url, plan.certificate, plan.timeout) as client, asyncio.TaskGroup() as tasks:
        for number, arrival in enumerate(plan.arrivals(), start=1):
            while not stop.is_set() and (wait := begin + arrival.offset - loop.time()) > 0:
                await asyncio.sleep(min(wait, _LONGEST_SLEEP))
            if stop.is_set():
                break
            tasks.create_task(send(client, number, arrival))
