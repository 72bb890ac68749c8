"""`python -m rehearsal ENVIRONMENT`, as root, from the project's root; `make rehearse ENV=<environment>` does it."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from rehearsal import cloud, environment, inventory
from rehearsal.errors import RehearsalError
from rehearsal.load.plan import PlanError, check_rate
from rehearsal.load.process import LoadError
from rehearsal.release import Wishes, before, rehearse

TIME_SCALE = 5.0
RATE = 200.0


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit("ended by a signal")


def _say(text: str) -> None:
    print(text, flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal",
        description="Release the working copy's application with an environment's own inventory, on a local cloud.",
        epilog="Exit code 0: no request failed, and the right release serves. 1: anything else.",
    )
    parser.add_argument("environment", help="a folder of inventories/")
    parser.add_argument("--from", dest="revision", default="", help="git revision whose application serves before")
    parser.add_argument("--rate", type=float, default=RATE, help="requests per second; default: %(default)g")
    parser.add_argument(
        "--time-scale", type=float, default=TIME_SCALE, help="how many times faster delays pass; default: %(default)g"
    )
    parser.add_argument("--release-strategy", default="", help="another than the inventory's, for this once")
    return parser.parse_args()


def main() -> int:
    arguments = _parse()
    if os.geteuid() != 0:
        sys.exit("A rehearsal needs root, because its local cloud does.")
    # Whatever ends this process must not leave a cloud behind.
    signal.signal(signal.SIGTERM, _end)
    try:
        check_rate(arguments.rate)
    except PlanError as error:
        sys.exit(f"rehearsal: {error}")
    directory = Path(tempfile.mkdtemp(prefix="rehearsal-"))
    try:
        place = cloud.free_place()
        # From here on nothing in this process, or in one that it starts, knows what the caller's environment holds.
        environment.enter(environment.clean(directory, place.endpoint, "000000000000", "us-east-1"))
        found = inventory.read(arguments.environment, os.environ)
        context = before(arguments.revision, directory / "before", os.environ)
        wishes = Wishes(arguments.rate, arguments.release_strategy)
        terms = cloud.Terms(found.account, found.region, arguments.time_scale)
        _say(f"A local cloud for {found.env_name}, account {found.account} …")
        with cloud.running(directory, place, terms) as running:
            return rehearse(running, arguments.environment, context, wishes, _say)
    except KeyboardInterrupt:
        sys.exit("rehearsal: interrupted; nothing is left of it")
    except (RehearsalError, LoadError) as error:
        sys.exit(f"rehearsal: {error}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
