"""Make the application importable as it is in its image: its folder is the root of its imports."""

import sys
from pathlib import Path

APP = Path(__file__).resolve().parents[3] / "app"
if str(APP) not in sys.path:
    sys.path.insert(0, str(APP))
