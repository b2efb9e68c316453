"""The compatible face: ``app.main:app`` for ASGI servers and ``python3 -m app.worker_main`` for the worker."""
