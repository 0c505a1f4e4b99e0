"""Signals are something to select on."""

from __future__ import annotations

import os
import select
import signal
import time

import pytest

from proctracker.cli import signals as module
from proctracker.cli.signals import GivenUp, Signals


def test_signals_are_taken_once_and_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with Signals() as signals:
        signals.armed = True
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert select.select([signals], [], [], 5)[0] == [signals]
        assert signals.take() == [signal.SIGTERM, signal.SIGINT]
        assert signals.take() == []
    assert signal.getsignal(signal.SIGTERM) is before


def test_ignored_ones_stay_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signals.take() == []
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_submission_that_hangs_can_be_given_up():
    with Signals():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_one_signal_is_enough_where_a_submission_goes_on_hanging(monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.02)
    with Signals():
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(GivenUp) as caught:
            time.sleep(20)
    assert caught.value.code == 143


@pytest.mark.parametrize("given", [False, True])
def test_what_a_signal_asked_for_may_hang_too(given):
    def hang(signals):
        with signals.impatient(20 if given else 0.02):
            if given:
                os.kill(os.getpid(), signal.SIGINT)
            time.sleep(20)

    with Signals() as signals:
        signals.armed = True
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(GivenUp):
            hang(signals)
        assert signals.armed


def test_going_on_is_told():
    called = []
    with Signals() as signals:
        signals.on_continue = lambda: called.append(1)
        os.kill(os.getpid(), signal.SIGCONT)
        assert signals.take() == []
    assert called == [1]
