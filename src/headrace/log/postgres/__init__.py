"""The embedded log: durable records in Postgres, contiguous offsets, many appends in one commit."""

from headrace.log.postgres.ferry import PostgresFerry
from headrace.log.postgres.log import PostgresLog

__all__ = ["PostgresFerry", "PostgresLog"]
