"""What keeps an embedded Postgres from serving."""


class EmbeddedPostgresError(Exception):
    """The embedded Postgres cannot be used; the message is one line that says what to do. Nothing is left running."""
