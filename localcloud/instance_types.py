"""What an instance type gives a machine: processors and memory.

Source: DescribeInstanceTypes, `VCpuInfo.DefaultVCpus` and `MemoryInfo.SizeInMiB`, families t3, t3a, t4g, m and c.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

_MEMORY_OF_BURSTABLE = {"nano": 0.5, "micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}
_CPUS = {"nano": 2, "micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16}
_MEMORY_PER_CPU = {"m": 4, "c": 2}
_ARM_FAMILIES = ("t4g", "m6g", "m7g", "m8g", "c6g", "c7g", "c8g")
_INTEL_FAMILIES = ("t3", "t3a", "m5", "m6i", "m6a", "m7i", "m7a", "c5", "c6i", "c6a", "c7i", "c7a")


@dataclass(frozen=True)
class InstanceType:
    """`memory` in bytes; `architecture` in the words of EC2."""

    name: str
    cpus: int
    memory: int
    architecture: str

    @property
    def host_cpus(self) -> int:
        """An engine refuses a container more processors than the host has."""
        return min(self.cpus, os.cpu_count() or 1)


def instance_type(name: str) -> InstanceType | None:
    """None for a type that localcloud does not know."""
    family, _, size = name.partition(".")
    if size not in _CPUS or family not in (*_ARM_FAMILIES, *_INTEL_FAMILIES):
        return None
    burstable = family.startswith("t")
    if not burstable and size in ("nano", "micro", "small", "medium"):
        return None
    cpus = _CPUS[size]
    gib = _MEMORY_OF_BURSTABLE.get(size) if burstable else cpus * _MEMORY_PER_CPU[family[0]]
    if gib is None:
        return None
    return InstanceType(name, cpus, int(gib * 2**30), "arm64" if family in _ARM_FAMILIES else "x86_64")
