"""The embedded Postgres: the wheel's own ``initdb`` and ``postgres``, so that nothing needs installing."""
