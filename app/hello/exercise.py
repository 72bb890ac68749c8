"""Routes that take long or compute, for rehearsing under load. Served only where EXERCISE_ROUTES is 1."""

import math
import time
from collections.abc import Callable

from flask import Blueprint, Response, abort, request

# No request of a rehearsal takes longer than any request may: graceful_timeout of gunicorn.conf.py.
MOST_SECONDS = 30.0

exercise = Blueprint("exercise", __name__, url_prefix="/exercise")


def _seconds() -> float:
    """Read ?seconds=; whatever is not a number from 0 to MOST_SECONDS ends the request with 400."""
    try:
        seconds = float(request.args.get("seconds", ""))
    except ValueError:
        seconds = math.nan
    # Not a number compares as false, so it is refused as well.
    if not 0 <= seconds <= MOST_SECONDS:
        abort(400, f"seconds must be a number from 0 to {MOST_SECONDS:g}, such as ?seconds=1.5.")
    return seconds


def _answer_after(spend: Callable[[float], object]) -> Response:
    seconds = _seconds()
    spend(seconds)
    return Response(f"{seconds:g} seconds\n", mimetype="text/plain", headers={"Cache-Control": "no-store"})


def _compute(seconds: float) -> None:
    """Use processor time: what threads that wait for each other do not get does not count."""
    end = time.thread_time() + seconds
    latest = time.monotonic() + MOST_SECONDS
    while time.thread_time() < end and time.monotonic() < latest:
        pass


@exercise.get("/slow")
def slow() -> Response:
    """Wait, as for a slow database, and then answer."""
    return _answer_after(time.sleep)


@exercise.get("/burn")
def burn() -> Response:
    """Use the processor, and then answer."""
    return _answer_after(_compute)
