"""Postgres and only Postgres: the pool, the migrations, the queries by name, the tables of features and archives."""
