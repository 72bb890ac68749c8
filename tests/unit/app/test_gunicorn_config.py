"""The numbers of gunicorn.conf.py in relation to those of the load balancer and of the machine."""

import importlib
import logging
import re
import runpy
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[3]
APP = PROJECT / "app"


def seconds_in(template: str, pattern: str) -> set[int]:
    """Every value that `pattern` finds in a template: what is deployed is asked, not a copy of it."""
    found = re.findall(pattern, (PROJECT / "cloudformation" / template).read_text())
    assert found, f"cloudformation/{template} has no {pattern!r}: look for it where the number went"
    return {int(value) for value in found}


def load() -> dict[str, Any]:
    return runpy.run_path(str(APP / "gunicorn.conf.py"))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("APP_BIND_ADDRESS", "APP_PORT", "WEB_CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)


def test_every_name_is_a_setting_of_gunicorn_and_valid() -> None:
    """gunicorn ignores names it does not know: a misspelt number would silently be its default."""
    known = importlib.import_module("gunicorn.config").Config()  # untyped: gunicorn ships no annotations
    helpers = {"is_worth_a_line"}
    for name, value in load().items():
        if name.startswith("__") or isinstance(value, ModuleType) or name in helpers:
            continue
        assert name in known.settings, f"gunicorn has no setting {name!r}"
        known.set(name, value)


def test_connection_outlives_the_load_balancers_idle_timeout() -> None:
    idle_timeouts = seconds_in("load_balancer.yml", r'idle_timeout\.timeout_seconds\s+Value: "?(\d+)')
    assert load()["keepalive"] > max(idle_timeouts)


def test_requests_may_finish_before_the_container_is_killed() -> None:
    assert load()["graceful_timeout"] < min(seconds_in("fleet.yml", r"--stop-timeout (\d+)"))


def test_threads_serve_kept_alive_connections() -> None:
    """Sync workers ignore keepalive altogether."""
    config = load()
    assert config["worker_class"] == "gthread"
    assert config["workers"] >= 2
    assert config["threads"] >= 2


def test_nothing_is_written_to_the_root_file_system() -> None:
    config = load()
    assert config["worker_tmp_dir"] == "/dev/shm"
    assert config["control_socket_disable"] is True
    assert (config["accesslog"], config["errorlog"]) == ("-", "-")


def test_by_default_only_this_machine_can_connect() -> None:
    assert load()["bind"] == "127.0.0.1:8080"


def test_address_port_and_processes_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_BIND_ADDRESS", "127.9.8.7")
    monkeypatch.setenv("APP_PORT", "9000")
    monkeypatch.setenv("WEB_CONCURRENCY", "5")
    config = load()
    assert (config["bind"], config["workers"]) == ("127.9.8.7:9000", 5)


@pytest.mark.parametrize(
    ("path", "status", "logged"),
    [
        ("/healthz", "200", False),
        ("/healthz", "500", True),
        ("/", "200", True),
        ("/healthz/more", "200", True),
    ],
)
def test_only_passed_health_checks_are_not_logged(path: str, status: str, logged: bool) -> None:
    atoms = {"U": path, "s": status}
    record = logging.LogRecord("gunicorn.access", logging.INFO, "", 0, "%(U)s", (atoms,), None)
    assert load()["is_worth_a_line"](record) is logged


def test_lines_of_another_shape_are_logged() -> None:
    record = logging.LogRecord("gunicorn.access", logging.INFO, "", 0, "started", None, None)
    assert load()["is_worth_a_line"](record) is True
