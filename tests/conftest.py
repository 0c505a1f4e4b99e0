"""Fixtures for all tests: a state directory that ends with the test, and the runtimes of this machine."""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import signal
from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis
import pytest

import engines
import proctracker
import rootless
from proctracker.client.link import Link
from proctracker.store import Home
from proctracker.wire import election

ROOTLESS = engines.RootlessPodman.name
_NOT_OURS = ("SESSION", "CONTACT", "DEBUG", "DURABILITY", "JOB", "ATTEMPT")

_delegate = pytest.StashKey[rootless.Delegate]()
_absent = pytest.StashKey[dict[str, str]]()
_left_out = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Ours."""
    group = parser.getgroup("proctracker")
    group.addoption(
        "--no-runtime-skip", action="store_true", help="fail, not skip, the tests of a runtime that is not here"
    )
    group.addoption("--runtimes", metavar="NAME,…", help=f"only these of {', '.join(engines.ENGINES)}")
    group.addoption("--report-to", type=int, help="a descriptor to write reports to (rootless.py)")


def pytest_configure(config: pytest.Config) -> None:
    """Find out which runtimes are not here; compile the package, which many a test starts anew."""
    # A shell has what it runs behind ``&`` ignore these, and all that is started from there with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    # How long one example takes says how loaded the machine is.
    hypothesis.settings.register_profile("proctracker", deadline=None)
    hypothesis.settings.load_profile("proctracker")
    compileall.compile_dir(os.path.dirname(proctracker.__file__), quiet=2)
    config.stash[_absent] = {name: why for name in engines.ENGINES if (why := engines.tested(name).missing())}


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what nerdctl is: a real one, or a replay."""
    names = [name for name in engines.ENGINES if name.startswith("nerdctl") and name not in config.stash[_absent]]
    return [f"{name}: {engines.tested(name).kind()}" for name in names]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that asks for an engine on every one."""
    if "engine" in metafunc.fixturenames:
        asked = metafunc.config.getoption("--runtimes")
        absent = metafunc.config.stash[_absent]
        known = [name for name, kind in engines.ENGINES.items() if not (kind.optional and name in absent)]
        names = asked.split(",") if asked else [name for name in known if _wanted(metafunc, engines.ENGINES[name])]
        metafunc.parametrize("engine", names, indirect=True)


def _wanted(metafunc: pytest.Metafunc, kind: type[engines.Engine]) -> bool:
    """Whether an engine runs this module's tests."""
    return not kind.modules or metafunc.module.__name__.rpartition(".")[2] in kind.modules


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, by name, what an engine cannot show; the summary lists it."""
    known = {name: engines.tested(name).left_out for name in engines.ENGINES}
    reasons = {item: why for item in items if (why := _left_out_for(item, known))}
    items[:] = [item for item in items if item not in reasons]
    config.hook.pytest_deselected(items=[*reasons])
    config.stash[_left_out] = sorted({*reasons.values()})


def _left_out_for(item: pytest.Item, known: Mapping[str, Mapping[str, str]]) -> str | None:
    """Why a test, or its module, means nothing on its engine."""
    callspec = getattr(item, "callspec", None)
    name = str(callspec.params.get("engine")) if callspec else ""
    reasons = known.get(name, {})
    named = next((each for each in (item.path.stem, item.name.partition("[")[0]) if each in reasons), None)
    return f"{name}: {named}: {reasons[named]}" if named else None


@pytest.fixture(scope="session")
def started() -> Iterator[dict[str, engines.Engine]]:
    """The engines started so far, by name; all end with the test run."""
    found: dict[str, engines.Engine] = {}
    yield found
    for engine in found.values():
        engine.down()


@pytest.fixture
def engine(
    request: pytest.FixtureRequest, started: dict[str, engines.Engine], monkeypatch: pytest.MonkeyPatch
) -> Iterator[engines.Engine]:
    """A runtime, its environment set; its containers are gone after the test."""
    name = request.param
    why = request.config.stash[_absent].get(name)
    if why and request.config.getoption("--no-runtime-skip") and name not in engines.UNPACKAGED:
        pytest.fail(f"{name}: {why}", pytrace=False)
    if why:
        pytest.skip(why)
    if name not in started:
        started[name] = engines.tested(name).up()
    for variable, value in started[name].environ.items():
        monkeypatch.setenv(variable, value)
    yield started[name]
    if started[name].folder:
        started[name].clear()


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of the user's: no state directory, no configuration, none of our variables."""
    for name in _NOT_OURS:
        monkeypatch.delenv(f"PROCTRACKER_{name}", raising=False)
    monkeypatch.setenv("PROCTRACKER_HOME", "/nonexistent/proctracker")
    config = tmp_path_factory.getbasetemp() / "config.yaml"
    config.write_text("{}\n", encoding="utf-8")
    monkeypatch.setenv("PROCTRACKER_CONFIG", str(config))
    # A command that runs in this very process has notices and requests go to stderr, for good.
    for name in ("notice", "trace"):
        monkeypatch.setattr(Link, name, Link.__dict__[name])


@pytest.fixture
def home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    """A state directory of this test's own, in PROCTRACKER_HOME; whatever runs from it ends with the test."""
    if "engine" in request.fixturenames:
        request.getfixturevalue("engine")
    made = Home(str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("PROCTRACKER_HOME", made.path)
    yield made
    close(made)


def close(home: Home) -> None:
    """End keeper and supervisor of a state directory, then the jobs' processes."""
    while True:
        pids = {pid for key in _keys(home) for pid in election.holders(home.run, key)}
        if not pids:
            break
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        for pid in pids:
            engines.end(pid, how=signal.SIGKILL)
    if os.path.exists(os.path.join(home.path, "uuid")):
        for pid in engines.with_variable(f"PROCTRACKER_JOB={home.uuid}/"):
            engines.end(pid, how=signal.SIGKILL)


def _keys(home: Home) -> list[str]:
    """The confinements that have, or had, a supervisor."""
    names = os.listdir(home.run) if os.path.isdir(home.run) else []
    return sorted({name.split(".lock")[0] for name in names if ".lock" in name})


def delegated(item: pytest.Item) -> bool:
    """Whether a test is one for the ordinary user."""
    callspec = getattr(item, "callspec", None)
    return (
        os.geteuid() == 0
        and callspec is not None
        and callspec.params.get("engine") == ROOTLESS
        and ROOTLESS not in item.config.stash[_absent]
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the ordinary user's pytest, beside this one: much of a test's time is waiting."""
    tests = [item.nodeid for item in session.items if delegated(item)]
    if tests and not session.config.getoption("collectonly"):
        session.stash[_delegate] = rootless.Delegate(str(session.config.rootpath), tests)


def pytest_timeout_set_timer(item: pytest.Item) -> bool | None:
    """A test run by another pytest is timed by that one."""
    return True if delegated(item) else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Report for a delegated test what the ordinary user's pytest says."""
    if not delegated(item):
        return None
    stash, hook = item.session.stash, item.ihook
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    try:
        for data in stash[_delegate].of(item.nodeid):
            report = hook.pytest_report_from_serializable(config=item.config, data=data)
            if isinstance(report.longrepr, list):  # a skip's place and reason; JSON has no tuples
                report.longrepr = tuple(report.longrepr)
            hook.pytest_runtest_logreport(report=report)
    except RuntimeError as error:
        report = pytest.TestReport(item.nodeid, item.location, {}, "failed", str(error), "call")
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    item.session._setupstate.teardown_exact(nextitem)  # what the test before this one left to the next of its module
    return True


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the ordinary user's pytest."""
    if _delegate in session.stash:
        session.stash[_delegate].close()


class Reporter:
    """Writes every report to a descriptor, a line of JSON each."""

    def __init__(self, config: pytest.Config, fd: int) -> None:
        self.config, self.fd = config, fd

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pass one on."""
        data: dict[str, Any] = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        os.write(self.fd, json.dumps(data, default=str).encode() + b"\n")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Report to whoever asked for it."""
    fd = session.config.getoption("--report-to")
    if fd is not None:
        os.set_inheritable(fd, False)
        session.config.pluginmanager.register(Reporter(session.config, fd))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say which runtimes the tests ran on."""
    absent = config.stash[_absent]
    terminalreporter.write_sep("-", "runtimes")
    for name in engines.ENGINES:
        told = [absent[name], engines.UNPACKAGED.get(name, "")] if name in absent else [engines.tested(name).kind()]
        terminalreporter.write_line(": ".join([name, *filter(None, told)]))
    for why in config.stash.get(_left_out, ()):
        terminalreporter.write_line(f"left out: {why}")
