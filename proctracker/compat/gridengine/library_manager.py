"""What stands for the C library of the Grid Engine DRMAA2 binding, and its log."""

from __future__ import annotations

import logging
import os
from typing import Any, ClassVar

from proctracker.compat.gridengine.drmaa2_constants import Capability
from proctracker.compat.gridengine.drmaa2_exceptions import BY_CODE, Drmaa2Exception, InvalidArgument, translated
from proctracker.sessions import functions


class Singleton:
    """A class of which there is one object."""

    _instances: ClassVar[dict[type, Any]] = {}

    def __new__(cls) -> Any:
        """The one object, made when it is first asked for."""
        if cls not in Singleton._instances:
            Singleton._instances[cls] = super().__new__(cls)
        return Singleton._instances[cls]

    @classmethod
    def get_instance(cls) -> Any:
        """The one object."""
        return cls()


class LibraryManager(Singleton):
    """Names, versions and capabilities."""

    @classmethod
    def get_drms_name(cls) -> str:
        """The name of what runs the jobs."""
        return functions.get_drms_name()

    @classmethod
    def get_drmaa_name(cls) -> str:
        """The name of this implementation."""
        return functions.get_drmaa_name()

    @classmethod
    def drmaa_supports(cls, capability: Any) -> bool:
        """Whether an optional capability is there."""
        try:
            name = Capability(int(capability)).name
        except (TypeError, ValueError):
            raise InvalidArgument(f"{capability!r} is no capability") from None
        if name.startswith("UNSET"):
            return False
        with translated():
            return bool(functions.supports(name))


class LogManager(Singleton):
    """Writes the log, as much as DRMAA2_LOG_LEVEL says."""

    @classmethod
    def get_logger(cls, name: str | None = None) -> logging.Logger:
        """A logger of the binding's."""
        found = logging.getLogger(f"drmaa2.{name}" if name else "drmaa2")
        level = os.environ.get("DRMAA2_LOG_LEVEL", "").upper()
        if isinstance(logging.getLevelName(level), int):
            found.setLevel(level)
        return found


class ExceptionMapper:
    """The exceptions by the C library's numbers."""

    @classmethod
    def check_status_code(cls, code: int) -> None:
        """Raise the exception of a number, or nothing for 0."""
        if code:
            kind = BY_CODE.get(int(code), Drmaa2Exception)
            raise kind(f"status code {int(code)}")
