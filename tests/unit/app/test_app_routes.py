"""What the application answers."""

import pytest
from flask.testing import FlaskClient
from hello import create_app

IDENTITY = {
    "APP_RELEASE": "2026.11-3",
    "APP_IMAGE_DIGEST": "sha256:" + "0a" * 32,
    "APP_INSTANCE_ID": "i-0123456789abcdef0",
    "APP_ENV": "staging",
}


def client(environ: dict[str, str]) -> FlaskClient:
    return create_app(environ).test_client()


def test_root_says_hello_world() -> None:
    response = client({}).get("/")
    assert (response.status_code, response.text) == (200, "Hello World!")
    assert response.mimetype == "text/html"


def test_healthz_answers_ok_and_is_not_cached() -> None:
    response = client({}).get("/healthz")
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"


def test_version_says_what_the_environment_says() -> None:
    response = client(IDENTITY).get("/version")
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json == {
        "release": IDENTITY["APP_RELEASE"],
        "image_digest": IDENTITY["APP_IMAGE_DIGEST"],
        "instance_id": IDENTITY["APP_INSTANCE_ID"],
        "environment": IDENTITY["APP_ENV"],
    }


@pytest.mark.parametrize("environ", [{}, dict.fromkeys(IDENTITY, "")], ids=["unset", "empty"])
def test_version_is_null_where_nothing_is_known(environ: dict[str, str]) -> None:
    expected = dict.fromkeys(("release", "image_digest", "instance_id", "environment"))
    assert client(environ).get("/version").json == expected


def test_two_applications_share_nothing() -> None:
    first, second = client({"APP_RELEASE": "1"}), client({"APP_RELEASE": "2"})
    assert first.get("/version").get_json()["release"] == "1"
    assert second.get("/version").get_json()["release"] == "2"


def test_factory_reads_the_process_environment_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_RELEASE", "from-the-process")
    assert create_app().test_client().get("/version").get_json()["release"] == "from-the-process"


@pytest.mark.parametrize("path", ["/nowhere", "/static/x", "/version/"])
def test_nothing_else_is_served(path: str) -> None:
    assert client({}).get(path).status_code == 404


def test_routes_are_read_only() -> None:
    assert client({}).post("/").status_code == 405


@pytest.mark.parametrize("path", ["/", "/healthz", "/version", "/nowhere"])
def test_every_answer_says_who_gave_it(path: str) -> None:
    headers = client(IDENTITY).get(path).headers
    assert headers["X-Release"] == IDENTITY["APP_RELEASE"]
    assert headers["X-Instance-Id"] == IDENTITY["APP_INSTANCE_ID"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_refused_method_says_who_refused(method: str) -> None:
    response = client(IDENTITY).open("/", method=method)
    assert (response.status_code, response.headers["X-Release"]) == (405, IDENTITY["APP_RELEASE"])


def test_an_answer_to_an_error_of_the_application_says_who_gave_it() -> None:
    app = create_app(IDENTITY)

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("a bug")

    response = app.test_client().get("/broken")
    assert (response.status_code, response.headers["X-Instance-Id"]) == (500, IDENTITY["APP_INSTANCE_ID"])


def test_nothing_is_said_where_nothing_is_known() -> None:
    headers = client({}).get("/").headers
    assert "X-Release" not in headers
    assert "X-Instance-Id" not in headers
