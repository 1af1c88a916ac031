"""The service's figures in Prometheus text, read from the parts when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from callcenter.live import PbxLine
from callcenter.push.gateway import PushGateway
from callcenter.push.hub import Hub
from callcenter.screenpop import ScreenPop
from crm_core.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class Parts:
    """What the figures are read from."""

    lines: Mapping[str, PbxLine]
    hub: Hub
    gateway: PushGateway
    pops: ScreenPop
    outbox_age: Callable[[], float]
    clock: Clock


class Metrics:
    """One registry of this service alone: several in one process (tests) do not mix."""

    def __init__(self, parts: Parts) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Reader(parts))
        self.pop_latency = Histogram(
            "callcenter_pop_seconds",
            "From the PBX's time of the ring to the pop's way out; both clocks must agree",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
            registry=self._registry,
        )
        self._clock = parts.clock
        parts.pops.on_shown = self._pop_shown

    def _pop_shown(self, at: float) -> None:
        self.pop_latency.observe(max(0.0, self._clock.now().timestamp() - at))

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _Reader(Collector):
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterable[Metric]:
        yield from self._pbxes()
        yield from self._push()
        yield GaugeMetricFamily(
            "callcenter_outbox_age_seconds", "Age of the oldest event that waits", self._parts.outbox_age()
        )

    def _pbxes(self) -> Iterable[Metric]:
        lines = self._parts.lines.values()
        gauges: list[tuple[str, str, Callable[[PbxLine], float]]] = [
            ("callcenter_ami_connected", "Whether the PBX link is up", lambda line: float(line.link.state.up)),
            ("callcenter_ami_lag_seconds", "How long the newest event took", lambda line: line.link.lag_seconds or 0.0),
            ("callcenter_calls_live", "Calls that are live", lambda line: sum(1 for _ in line.live_calls())),
            ("callcenter_recorder_waiting_calls", "Calls to be written", lambda line: line.recorder.waiting_calls),
            ("callcenter_recorder_waiting_bytes", "Bytes to be written", lambda line: line.recorder.waiting_bytes),
            (
                "callcenter_recorder_failing",
                "Whether writing fails",
                lambda line: float(line.recorder.failing is not None),
            ),
            (
                "callcenter_journal_failing",
                "Whether the journal fails",
                lambda line: float(line.journal.failed is not None),
            ),
        ]
        counters: list[tuple[str, str, Callable[[PbxLine], float]]] = [
            ("callcenter_ami_events", "Events read", lambda line: line.link.stats.events),
            ("callcenter_ami_bytes", "Bytes read", lambda line: line.link.bytes_received),
            ("callcenter_ami_reconnects", "Connections after the first", lambda line: line.link.reconnects),
            ("callcenter_ami_consumer_errors", "Events whose use failed", lambda line: line.link.stats.consumer_errors),
            ("callcenter_recorder_events", "Events in the database", lambda line: line.recorder.committed_events),
            ("callcenter_recorder_refused_calls", "Calls that could not be stored", lambda line: line.recorder.refused),
            ("callcenter_journal_bytes", "Bytes written to the journal", lambda line: line.journal.bytes_written),
        ]
        for name, text, read in gauges:
            gauge = GaugeMetricFamily(name, text, labels=["pbx"])
            for line in lines:
                gauge.add_metric([line.name], read(line))
            yield gauge
        for name, text, read in counters:
            counter = CounterMetricFamily(name, text, labels=["pbx"])
            for line in lines:
                counter.add_metric([line.name], read(line))
            yield counter

    def _push(self) -> Iterable[Metric]:
        parts = self._parts
        yield GaugeMetricFamily("callcenter_push_connected", "Live connections", parts.gateway.connected)
        yield CounterMetricFamily("callcenter_push_messages", "Messages handed to sessions", parts.hub.delivered)
        yield CounterMetricFamily("callcenter_push_too_slow", "Connections closed as too slow", parts.gateway.too_slow)
        yield CounterMetricFamily("callcenter_push_resumed", "Sessions resumed", parts.gateway.resumed)
        yield CounterMetricFamily("callcenter_pops", "Pops shown", parts.pops.shown)
        yield CounterMetricFamily("callcenter_pops_acknowledged", "Pops acknowledged", parts.pops.acknowledged_count)
