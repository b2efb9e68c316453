"""What keeps an embedded server from serving."""


class EmbeddedPostgresError(Exception):
    """The embedded Postgres cannot be used; the message is one line that says what to do. Nothing is left running."""


class EmbeddedKafkaError(Exception):
    """A Kafka broker cannot be run here; the message is one line that says what to do. Nothing is left running."""
