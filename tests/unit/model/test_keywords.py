"""The types of a template's attributes."""

from __future__ import annotations

from proctracker.model import JobTemplate, keywords


def test_every_attribute_has_its_type() -> None:
    assert set(keywords.TemplateAttributes.__annotations__) == set(JobTemplate.names())
    assert set(keywords.Attributes.__annotations__) == set(JobTemplate.names()) - {"args"}
    assert not keywords.TemplateAttributes.__required_keys__
