"""What is counted as it happens: the recorders of engine, reactor, relay and audit in one place.

Labels have few values, all of them ours: no user, no session, no image, nothing that was sent.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from supervisor.reactor.milestones import Stage

PREFIX = "fastx_supervisor"

_CALL_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)
"""From a look at an image to a pull."""
_STAGE_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)
_DELAY_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)
_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Instruments:
    """Counters and histograms on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._count_launches()
        self._count_engine()
        self._count_relay()
        self._lag = self._histogram(
            "event_loop_lag_seconds", "How late the event loop was, sampled.", _LAG_SECONDS
        )
        self._commits = self._histogram(
            "store_commit_duration_seconds", "Transactions that were committed.", _COMMIT_SECONDS
        )
        self._audit = self._counter("audit_records", "Audit records that were written.")
        self._audit_lost = self._counter(
            "audit_records_lost", "Audit records that could not be written."
        )

    def _count_launches(self) -> None:
        self._launches = self._counter(
            "launches", "Launches that are through: Ready, or the reason of the end.", "outcome"
        )
        self._refused = self._counter(
            "launches_refused", "Starts that were refused at once, by the problem's code.", "code"
        )
        self._stages = self._histogram(
            "launch_stage_duration_seconds", "Stages of launches.", _STAGE_SECONDS, "stage"
        )

    def _count_engine(self) -> None:
        self._calls = self._histogram(
            "engine_call_duration_seconds",
            "Calls of the engine, well or ill.",
            _CALL_SECONDS,
            "call",
        )
        self._errors = self._counter(
            "engine_call_errors", "Calls of the engine that failed, by error.", "call", "code"
        )
        self._streams = self._counter(
            "engine_event_streams", "How often the engine's events were followed anew."
        )
        self._delays = self._histogram(
            "engine_event_delay_seconds", "From an event to its arrival here.", _DELAY_SECONDS
        )

    def _count_relay(self) -> None:
        self._requests = self._counter(
            "http_requests", "Requests, by route.", "listener", "method", "route", "status"
        )
        self._latency = self._histogram(
            "http_request_duration_seconds",
            "Requests that do not stream.",
            _REQUEST_SECONDS,
            *("listener", "route"),
        )
        self._display = self._counter("display_bytes", "Carried for viewers.", "direction")
        self._cut_off = self._counter(
            "stream_readers_cut_off", "Readers that could not follow.", "stream"
        )
        self._posts = self._counter("webhook_attempts", "Requests to the webhook.", "outcome")
        for direction in ("to_viewer", "to_agent"):
            self._display.labels(direction)

    def stage_passed(self, stage: Stage, seconds: float) -> None:
        """See LaunchRecorder."""
        self._stages.labels(stage.value).observe(seconds)

    def launch_ended(self, outcome: str) -> None:
        """See LaunchRecorder."""
        self._launches.labels(outcome).inc()

    def engine_answered(self, call: str, seconds: float) -> None:
        """See EngineRecorder."""
        self._calls.labels(call).observe(seconds)

    def engine_failed(self, call: str, code: str) -> None:
        """See EngineRecorder."""
        self._errors.labels(call, code).inc()

    def engine_stream_opened(self) -> None:
        """See EngineRecorder."""
        self._streams.inc()

    def engine_event_arrived(self, delay_seconds: float) -> None:
        """See EngineRecorder."""
        self._delays.observe(delay_seconds)

    def request_answered(self, listener: str, method: str, route: str, status: int) -> None:
        """See relay.measures.Measures."""
        self._requests.labels(listener, method, route, str(status)).inc()

    def request_took(self, listener: str, route: str, seconds: float) -> None:
        """See relay.measures.Measures."""
        self._latency.labels(listener, route).observe(seconds)

    def launch_refused(self, code: str) -> None:
        """See relay.measures.Measures."""
        self._refused.labels(code).inc()

    def display_carried(self, direction: str, size_bytes: int) -> None:
        """See relay.measures.Measures."""
        self._display.labels(direction).inc(size_bytes)

    def reader_cut_off(self, stream: str) -> None:
        """See relay.measures.Measures."""
        self._cut_off.labels(stream).inc()

    def webhook_attempted(self, outcome: str) -> None:
        """See relay.measures.Measures."""
        self._posts.labels(outcome).inc()

    def loop_lagged(self, seconds: float) -> None:
        """One sample of the event loop."""
        self._lag.observe(seconds)

    def committed(self, seconds: float) -> None:
        """One transaction; may be told from any thread."""
        self._commits.observe(seconds)

    def audited(self, records: int) -> None:
        """Records that were written; from any thread."""
        self._audit.inc(records)

    def audit_lost(self, records: int) -> None:
        """Records that could not be; from any thread."""
        self._audit_lost.inc(records)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", meaning, labels, registry=self._registry)

    def _histogram(
        self, name: str, meaning: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        full = f"{PREFIX}_{name}"
        return Histogram(full, meaning, labels, buckets=buckets, registry=self._registry)
