# SPDX-License-Identifier: Apache-2.0
"""All rows of all tables of a server's database, read past the server while it runs."""

import contextlib
import os
import sqlite3
import subprocess


class SqliteRows:
    def __init__(self, server):
        self.address = f"file:{server.state / 'nexodus.db'}?mode=ro"

    def read(self):
        """{table: its rows as texts, sorted}"""
        with contextlib.closing(sqlite3.connect(self.address, uri=True)) as database:
            tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            return {table: sorted(map(repr, database.execute(f"SELECT * FROM {table}"))) for (table,) in tables}

    def close(self):
        pass


class PostgresRows:
    """One psql that is kept: a process for each look would take longer than all else."""

    END = "that was all of it"

    def __init__(self, server):
        self.psql = subprocess.Popen(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", server.database], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
                                     env={**os.environ, "PGCLIENTENCODING": "UTF8"})
        self.tables = self.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")

    def ask(self, query):
        self.psql.stdin.write(f"{query};\n\\echo {self.END}\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line.rstrip("\n") == self.END:
                return lines
            lines.append(line.rstrip("\n"))
        raise AssertionError("psql has ended")

    def read(self):
        found = {table: [] for table in self.tables}
        query = " UNION ALL ".join(f"SELECT '{table}|' || to_jsonb(t)::text FROM {table} t" for table in self.tables)
        for line in self.ask(query):
            table, row = line.split("|", 1)
            found[table].append(row)
        return {table: sorted(rows) for table, rows in found.items()}

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()
        self.psql.stdout.close()


def Rows(server):
    return PostgresRows(server) if server.database else SqliteRows(server)
