"""Promises of the image that can be read off its recipe, without an engine."""

import json
import re
from pathlib import Path

APP = Path(__file__).resolve().parents[3] / "app"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order: keyword and argument, comments dropped, lines joined."""
    text = re.sub(r"(?m)^#.*\n", "", (APP / "Dockerfile").read_text()).replace("\\\n", " ")
    pairs = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    return [(keyword, argument.strip()) for keyword, argument in pairs]


def final_stage() -> list[tuple[str, str]]:
    everything = instructions()
    last = max(index for index, (keyword, _) in enumerate(everything) if keyword == "FROM")
    return everything[last:]


def ignore_rules() -> list[str]:
    lines = (APP / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_process_1_is_gunicorn_itself() -> None:
    (command,) = [argument for keyword, argument in final_stage() if keyword in {"CMD", "ENTRYPOINT"}]
    assert json.loads(command)[0].endswith("/gunicorn")


def test_user_is_a_number_other_than_root() -> None:
    (user,) = [argument for keyword, argument in final_stage() if keyword == "USER"]
    uid, gid = (int(part) for part in user.split(":"))
    assert uid >= 1000
    assert gid >= 1000


def test_every_stage_starts_from_the_chosen_base() -> None:
    everything = instructions()
    assert everything[0] == ("ARG", "BASE_IMAGE=docker.io/library/python:3.13-slim")
    bases = [argument.split()[0] for keyword, argument in everything if keyword == "FROM"]
    assert bases == ["${BASE_IMAGE}", "${BASE_IMAGE}"]


def test_final_stage_takes_nothing_from_the_context_and_installs_nothing() -> None:
    for keyword, argument in final_stage():
        assert keyword != "ADD"
        if keyword == "COPY":
            assert argument.startswith("--from=build ")
        if keyword == "RUN":
            assert argument.startswith("rm -rf ")


def test_code_comes_after_the_dependencies() -> None:
    steps = [argument for keyword, argument in instructions() if keyword in {"RUN", "COPY"}]
    install = next(index for index, step in enumerate(steps) if "--require-hashes" in step)
    code = next(index for index, step in enumerate(steps) if step.startswith("hello "))
    assert install < code


def test_build_context_is_what_the_recipe_copies_and_the_recipe() -> None:
    rules = ignore_rules()
    assert rules[0] == "*", "everything is kept out first"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        argument.split()[0]
        for keyword, argument in instructions()
        if keyword == "COPY" and not argument.startswith("--from=")
    }
    assert let_in == copied | {"Dockerfile"}
    assert all((APP / name).exists() for name in let_in)


def test_requirements_are_pinned_hashed_and_name_no_index() -> None:
    text = (APP / "requirements.txt").read_text()
    pins = re.findall(r"(?m)^([a-z0-9-]+)==\S+.*\\$", text)
    assert {"flask", "gunicorn"} <= set(pins)
    for block in re.split(r"(?m)^(?=[a-z0-9])", text)[1:]:
        assert "--hash=sha256:" in block, block
    assert "://" not in text
    for line in (APP / "requirements.in").read_text().split():
        assert line in text, f"{line}: requirements.txt is older than requirements.in"
