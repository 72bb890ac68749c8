"""The application: "Hello World!" and the two routes a fleet needs to be operated."""

import os
from collections.abc import Mapping

from flask import Flask, Response, jsonify

from hello.exercise import exercise

# Answers that describe one instance at one moment: nothing on the way may replay them.
NOT_CACHED = {"Cache-Control": "no-store"}

# Key in the answer of /version -> environment variable the machine's boot script sets.
IDENTITY = {
    "release": "APP_RELEASE",
    "image_digest": "APP_IMAGE_DIGEST",
    "instance_id": "APP_INSTANCE_ID",
    "environment": "APP_ENV",
}

# Header of every answer -> key of the identity: who answered can be told without asking for /version.
ANSWERED_BY = {"X-Release": "release", "X-Instance-Id": "instance_id"}


def create_app(environ: Mapping[str, str] = os.environ) -> Flask:
    """Build the application.

    `environ` is read once, here: what /version says cannot change while the process lives.
    """
    app = Flask(__name__, static_folder=None)
    identity = {key: environ.get(variable) or None for key, variable in IDENTITY.items()}
    answered_by = {header: value for header, key in ANSWERED_BY.items() if (value := identity[key])}

    @app.after_request
    def say_who_answered(response: Response) -> Response:
        response.headers.update(answered_by)
        return response

    @app.get("/")
    def hello() -> str:
        return "Hello World!"

    @app.get("/healthz")
    def healthz() -> Response:
        """Say that this process can answer.

        It asks no dependency on purpose: when a shared database stutters, a health check that
        asks it takes every instance out of service at once and has them all replaced.
        """
        return Response("ok\n", mimetype="text/plain", headers=NOT_CACHED)

    @app.get("/version")
    def version() -> Response:
        """Say which release answers, and from where. Values that are not set are null."""
        response = jsonify(identity)
        response.headers.update(NOT_CACHED)
        return response

    if environ.get("EXERCISE_ROUTES") == "1":
        app.register_blueprint(exercise)
    return app
