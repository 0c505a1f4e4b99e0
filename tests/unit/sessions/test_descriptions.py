"""The descriptions are sentences."""

from __future__ import annotations

from proctracker.sessions.descriptions import DESCRIPTIONS, EXTENSION_DESCRIPTIONS


def test_they_are_sentences() -> None:
    texts = [text for table in (*DESCRIPTIONS.values(), EXTENSION_DESCRIPTIONS) for text in table.values()]
    assert all(text[0].isupper() and text.endswith(".") and "\n" not in text for text in texts)
