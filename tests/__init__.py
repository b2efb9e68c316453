"""The tests: ``python -m tests`` from the repository's root."""

from hypothesis import HealthCheck, settings

# How long a processor that others use as well takes says nothing about the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
