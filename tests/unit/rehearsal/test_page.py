"""The page: whole, self-contained, readable by machine, in the dark and on a telephone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rehearsal.record.observation import Note, Observations
from rehearsal.report.page import MOST_FAILURES, render, write
from rehearsal.story import Story
from tests.unit.rehearsal.stories import FAILED_AT_ALL_KINDS, NEW, OLD, story

VOID = {"meta", "link", "br", "path"}


class Page(HTMLParser):
    """What there is on a page; a tag that is closed wrongly fails."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def failing() -> Page:
    return Page(render(story(FAILED_AT_ALL_KINDS)))


def test_it_refers_to_nothing_outside_itself() -> None:
    html = render(story(FAILED_AT_ALL_KINDS))
    page = Page(html)
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "action", "data"):
            assert (attributes.get(name) or "data:").startswith("data:"), attributes
    assert "@import" not in html
    assert not re.search(r"url\((?!data:)", html)
    assert not page.all("script")


def test_what_servers_say_is_text_and_no_markup(failing: Page) -> None:
    assert any("<script>alert('x')</script> & more" in (item.get("title") or "") for item in failing.all("td"))


def test_it_has_a_language_a_title_and_words_for_every_picture(failing: Page) -> None:
    assert failing.all("html") == [{"lang": "en"}]
    assert "5 of 1,199 requests failed" in failing.text
    pictures = failing.all("figure")
    assert len(pictures) == 2
    assert all(picture["role"] == "img" and len(picture["aria-label"] or "") > 40 for picture in pictures)
    assert all(picture["aria-hidden"] == "true" for picture in failing.all("svg"))
    assert len(failing.all("h1")) == 1


def test_every_failed_request_has_a_row(failing: Page) -> None:
    for words in ("refused", "truncated", "timeout", "502", "nobody", f"i-new000002 {NEW}"):
        assert words in failing.text
    many = {number: {"failure": "reset", "status": 0, "release": ""} for number in range(300, 300 + MOST_FAILURES + 50)}
    assert f"The first {MOST_FAILURES} of {MOST_FAILURES + 50}." in Page(render(story(many))).text
    assert "There are none." in Page(render(story())).text


def test_lanes_tell_what_was_done(failing: Page) -> None:
    titles = [item["title"] or "" for item in failing.all("div") if "title" in item]
    for words in (
        f"i-old000001, release {OLD}: InService, −0:10 to 0:30",
        f"i-new000002, release {NEW}: Pending:Wait, 0:06 to 0:10",
        "i-old000001 as a target: draining, 0:30 to 0:38",
        "weights: blue 100 %",
        "instance refresh InProgress, 0:05 to 0:40",
        "hello-production-fleet-blue: UPDATE_IN_PROGRESS, 0:03 to 0:39",
        "OK all the time: hello-production-blue-errors, hello-production-blue-unhealthy",
    ):
        assert any(words in title for title in titles), (words, titles)


def test_an_alarm_that_fires_has_a_row_of_its_own() -> None:
    made = story()
    firing = {"hello-production-blue-errors": "ALARM"}
    samples = [
        replace(sample, alarms=firing) if index == 30 else sample
        for index, sample in enumerate(made.observations.samples)
    ]
    page = Page(render(replace(made, observations=replace(made.observations, samples=samples))))
    titles = [item.get("title") or "" for item in page.all("div")]
    assert any("hello-production-blue-errors: ALARM, 0:20 to 0:21" in title for title in titles)


def test_what_was_done_from_outside_is_said_and_shown() -> None:
    made = story()
    killed = Note(made.began + 20, "instance i-old000001 was killed")
    page = Page(render(replace(made, observations=replace(made.observations, notes=[killed]))))
    assert "At 0:20 instance i-old000001 was killed." in page.text
    assert any(item.get("title") == "0:20 instance i-old000001 was killed" for item in page.all("div"))


def test_a_story_without_anything_is_a_page_too() -> None:
    nothing = story(requests=[], observations=Observations([], [], {}, gaps=["12 no answer"]))
    text = Page(render(nothing)).text
    assert "the wrong release serves" in text
    assert "The recording has gaps: 12 no answer" in text


def _browser(*words: str, directory: Path) -> str:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    assert browser, "chromium is missing: scripts/system_packages test installs it"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    return subprocess.run(
        [browser, *options, f"--user-data-dir={directory}", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


MEASURE = """<!doctype html><meta charset=utf-8><body style="margin:0">
<iframe src="report.html" style="border:0;width:{width}px;height:2000px"></iframe><pre id=found></pre><script>
onload = () => {{
  const frame = document.querySelector("iframe"), page = frame.contentDocument, view = frame.contentWindow;
  const texts = page.querySelectorAll("p, h1, h2, .label, .tick, table.phases");
  const boxes = [...texts].map(element => element.getBoundingClientRect());
  document.getElementById("found").textContent = JSON.stringify({{
    across: page.documentElement.scrollWidth,
    right: Math.max(...boxes.map(box => box.right)),
    left: Math.min(...boxes.filter(box => box.width > 1).map(box => box.left)),
    ground: view.getComputedStyle(page.body).backgroundColor,
    ink: view.getComputedStyle(page.body).color,
    bars: [...page.querySelectorAll(".lane .bar")].filter(bar => bar.getBoundingClientRect().width > 0).length,
    words: page.title,
  }});
}};</script>"""


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_browser_shows_it_light_and_dark_wide_and_narrow(tmp_path: Path, width: int, dark: bool) -> None:
    write(story(FAILED_AT_ALL_KINDS), tmp_path / "report.html")
    (tmp_path / "frame.html").write_text(MEASURE.format(width=width), encoding="utf-8")
    dom = _browser(
        "--allow-file-access-from-files",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}",
        "--window-size=1300,2100",
        "--virtual-time-budget=5000",
        "--dump-dom",
        (tmp_path / "frame.html").as_uri(),
        directory=tmp_path / "profile",
    )
    match = re.search(r"<pre id=\"found\">(.*?)</pre>", dom, re.DOTALL)
    assert match, dom
    found = json.loads(match.group(1))
    assert found["across"] <= width, "Nothing has to be scrolled sideways."
    assert found["right"] <= width
    assert found["left"] >= 0
    assert found["bars"] > 8
    lightness = [sum(map(int, re.findall(r"\d+", found[name])[:3])) for name in ("ground", "ink")]
    assert (lightness[0] < lightness[1]) is dark
    assert "5 of 1,199 requests failed" in found["words"]


def test_half_a_page_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "reports" / "page.html"
    write(story(), file)
    whole = file.read_text(encoding="utf-8")

    def fail(_: Story) -> str:
        raise RuntimeError("no page")

    monkeypatch.setattr("rehearsal.report.page.render", fail)
    with pytest.raises(RuntimeError):
        write(story(), file)
    assert file.read_text(encoding="utf-8") == whole
    assert [item.name for item in file.parent.iterdir()] == ["page.html"]
