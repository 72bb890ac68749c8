"""`python -m rehearsal.scenarios`, as root, from the project's root; `make soak` does it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from rehearsal import environment
from rehearsal.errors import RehearsalError
from rehearsal.load.process import LoadError
from rehearsal.scenarios.soak import ACCOUNT, REGION, soak


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit("ended by a signal")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.scenarios",
        description="Releases of every kind under load; reports/soak.json counts what failed, and why.",
        epilog="Exit code 0: no request failed that is not explained, and everything was in order each time.",
    )
    parser.add_argument("--good-releases", type=int, default=10, help="how many in a row; default: %(default)s")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("The scenarios need root, because their local cloud does.")
    # Whatever ends this process must not leave a cloud behind.
    signal.signal(signal.SIGTERM, _end)
    try:
        with tempfile.TemporaryDirectory(prefix="soak-home-") as home:
            environment.enter(environment.clean(Path(home), environment.NOWHERE, ACCOUNT, REGION))
            results = soak(lambda text: print(text, flush=True), arguments.good_releases)
    except (RehearsalError, LoadError) as error:
        sys.exit(f"rehearsal: {error}")
    bad = [result.scenario for result in results if not result.good]
    print(f"{sum(result.requests for result in results):,} requests in {len(results)} scenarios.")
    if bad:
        sys.exit(f"Not as it should be: {'; '.join(bad)}")


if __name__ == "__main__":
    main()
