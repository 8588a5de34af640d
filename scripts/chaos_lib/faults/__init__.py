"""Every single fault by its name, in the order in which they are played."""

from __future__ import annotations

from scripts.chaos_lib.faults import absence, containers, engine, readers, store
from scripts.chaos_lib.scene import Fault

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for each in (engine, containers, absence, readers, store)
    for fault in each.FAULTS
}
