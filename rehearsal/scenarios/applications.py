"""Build contexts of good and of bad releases, all made from the working copy's application."""

from __future__ import annotations

from pathlib import Path

from rehearsal import application

_PAGE = '        return "Hello World!"'


class Applications:
    """Each context is made once and kept, so that the same release can be deployed again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def _copy(self, name: str) -> Path:
        directory = self._directory / name
        directory.mkdir(parents=True)
        return application.labelled(application.copy(directory), name)

    def good(self, name: str) -> Path:
        """The application as it is; the name makes it a release of its own."""
        return self._copy(name)

    def never_healthy(self) -> Path:
        """Starts, and never answers its health check."""
        return application.altered(self._copy("never-healthy"), '"/healthz"', '"/elsewhere"')

    def starts_slowly(self, seconds: float) -> Path:
        """Good, but answers nothing for some seconds of real time after each start."""
        return self._timed("starts-slowly", f"    time.sleep({seconds})")

    def answers_500(self) -> Path:
        """Healthy, and fails on every page: what no health check sees."""
        return application.altered(self._copy("answers-500"), _PAGE, '        raise RuntimeError("a bad release")')

    def turns_bad(self, seconds: float) -> Path:
        """Good for some seconds of real time, long enough for every check of its boot, and then fails on every page."""
        return application.altered(
            self._timed("turns-bad", f"    bad_from = time.monotonic() + {seconds}"),
            _PAGE,
            f'        if time.monotonic() > bad_from:\n            raise RuntimeError("a bad release")\n{_PAGE}',
        )

    def _timed(self, name: str, line: str) -> Path:
        """A copy with a line more, which uses `time`, in front of what makes the application."""
        context = application.altered(self._copy(name), "    app = Flask(", f"{line}\n    app = Flask(")
        return application.altered(context, "import os\n", "import os\nimport time\n")
