"""Every single fault by its name, in the order in which they are played."""

from __future__ import annotations

from scripts.chaos_lib.faults import absence, containers, engine, readers
from scripts.chaos_lib.scene import Fault

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (*engine.FAULTS, *containers.FAULTS, *absence.FAULTS, *readers.FAULTS)
}
