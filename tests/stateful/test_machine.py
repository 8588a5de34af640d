"""Anything may happen at any time; what always holds, holds."""

from __future__ import annotations

from hypothesis.stateful import run_state_machine_as_test

from tests.stateful.machine import SupervisorMachine


def test_what_always_holds(machine: type[SupervisorMachine]) -> None:
    """No sequence of events breaks what ``invariants`` says, and everything converges after it."""
    run_state_machine_as_test(machine)
