"""The modules that stand for a binding's: they are all in the wheel."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

from proctracker.compat import launch

HERE = Path(launch.__file__).parent


def test_every_binding_has_one() -> None:
    assert sorted(each.name for each in (HERE / "shims").iterdir()) == ["common", *sorted(launch.MODULES)]
    assert all((HERE / "shims" / name / module / "__init__.py").exists() for name, module in launch.MODULES.items())


def test_the_wheel_has_them() -> None:
    setup = ConfigParser()
    setup.read(Path(__file__).parents[3] / "setup.cfg")
    patterns = setup["options.package_data"]["proctracker.compat"].split(",")
    packed = {file for pattern in patterns for file in HERE.glob(pattern.strip())}
    assert packed == set((HERE / "shims").rglob("*.py"))
