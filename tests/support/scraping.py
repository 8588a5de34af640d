"""Metrics as Prometheus would store them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


def samples(exposed: bytes) -> dict[str, float]:
    """What Prometheus would store, by ``name{label="value"}``, without our prefix."""
    found = {}
    for family in text_string_to_metric_families(exposed.decode()):
        for sample in family.samples:
            labels = ",".join(f'{key}="{value}"' for key, value in sorted(sample.labels.items()))
            name = sample.name.removeprefix("fastx_supervisor_")
            found[f"{name}{{{labels}}}" if labels else name] = sample.value
    return found
