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

from benchmarks import noop, report
from benchmarks.report import Figures
from tests.cloud import Cloud

# A benchmark gets a deployed cloud and the number of rounds; its figures are named after it.
BENCHMARKS: Mapping[str, Callable[[Cloud, int], Figures]] = {"noop": noop.measure}

LEAST_ROUNDS = 5


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit("ended by a signal")


def _deploy(cloud: Cloud) -> None:
    """The environment `local`; a second run proves that there is nothing left to do."""
    for run in (cloud.playbook("site.yml"), cloud.playbook("site.yml")):
        if run.status != 0:
            sys.exit(run.output)
    if run.changed != 0:
        sys.exit(f"Nothing changed, and yet site.yml changes something:\n{run.output}")


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
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        cloud = Cloud.at_a_free_place(Path(directory) / "localcloud")
        cloud.up()
        try:
            _deploy(cloud)
            for name in arguments.names or BENCHMARKS:
                figures = BENCHMARKS[name](cloud, arguments.rounds)
                report.keep(figures)
        finally:
            cloud.down()
    print(report.table(report.kept()))


if __name__ == "__main__":
    main()
