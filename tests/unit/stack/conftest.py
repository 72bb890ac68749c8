"""The plugin's package lies in the role, where Ansible's action plugin loads it from."""

from __future__ import annotations

import sys
from pathlib import Path

ROLE = Path(__file__).resolve().parents[3] / "roles" / "stack"
sys.path.insert(0, str(ROLE / "module_utils"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
