"""Where the API listens and what it may hold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The HTTP side."""

    host: str = "127.0.0.1"
    """The address to listen on; loopback until there are keys."""

    port: int = 8080
    """The port to listen on."""

    embedded_worker: bool = False
    """Whether the worker runs inside the API process instead of beside it."""

    metrics_window_sec: int = 3600
    """How many seconds back ``/metrics/reco`` looks."""

    metrics_max_samples: int = 50_000
    """How many requests ``/metrics/reco`` remembers at most."""

    body_timeout_s: int = 10
    """How many seconds a request's body may take to arrive."""
