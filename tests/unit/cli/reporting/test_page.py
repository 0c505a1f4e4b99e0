"""The report's page as text; tests/e2e/test_report.py looks at it in a browser."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import re
import time
from typing import Any

import pytest

from proctracker.cli.reporting import page
from proctracker.model import JobState
from proctracker.store import Store
from stores import submit


class Parsed(html.parser.HTMLParser):
    """The elements of a page with their attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._inside = False
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self.texts.append("")

        self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self.texts and self._inside:
            self.texts[-1] += data

    def of(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        """Elements of a kind: attributes and text."""
        return [(each[1], text) for each, text in zip(self.elements, self.texts) if each[0] == tag]


EVIL = '</script><script>alert(1)</script><!--<script>"&\u202e\n\x1b[31m{{DATA}}'


def test_nothing_that_a_job_says_is_markup(pt: Any) -> None:
    empty = Parsed(pt("report").out)
    pt("submit", "-n", EVIL, "--", "sh", "-c", 'printf %s "$1" >&2; exit 3', "sh", EVIL)
    pt("wait", "1")
    text = pt("report").out
    found = Parsed(text)
    assert [each[0] for each in found.elements] == [each[0] for each in empty.elements]
    data = json.loads(found.of("script")[0][1])
    words = data["words"]
    escaped = '</script><script>alert(1)</script><!--<script>"&\\u202e\\n\\x1b[31m{{DATA}}'
    assert words[data["jobs"][0][2]] == escaped
    assert [words[line] for line in data["jobs"][0][19]] == [
        '</script><script>alert(1)</script><!--<script>"&\\u202e',
        "{{DATA}}",
    ]
    assert all(char.isprintable() or char == "\n" for char in text)


def test_a_session_with_an_odd_name_is_text_in_the_title(pt: Any) -> None:
    pt("-s", "<b>&amp;", "submit", "true")
    found = Parsed(pt("-s", "<b>&amp;", "report").out)
    assert found.of("title")[0][1] == "proctracker report: session <b>&amp;"
    assert not found.of("b")


def test_its_own_script_and_style_are_all_it_may_use(pt: Any) -> None:
    found = Parsed(pt("report").out)
    (policy,) = [each["content"] for each, _ in found.of("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    for tag, text in (("style", found.of("style")[0][1]), ("script", found.of("script")[1][1])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in str(policy)
    assert "default-src 'none'" in str(policy)
    assert not [each for _, each in found.elements if "src" in each or "href" in each or "style" in each]
    assert not re.search(r"https?:|@import|url\(", found.of("style")[0][1] + found.of("script")[1][1])


def test_times_are_what_became_of_the_job(pt: Any) -> None:
    pt("submit", "--retries", "1", "--", "sh", "-c", "exit 1")
    pt("wait", "1")
    pt("submit", "--hold", "true")
    first, second = json.loads(Parsed(pt("report").out).of("script")[0][1])["jobs"]
    # queued, running, waiting to be tried again, running, the end.
    assert first[-1][::2] == [0, 2, 4, 2, 6]
    assert all(time >= 0 for time in first[-1][1::2])
    assert second[-1][::2] == [1]


def test_what_is_long_is_shortened(pt: Any) -> None:
    pt("submit", "-n", "n" * 5000, "echo", "c" * 100_000)
    pt("wait", "1")
    assert len(pt("report").out) < len(pt("report").out.replace("n" * 300, "")) + 5000
    assert "n" * 301 not in pt("report").out


@pytest.mark.timeout(300)
def test_ten_thousand_jobs_that_failed_each_in_its_own_way(pt: Any, home: Any) -> None:
    """Two seconds of a processor and 8 MB; where the machine is loaded the wall clock says more of the others."""
    store, now = Store(home), time.time()
    rows = submit(
        store,
        tasks=10_000,
        state=int(JobState.FAILED),
        submitted=now - 60,
        dispatched=now - 50,
        finished=now,
        exit_status=3,
    )
    store.begin()
    for state, when in ((JobState.RUNNING, now - 50), (JobState.FAILED, now)):
        store.transitions_many([(row.id, 1, when, int(state), None) for row in rows])
    store.commit()
    store.close()
    for row in rows:
        path = home.kept(row.id, 1, "err")
        with open(path, "w") if row.task > 1 else _first(path) as file:
            file.write("".join(f"{row.id} line {number} {'x' * 60}\n" for number in range(30)))
    took = []
    for _ in range(3):
        began = time.process_time()
        found = pt("report")
        took.append(time.process_time() - began)
    assert found.code == 0
    assert len(found.out) < 8_000_000
    assert len(json.loads(Parsed(found.out).of("script")[0][1])["jobs"]) == 10_000
    assert min(took) < 2.0


def _first(path: str) -> Any:
    """The folder is there from the first file on."""
    import os

    os.makedirs(os.path.dirname(path), exist_ok=True)
    return open(path, "w")


def test_an_adopted_job_has_what_its_row_tells(home: Any) -> None:
    from proctracker.cli.reporting.history import Past
    from proctracker.model import JobRow
    from proctracker.tracker import infos

    row = JobRow("1", 1, state=int(JobState.UNDETERMINED), submitted=10.0, dispatched=11.0, finished=15.0)
    assert page._parts(Past(row, infos.info(row), [], {}), 10.0) == [0, 0, 2, 1000, 6, 4000]
