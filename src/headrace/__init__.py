"""headrace: a real-time recommender whose next answer already reflects the last event."""

__version__ = "0.1.0"
