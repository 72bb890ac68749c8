"""The activity history: what happened, why, and how it ended, in sentences.

The wording follows the examples of "Verify a scaling activity for an Auto Scaling group" and "Troubleshoot
issues in Amazon EC2 Auto Scaling" (EC2 Auto Scaling user guide): operators search for these sentences.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from localcloud.control_plane.autoscaling.model import Activity, Step

KEPT = 500
"""Activities remembered per group: AWS keeps six weeks, a local cloud does not live that long."""


def stamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sentences(now: float, *parts: str) -> str:
    """One cause: "At <now> …" for each part, except for one that brings its own "At …"."""
    return "  ".join(part if part.startswith("At ") else f"At {stamp(now)} {part}" for part in parts if part)


def record(step: Step, description: str, cause: str, where: tuple[str, str]) -> Activity:
    """Starts an activity; `where` is (subnet id, zone)."""
    details = {"Subnet ID": where[0], "Availability Zone": where[1]}
    activity = Activity(str(uuid.uuid4()), description, cause, step.now, "InProgress", details=details)
    group = step.group
    group.activities.insert(0, activity)
    del group.activities[KEPT:]
    return activity


def finish(activity: Activity | None, now: float, status: str = "Successful", message: str = "") -> None:
    """Ends an activity once; what it ended as first stays."""
    if activity is None or activity.ended is not None:
        return
    activity.status = status
    activity.progress = 100
    activity.ended = now
    activity.message = message


def progress(activity: Activity | None, status: str, percent: int) -> None:
    if activity is not None and activity.ended is None:
        activity.status = status
        activity.progress = percent
