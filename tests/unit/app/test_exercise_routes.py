"""The routes of rehearsals: absent by default, bounded where they are present."""

import time

import pytest
from flask.testing import FlaskClient
from hello import create_app
from hello.exercise import MOST_SECONDS


@pytest.fixture
def client() -> FlaskClient:
    return create_app({"EXERCISE_ROUTES": "1", "APP_RELEASE": "r1"}).test_client()


@pytest.mark.parametrize("path", ["/exercise/slow?seconds=0", "/exercise/burn?seconds=0"])
@pytest.mark.parametrize("environ", [{}, {"EXERCISE_ROUTES": ""}, {"EXERCISE_ROUTES": "0"}, {"EXERCISE_ROUTES": "yes"}])
def test_they_are_not_served_unless_asked_for(path: str, environ: dict[str, str]) -> None:
    assert create_app(environ).test_client().get(path).status_code == 404


def test_slow_takes_the_time_and_no_processor(client: FlaskClient) -> None:
    elapsed, computed = time.monotonic(), time.thread_time()
    response = client.get("/exercise/slow?seconds=0.3")
    assert time.monotonic() - elapsed >= 0.3
    assert time.thread_time() - computed < 0.2
    assert (response.status_code, response.text) == (200, "0.3 seconds\n")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Release"] == "r1"


def test_burn_takes_processor_time(client: FlaskClient) -> None:
    computed = time.thread_time()
    assert client.get("/exercise/burn?seconds=0.3").status_code == 200
    assert time.thread_time() - computed >= 0.3


@pytest.mark.parametrize("route", ["slow", "burn"])
@pytest.mark.parametrize("seconds", ["", "-1", "nan", "inf", "-inf", "long", f"{MOST_SECONDS + 1}", "1e9", "0x1"])
def test_nonsense_is_refused_at_once_with_what_is_wanted(client: FlaskClient, route: str, seconds: str) -> None:
    start = time.monotonic()
    response = client.get(f"/exercise/{route}?seconds={seconds}")
    assert response.status_code == 400
    assert "a number from 0 to 30" in response.text
    assert response.headers["X-Release"] == "r1"
    assert time.monotonic() - start < 1


def test_no_seconds_are_refused(client: FlaskClient) -> None:
    assert client.get("/exercise/slow").status_code == 400
