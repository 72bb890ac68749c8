"""Runs the benchmarks: `python -m benchmarks`, as root, from the project's root; `make benchmark` does it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

from benchmarks import bad_releases, noop, releases, report
from benchmarks.report import Figures
from tests.cloud import Cloud

# A benchmark gets the number of rounds; its figures are named after it.
BENCHMARKS: Mapping[str, Callable[[int], Figures]] = {
    "noop": lambda rounds: _on_a_deployed_cloud(noop.measure, rounds),
    # One release takes minutes, and is a hundred samples of itself: it is not repeated.
    "release": lambda _: releases.measure(),
    "bad_release": lambda _: bad_releases.measure(),
}

LEAST_ROUNDS = 5


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit("ended by a signal")


def _on_a_deployed_cloud(measure: Callable[[Cloud, int], Figures], rounds: int) -> Figures:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        cloud = Cloud.at_a_free_place(Path(directory) / "localcloud")
        cloud.up()
        try:
            noop.deploy(cloud)
            return measure(cloud, rounds)
        finally:
            cloud.down()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"any of {sorted(BENCHMARKS)}; default: every one")
    parser.add_argument("--rounds", type=int, default=7, help=f"at least {LEAST_ROUNDS}; default: %(default)s")
    arguments = parser.parse_args()
    if arguments.rounds < LEAST_ROUNDS:
        parser.error(f"Medians need at least {LEAST_ROUNDS} rounds.")
    if os.geteuid() != 0:
        parser.error("The local cloud needs root.")
    # Whatever ends this process must not leave a cloud behind.
    signal.signal(signal.SIGTERM, _end)
    for name in arguments.names or BENCHMARKS:
        report.keep(BENCHMARKS[name](arguments.rounds))
    print(report.table(report.kept()))


if __name__ == "__main__":
    main()
