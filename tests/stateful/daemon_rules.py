"""What happens to the daemon, its disk, clock and configuration; and who reads what it tells."""

from __future__ import annotations

from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from supervisor.lifecycle.session import ClipboardPolicy
from tests.stateful.drawing import PACE, WHICH, WorldMachine, one_of, pick
from tests.stateful.receiver import Mood

WAITS = (0.05, 0.3, 1.0, 5.0, 11.0, 61.0, 130.0, 310.0, 3700.0)
JUMPS = (-90_000.0, -3_600.0, -61.0, -5.0, 5.0, 61.0, 3_600.0, 90_000.0)
Disk = Literal["full", "full for long", "slow", "slow for files", "quick"]
Reading = Literal["connects", "is cut off", "pauses", "goes on"]


class DaemonRules(WorldMachine):
    """Crashes, restarts, a full or slow disk, time, readers."""

    @precondition(lambda self: self.world.daemon is not None)
    @rule(turns=st.integers(0, 60), reboots=st.booleans(), pace=PACE)
    def daemon_crashes(self, turns: int, reboots: bool, pace: int | None) -> None:  # noqa: FBT001
        """The daemon dies in the middle of whatever it does."""
        self.world.go(turns)
        self.world.crash()
        if reboots:
            self.world.boot()
            self.world.go(pace)

    @precondition(lambda self: self.is_up)
    @rule(pace=PACE)
    def daemon_is_restarted(self, pace: int | None) -> None:
        """The daemon is ended in order, which can take as long as it likes, and begins again."""
        self.world.stop()
        self.world.boot()
        self.world.go(pace)

    @precondition(lambda self: self.world.daemon is None)
    @rule(pace=PACE)
    def daemon_begins(self, pace: int | None) -> None:
        """The daemon is started again."""
        self.world.boot()
        self.world.go(pace)

    @precondition(lambda self: self.is_up)
    @rule(is_=one_of(Disk), pace=PACE)
    def disk(self, is_: Disk, pace: int | None) -> None:
        """The next changes cannot be stored; or everything that is stored takes its time."""
        daemon = self.world.answering
        match is_:
            case "full":
                self.world.faults.full_disk = 1
            case "full for long":
                self.world.faults.full_disk = 5
            case "slow":
                daemon.loop.hold_jobs(daemon.database._thread)
                self.world.store_was_slow = True
            case "slow for files":
                daemon.loop.hold_jobs(None)
            case "quick":
                self.world.faults.full_disk = 0
                daemon.loop.release_jobs()
        self.world.go(pace)

    @rule(turns=st.integers(1, 60))
    def daemon_works(self, turns: int) -> None:
        """Some more turns."""
        self.world.go(turns)

    @rule(seconds=st.sampled_from(WAITS))
    def time_passes(self, seconds: float) -> None:
        """Timers ring."""
        self.world.advance(seconds)

    @rule(clipboard=st.sampled_from(ClipboardPolicy), pace=PACE)
    def policy_changes(self, clipboard: ClipboardPolicy, pace: int | None) -> None:
        """An administrator bounds what everybody may copy, or lets more through."""
        self.world.bound_clipboard(clipboard)
        self.world.go(pace)

    @rule(seconds=st.sampled_from(JUMPS), pace=PACE)
    def clock_jumps(self, seconds: float, pace: int | None) -> None:
        """Somebody sets the wall clock."""
        self.world.jump(seconds)
        self.world.go(pace)

    @precondition(lambda self: self.is_up)
    @rule(which=WHICH, does=one_of(Reading), pace=PACE)
    def reader(self, which: int, does: Reading, pace: int | None) -> None:
        """Somebody follows the event stream from where they were before, and may be slow at it."""
        world = self.world
        reader = pick(world.readers, which)
        match does:
            case "connects":
                world.connect(reader)
            case "is cut off":
                reader.leave()
            case "pauses":
                reader.pause()
            case "goes on":
                reader.go_on()
        world.go(pace)

    @rule(mood=st.sampled_from(Mood), pace=PACE)
    def receiver(self, mood: Mood, pace: int | None) -> None:
        """Whom the webhook posts to accepts, refuses, or is not there."""
        self.world.receiver.mood = mood
        self.world.go(pace)
