"""state=settled: await what is running, and change nothing."""

from __future__ import annotations

from typing import Any

from .context import Context
from .describe import describe
from .instances import explained, refresh_progress
from .repair import Step, next_step
from .watch import watch


def settled(ctx: Context) -> dict[str, Any]:
    """The stack as it is when nothing happens to it any more; with wait=false and in check mode as it is now.

    `attached` tells whether there was anything to await, and `reason` why that failed.
    """
    stack, attached, reason = describe(ctx), False, ""
    waits = ctx.options.wait and not ctx.options.check
    while stack is not None and waits and next_step(stack["StackStatus"]) is Step.AWAIT:
        ctx.say(f"{ctx.options.name} is {stack['StackStatus']}: attaching")
        attached = True
        progress = refresh_progress(ctx.other_client) if ctx.other_client else None
        outcome = watch(ctx, stack["StackId"], None, progress)
        if not outcome.succeeded:
            why = explained(ctx, outcome)
            ctx.say_block(why.lines())
            reason = why.sentence
        stack = describe(ctx)
    return {"changed": False, "stack": stack, "attached": attached, "reason": reason}
