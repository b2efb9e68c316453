"""The schema as a page: what ``docs/reference/schema.md`` must say, read from a migrated database.

./venv/bin/python -m tests.store.schema     writes the page anew
"""

import asyncio
from pathlib import Path
from typing import Final

import asyncpg

from tests.support.postgres import drop_database, fresh_database

PAGE: Final = Path(__file__).parents[2] / "docs/reference/schema.md"
SCOPES: Final = {
    "headrace": "Once for a space, whichever generation of features is read.",
    "headrace_g1": "Once for every generation: `headrace_g1`, `headrace_g2` and so on.",
}
HEAD: Final = """# Tables

Made from a migrated database; after a new migration: `./venv/bin/python -m tests.store.schema`.
The log's day tables (`log_records_2026_01_31`) are partitions of `log_records` and have its columns.
"""

_TABLES: Final = """
    SELECT c.oid, c.relname AS name, c.relkind = 'v' AS view, obj_description(c.oid, 'pg_class') AS comment
    FROM pg_class AS c WHERE c.relnamespace = $1::text::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
    ORDER BY c.relname
"""
_COLUMNS: Final = """
    SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
        pg_get_expr(d.adbin, d.adrelid) AS standard, a.attgenerated <> '' AS worked_out,
        col_description(a.attrelid, a.attnum) AS comment,
        coalesce(a.attnum = ANY (i.indkey), false) AS key
    FROM pg_attribute AS a
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary
    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


async def page(url: str) -> str:
    """Return the page of this database's schema."""
    connection = await asyncpg.connect(url)
    try:
        parts = [HEAD]
        for schema, sentence in SCOPES.items():
            parts.append(f"\n## `{schema}`\n\n{sentence}\n")
            for table in await connection.fetch(_TABLES, schema):
                kind = " (view)" if table["view"] else ""
                parts.append(f"\n### {table['name']}{kind}\n\n{table['comment'] or ''}\n\n| Column | Type | |\n|---|---|---|\n")
                parts.extend(_line(column) for column in await connection.fetch(_COLUMNS, table["oid"]))
        return "".join(parts).replace("\n\n\n", "\n\n")
    finally:
        await connection.close()


def _line(column: asyncpg.Record) -> str:
    remarks = []
    if column["key"]:
        remarks.append("key")
    elif column["required"]:
        remarks.append("required")
    if column["worked_out"]:
        remarks.append("worked out from others")
    elif column["standard"]:
        remarks.append(f"default `{column['standard']}`")
    if column["comment"]:
        remarks.append(column["comment"])
    return f"| {column['name']} | {column['type']} | {', '.join(remarks)} |\n"


async def _write() -> None:
    url = await fresh_database()
    PAGE.write_text(await page(url))
    await drop_database(url)


if __name__ == "__main__":
    asyncio.run(_write())
