"""Records behave as dataclasses do, those of the standard library's functions included."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys

import pytest

from proctracker.model import JobInfo, JobRow, Observation
from proctracker.records import NamedTuple, field, record, replace


@record(frozen=True)
class Point:
    """Two numbers and what is said of them."""

    x: int
    y: int = 2
    said: dict = field(default_factory=dict)


@record
class Loose:
    x: int = 1


class Place(NamedTuple):
    """Where something is."""

    row: int
    column: int = 1

    @property
    def corner(self) -> bool:
        return self.row == self.column == 1


def test_named_tuples_are_as_typings():
    place = Place(3)
    assert (place, place.column, Place(column=1, row=1).corner) == ((3, 1), 1, True)
    assert (Place.__doc__, Place.__module__, Place._fields) == ("Where something is.", __name__, ("row", "column"))
    assert repr(place._replace(row=2)) == "Place(row=2, column=1)"
    assert pickle.loads(pickle.dumps(place)) == place
    with pytest.raises(TypeError, match=r"row"):
        Place()


def test_values_come_by_place_name_and_default():
    assert (Point(1).x, Point(1).y, Point(1).said) == (1, 2, {})
    assert Point(1, said={"a": 1}).said == {"a": 1}
    assert Point(1, None).y is None
    with pytest.raises(TypeError, match=r"x"):
        Point()
    with pytest.raises(TypeError, match=r"z"):
        Point(1, z=3)


def test_defaults_are_not_shared():
    assert Point(1).said is not Point(1).said


def test_records_compare_by_value_and_class():
    assert Point(1) == Point(1) != Point(2)
    assert Point(1) != (1, 2, {})
    assert Loose() == Loose(1)


def test_the_repr_builds_it_again():
    assert repr(Point(1)) == "Point(x=1, y=2, said={})"
    assert eval(repr(Point(3))) == Point(3)


def test_frozen_ones_hash_and_do_not_change():
    assert hash(Point(1, 2, ())) == hash(Point(1, 2, ()))
    with pytest.raises(dataclasses.FrozenInstanceError):
        Point(1).x = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del Point(1).x
    loose = Loose()
    loose.x = 5
    assert loose == Loose(5)
    with pytest.raises(TypeError, match="unhashable"):
        hash(loose)


def test_the_standard_functions_take_them():
    assert [each.name for each in dataclasses.fields(Point)] == ["x", "y", "said"]
    assert dataclasses.replace(Point(1), y=5) == replace(Point(1), y=5) == Point(1, 5)
    assert dataclasses.asdict(Point(1)) == {"x": 1, "y": 2, "said": {}}
    assert dataclasses.is_dataclass(JobRow)
    assert dataclasses.asdict(JobInfo(job_id="1"))["job_id"] == "1"


def test_they_copy_and_pickle():
    it = Observation(3, "x", labels={"a": "b"})
    assert copy.copy(it) == copy.deepcopy(it) == pickle.loads(pickle.dumps(it)) == it


def test_importing_the_model_does_without_the_standard_ones():
    code = "import sys, proctracker.model; sys.exit('dataclasses' in sys.modules or 'inspect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
