"""The embedded log: durable records in Postgres, contiguous offsets from locked counter rows, appends grouped into one commit."""

from headrace.log.postgres.log import PartitionsDiffer, PostgresLog

__all__ = ["PartitionsDiffer", "PostgresLog"]
