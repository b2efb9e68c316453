"""The settings: the only room that reads the environment, once, reporting every error together."""

from headrace.config.declared import SETTINGS, Setting
from headrace.config.reading import ConfigurationError, Settings, environment, read

__all__ = ["SETTINGS", "ConfigurationError", "Setting", "Settings", "environment", "read"]
