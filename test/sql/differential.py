#!/usr/bin/python3
"""Compares Headrace with PostgreSQL on random streams, rows and queries of the supported kinds.

    differential.py [--seed N] [--seconds N] PATH/TO/sql_runner

Each round makes a script from its seed, which is printed when the answers differ, runs it through `sql_runner --print`
(where rows arrive shuffled, repeated, and cut into epochs) and through PostgreSQL, and compares all rows.
"""

import argparse
import random
import subprocess
import sys
import time

import psycopg2
from oracle import blocks_of, expected_rows
from postgres import Postgres, Translator

# (name, type, category)
COLUMNS = [
    ("i", "integer", "number"),
    ("b", "bigint", "number"),
    ("s", "smallint", "number"),
    ("n", "numeric(8,2)", "number"),
    ("m", "numeric", "number"),
    ("f", "double precision", "float"),
    ("t", "text", "text"),
    ("u", "text", "text"),
    ("p", "boolean", "boolean"),
    ("q", "boolean", "boolean"),
    ("at", "timestamptz", "time"),
    ("d", "date", "date"),
]


class Script:
    """A random script. Values are small and few, so that groups and ties are many; numbers stay far from overflow."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.blocks = []

    def one_of(self, *options):
        return self.random.choice(options)

    def value(self, category, type_name):
        r = self.random
        if r.random() < 0.12:
            return "NULL"
        if category == "number":
            if type_name.startswith("numeric"):
                return self.one_of("0", "1", "-1", "2.5", "1.50", "1.5", "-3.25", "10.01", str(r.randint(-999, 999)))
            return str(self.one_of(0, 1, -1, 2, 3, r.randint(-100, 100)))
        if category == "float":
            return self.one_of("0", "1", "-1", "0.5", "2.25", "-4.75", str(r.randint(-64, 64) / 8))
        if category == "text":
            return self.one_of("''", "'a'", "'b'", "'A'", "'ab'", "'abc'", "'a b'", "'über'", "'%'", "'a_b'")
        if category == "boolean":
            return self.one_of("true", "false")
        minutes = r.randint(0, 60 * 24 * 3)
        if category == "time":
            return f"'2001-01-{1 + minutes // 1440:02}T{minutes // 60 % 24:02}:{minutes % 60:02}:{r.randint(0, 59):02}Z'"
        return f"'2001-01-{1 + minutes // 1440:02}'"

    # Expressions ------------------------------------------------------------------------------------------------------

    def number(self, depth=0):
        r = self.random
        if depth > 2 or r.random() < 0.4:
            return self.one_of("i", "b", "s", "n", "m", "i", "n", str(r.randint(-5, 5)), "1.5")
        return self.one_of(
            lambda: f"({self.number(depth + 1)} {self.one_of('+', '-', '*')} {self.number(depth + 2)})",
            lambda: f"({self.number(depth + 1)} / {self.one_of('2', '4', '3', '2.5', '7')})",
            lambda: f"abs({self.number(depth + 1)})",
            lambda: f"-({self.number(depth + 1)})",
            lambda: f"coalesce({self.number(depth + 1)}, {self.number(depth + 1)})",
            lambda: f"CASE WHEN {self.condition(depth + 1)} THEN {self.number(depth + 1)} ELSE {self.number(depth + 1)} END",
            lambda: f"{self.one_of('greatest', 'least')}({self.number(depth + 1)}, {self.number(depth + 1)})",
            lambda: f"nullif({self.number(depth + 1)}, {self.number(depth + 1)})",
            lambda: f"length({self.text(depth + 1)})",
            lambda: f"extract({self.one_of('hour', 'minute', 'day', 'dow', 'epoch')} from at)",
            lambda: f"round({self.number(depth + 1)}::numeric, {self.one_of('0', '1', '2')})",
            lambda: f"floor({self.number(depth + 1)}::numeric)",
            lambda: f"({self.number(depth + 1)})::numeric(20,3)",
        )()

    def text(self, depth=0):
        r = self.random
        if depth > 2 or r.random() < 0.4:
            return self.one_of("t", "u", "t", "'x'", "'ab'")
        return self.one_of(
            lambda: f"({self.text(depth + 1)} || {self.text(depth + 1)})",
            lambda: f"{self.one_of('upper', 'lower', 'reverse', 'trim')}({self.text(depth + 1)})",
            lambda: f"substring({self.text(depth + 1)}, {r.randint(-1, 3)}, {r.randint(0, 4)})",
            lambda: f"replace({self.text(depth + 1)}, 'a', {self.text(depth + 1)})",
            lambda: f"coalesce({self.text(depth + 1)}, 'none')",
            lambda: f"CASE WHEN {self.condition(depth + 1)} THEN {self.text(depth + 1)} END",
            lambda: f"left({self.text(depth + 1)}, {r.randint(-2, 3)})",
            lambda: f"({self.one_of('i', 'n', 'b', 'd', 'p')})::text",
            lambda: f"concat({self.text(depth + 1)}, {self.one_of('i', 'n')})",
            lambda: f"split_part({self.text(depth + 1)}, 'b', 1)",
        )()

    def condition(self, depth=0):
        r = self.random
        if depth > 2:
            return self.one_of("p", "q", "i > 0", "t = 'a'", "n IS NULL")
        compare = ["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"]
        return self.one_of(
            lambda: f"{self.number(depth + 1)} {r.choice(compare)} {self.number(depth + 1)}",
            lambda: f"{self.text(depth + 1)} {r.choice(compare)} {self.text(depth + 1)}",
            lambda: f"({self.condition(depth + 1)} {self.one_of('AND', 'OR')} {self.condition(depth + 1)})",
            lambda: f"NOT ({self.condition(depth + 1)})",
            lambda: f"({self.number(depth + 1)}) IS {self.one_of('', 'NOT ')}NULL",
            lambda: f"({self.condition(depth + 1)}) IS {self.one_of('', 'NOT ')}{self.one_of('TRUE', 'FALSE', 'UNKNOWN')}",
            lambda: f"{self.number(depth + 1)} {self.one_of('', 'NOT ')}IN (1, 2, {self.number(depth + 1)})",
            lambda: f"{self.number(depth + 1)} {self.one_of('', 'NOT ')}BETWEEN -2 AND {self.number(depth + 1)}",
            lambda: f"{self.text(depth + 1)} {self.one_of('', 'NOT ')}LIKE {self.one_of(chr(39) + 'a%' + chr(39), chr(39) + '%b' + chr(39), chr(39) + '_' + chr(39), chr(39) + '%' + chr(39))}",
            lambda: f"at {r.choice(compare)} '2001-01-02T00:00:00Z'",
            lambda: f"d {r.choice(compare)} DATE '2001-01-02'",
            lambda: f"f {r.choice(compare)} {self.one_of('0', '0.5', '-1')}",
        )()

    def scalar(self, number=None):
        return self.one_of(
            number or self.number, self.text, self.condition, lambda: "f", lambda: "at", lambda: "d",
            lambda: f"date_trunc('{self.one_of('hour', 'day', 'minute')}', at)",
            lambda: f"at + INTERVAL '{self.random.randint(1, 90)} minutes'",
            lambda: "f * 2", lambda: "d + 1",
        )()

    def group(self):
        return self.one_of("t", "u", "i", "p", "n", "s", "d", "t", "i", f"({self.condition(1)})", f"lower({self.text(1)})",
                           "date_trunc('hour', at)", f"({self.number(2)})::numeric(20,2)")

    def aggregate(self):
        filtered = f" FILTER (WHERE {self.condition(1)})" if self.random.random() < 0.2 else ""
        call = self.one_of(
            lambda: "count(*)",
            lambda: f"count({self.scalar()})",
            lambda: f"sum({self.number()})",
            lambda: f"avg({self.number()})",
            lambda: f"{self.one_of('sum', 'avg')}(f)",
            lambda: f"{self.one_of('min', 'max')}({self.scalar_ordered()})",
            lambda: f"{self.one_of('bool_and', 'bool_or', 'every')}({self.condition()})",
            lambda: f"{self.one_of('arg_min', 'arg_max')}({self.one_of('t', 'i', 'd', 's')}, {self.one_of('at', 'i', 'd', 'f', 's')})",
            lambda: f"{self.one_of('first', 'last')}({self.one_of('u', 'i')} ORDER BY {self.one_of('at', 's')}{self.one_of('', ' DESC')})",
            lambda: f"approx_count_distinct({self.one_of('t', 'i', 's', 'd')})",
        )()
        return call + filtered

    def scalar_ordered(self):
        return self.one_of("t", "i", "b", "f", "at", "d", "s", f"{self.text(1)}", "i + s", "at - INTERVAL '1 day'")

    # Queries ----------------------------------------------------------------------------------------------------------

    def relation(self, name):
        if self.random.random() < 0.25:
            size = self.one_of("1 minute", "15 minutes", "1 hour", "1 day")
            return f"TUMBLE({name}, at, INTERVAL '{size}') w", True
        return name, False

    def where(self):
        return f" WHERE {self.condition()}" if self.random.random() < 0.5 else ""

    def query(self, name):
        relation, windowed = self.relation(name)
        r = self.random
        if r.random() < 0.3:
            # Equal numerics of different scales are one row, of which PostgreSQL shows any one.
            distinct = "DISTINCT " if r.random() < 0.4 else ""
            one = (lambda: f"({self.number()})::numeric(20,3)") if distinct else self.number
            columns = [f"{self.scalar(one)} AS c{i}" for i in range(r.randint(1, 4))]
            if windowed:
                columns.append("window_start")
            return f"SELECT {distinct}{', '.join(columns)} FROM {relation}{self.where()}"
        groups = list(dict.fromkeys(self.group() for _ in range(r.randint(0, 2))))
        if windowed:
            groups.append("window_start")
        columns = [f"{group} AS g{i}" for i, group in enumerate(groups)]
        columns += [f"{self.aggregate()} AS a{i}" for i in range(r.randint(1, 4))]
        if r.random() < 0.3:
            columns.append(f"{self.one_of('sum(i) + count(*)', 'max(i) - min(i)', 'coalesce(sum(n), 0) * 2', 'sum(b) IS NULL')} AS x")
        text = f"SELECT {', '.join(columns)} FROM {relation}{self.where()}"
        if groups:
            text += f" GROUP BY {', '.join(groups)}"
        if r.random() < 0.25:
            text += f" HAVING {self.one_of('count(*) > 1', 'sum(i) > 0', 'max(t) IS NOT NULL', 'count(*) < 5 OR bool_or(p)')}"
        return text

    def view_on_view(self, name):
        return self.one_of(
            f"SELECT k, count(*) AS n, sum(total) AS total, max(latest) AS latest FROM (SELECT n % 3 AS k, total, latest FROM {name}) x GROUP BY k",
            f"SELECT total, count(*) AS c, min(t) AS t, arg_max(t, n) AS top FROM {name} GROUP BY total",
            f"SELECT t, total * 2 AS twice FROM {name} WHERE n > 1",
            f"SELECT count(*) AS c, avg(total) AS a, bool_and(n > 1) AS b, approx_count_distinct(n) AS d FROM {name}",
            f"SELECT DISTINCT n FROM {name}",
        )

    # Scripts ----------------------------------------------------------------------------------------------------------

    def add(self, first, sql=""):
        self.blocks.append(f"{first}\n{sql}".rstrip())

    def rows(self, name, keyed):
        rows = []
        for _ in range(self.random.randint(1, 30)):
            values = [self.value(category, type_name) for _, type_name, category in COLUMNS]
            self.next_id += 1
            key = str(self.random.randint(1, 8) if keyed else self.next_id)
            rows.append(f"({', '.join([key] + values)})")
        self.add("statement", f"INSERT INTO {name} VALUES\n  " + ",\n  ".join(rows))

    def text_of(self):
        self.next_id = 0
        columns = ", ".join(f"{name} {type_name}" for name, type_name, _ in COLUMNS)
        self.add("statement", f"CREATE STREAM events (id bigint, {columns}) WITH (id = 'id')")
        self.add("statement", f"CREATE TABLE facts (id bigint PRIMARY KEY, {columns})")
        views = []
        for relation in ("events", "facts"):
            self.add("statement", f"CREATE MATERIALIZED VIEW base_{relation} AS SELECT t, count(*) AS n, sum(i) AS total, "
                                  f"max(at) AS latest FROM {relation} GROUP BY t")
            views.append(f"base_{relation}")
            for i in range(3):
                name = f"v_{relation}_{i}"
                self.add("statement", f"CREATE MATERIALIZED VIEW {name} AS {self.query(relation)}")
                views.append(name)
            self.add("statement", f"CREATE MATERIALIZED VIEW on_{relation} AS {self.view_on_view('base_' + relation)}")
            views.append(f"on_{relation}")
        self.add("statement", f"CREATE STREAM derived AS SELECT id, t, i, n, at FROM events{self.where()}")
        self.add("statement", "CREATE MATERIALIZED VIEW of_derived AS SELECT t, count(*) AS n, sum(i) AS i FROM derived GROUP BY t")
        views.append("of_derived")
        for _ in range(self.random.randint(1, 3)):
            self.rows("events", keyed=False)
            self.rows("facts", keyed=True)
            for key in range(self.random.randint(0, 2)):
                self.add("statement", f"DELETE FROM facts WHERE id = {self.random.randint(1, 8)}")
            for view in views:
                self.add(f"view {view}")
        for _ in range(3):
            self.add("query", self.query(self.one_of("events", "facts")))
        return "\n\n".join(self.blocks) + "\n"


def headrace_answers(runner, script, seed):
    done = subprocess.run([runner, "--print", "--seed", str(seed)], input=script, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"the runner ended with {done.returncode}: {done.stderr[-3000:]}")
    answers = []
    for line in done.stdout.splitlines():
        if line.startswith("-- "):
            answers.append([])
            if "error:" in line:
                answers[-1].append(line)
        else:
            answers[-1].append(line)
    return answers


def round_of(server, runner, seed):
    """What differs, or None; and how many answers were compared, and how many scripts PostgreSQL refused."""
    script = Script(seed).text_of()
    server.reset()
    translator = Translator()
    expected = []
    try:
        for _, kind, argument, sql, _, _ in blocks_of(script.split("\n")):
            rows = expected_rows(server, translator, kind, argument, sql)
            if rows is not None:
                expected.append((sql or argument, rows))
    except psycopg2.Error as error:
        return None, 0, str(error).splitlines()[0]
    answers = headrace_answers(runner, script, seed)
    for (sql, rows), answer in zip(expected, answers):
        if rows != answer:
            shown = lambda lines: "\n    ".join(lines)
            definition = next((block for block in script.split("\n\n") if f"VIEW {sql} AS" in block), sql)
            return f"{definition}\n  PostgreSQL has\n    {shown(rows)}\n  Headrace has\n    {shown(answer)}", 0, None
    if len(answers) != len(expected):
        return f"{len(expected)} answers were expected, and there are {len(answers)}:\n{answers[-1:]}", 0, None
    return None, len(expected), None


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seed", type=int, default=None)
    arguments.add_argument("--seconds", type=float, default=20)
    arguments.add_argument("--keep", help="write the script of --seed to this file and end")
    arguments.add_argument("runner")
    options = arguments.parse_args()
    if options.keep:
        with open(options.keep, "w", encoding="utf-8") as file:
            file.write(Script(options.seed).text_of())
        return
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"first seed: {first}")
    compared, refused, rounds = 0, {}, 0
    end = time.monotonic() + options.seconds
    with Postgres() as server:
        seed = first
        while time.monotonic() < end:
            difference, answers, refusal = round_of(server, options.runner, seed)
            if difference:
                print(f"seed {seed}: {difference}")
                sys.exit(1)
            if refusal:
                refused[refusal] = refused.get(refusal, 0) + 1
            compared += answers
            rounds += 1
            seed += 1
    print(f"{rounds} scripts, {compared} answers as PostgreSQL has them; PostgreSQL refused {sum(refused.values())} scripts")
    if sum(refused.values()) * 2 > rounds:
        print(refused)
        sys.exit("too many scripts were refused to have compared anything")


if __name__ == "__main__":
    main()
