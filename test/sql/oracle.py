#!/usr/bin/python3
"""Runs .test files against PostgreSQL, and compares the rows with those in the files. With --update the rows in the
files become PostgreSQL's: that is where all expected rows come from.

    oracle.py [--update] FILE...
"""

import sys

import psycopg2
from postgres import Postgres, Translator, translate


def blocks_of(lines):
    """(first line, kind, argument, sql, first line of the rows, line after the rows) for every block."""
    i = 0
    while i < len(lines):
        if not lines[i] or lines[i].startswith("#"):
            i += 1
            continue
        first, kind, argument = i, *(lines[i].split(None, 1) + [""])[:2]
        i += 1
        sql, rows_at = [], None
        while i < len(lines) and lines[i]:
            if lines[i] == "----" and rows_at is None:
                rows_at = i + 1
            elif rows_at is None:
                sql.append(lines[i])
            i += 1
        yield first, kind, argument, "\n".join(sql), rows_at, i


class Failed(Exception):
    pass


def expected_rows(server, translator, kind, argument, sql):
    """What PostgreSQL answers; None for blocks that have no rows, or that only Headrace knows."""
    if kind == "statement":
        if not argument.startswith("error"):
            for statement in translator.statements(sql):
                server.execute(statement)
        return None
    if kind == "query":
        rows = server.rows(translate(sql))
        return rows if argument == "ordered" else sorted(rows, key=lambda row: row.encode())
    if kind == "view":
        return sorted(server.rows(f"SELECT * FROM {argument}"), key=lambda row: row.encode())
    return None


def run_file(server, path, update):
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    server.reset()
    translator = Translator()
    replaced, compared = [], 0
    for first, kind, argument, sql, rows_at, end in blocks_of(lines):
        try:
            rows = expected_rows(server, translator, kind, argument, sql)
        except (psycopg2.Error, ValueError) as error:
            raise Failed(f"{path}:{first + 1}: PostgreSQL: {str(error).strip()}\n  {sql}")
        if rows is None:
            continue
        compared += 1
        if update:
            replaced.append((first, rows_at, end, rows))
        elif rows_at is None or lines[rows_at:end] != rows:
            shown = "\n    ".join(rows)
            raise Failed(f"{path}:{first + 1}: PostgreSQL has\n    {shown}\n  for {sql or argument}")
    if update:
        for first, rows_at, end, rows in reversed(replaced):
            start = rows_at - 1 if rows_at is not None else end
            lines[start:end] = ["----", *rows]
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
    print(f"{path}: {compared} results {'written' if update else 'as PostgreSQL has them'}")


def main():
    update = "--update" in sys.argv[1:]
    files = [argument for argument in sys.argv[1:] if argument != "--update"]
    failed = False
    with Postgres() as server:
        for path in files:
            try:
                run_file(server, path, update)
            except Failed as failure:
                print(failure)
                failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
