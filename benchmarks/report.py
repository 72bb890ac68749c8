"""The figures: reports/benchmark.json, flat, where every benchmark keeps its own; and a table for reading."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import ansible

from tests.cloud import PROJECT

Figures = Mapping[str, float | int | str]

FILE = PROJECT / "reports" / "benchmark.json"


def _collection_version() -> str:
    manifest = Path(ansible.__file__).parents[1] / "ansible_collections" / "amazon" / "aws" / "MANIFEST.json"
    return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])


def machine() -> Figures:
    """What the figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine_cores": os.cpu_count() or 0,
        "machine_memory_gib": round(memory / 2**30, 1),
        "machine_load_per_core": round(os.getloadavg()[0] / (os.cpu_count() or 1), 2),
        "machine_architecture": platform.machine(),
        "python": platform.python_version(),
        "ansible_core": version("ansible-core"),
        "amazon_aws": _collection_version(),
        "awscli": version("awscli"),
    }


def kept() -> Figures:
    """What was written so far; empty before the first benchmark."""
    if not FILE.is_file():
        return {}
    figures: dict[str, float | int | str] = json.loads(FILE.read_text(encoding="utf-8"))
    return figures


def keep(figures: Figures) -> None:
    """Write these figures, with the machine's, beside those that other benchmarks wrote."""
    FILE.parent.mkdir(exist_ok=True)
    text = json.dumps({**kept(), **figures, **machine()}, indent=2, sort_keys=True)
    written = FILE.with_suffix(".tmp")
    written.write_text(f"{text}\n", encoding="utf-8")
    written.replace(FILE)


def table(figures: Figures) -> str:
    """Every figure on a line of its own, in the order of the names."""
    width = max(map(len, figures), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in sorted(figures.items()))
