"""A PostgreSQL server for one run, and the translation of Headrace's SQL into PostgreSQL's.

A stream is a table (with UNIQUE on its id, where later duplicates are ignored), a table is a table whose rows are
replaced by primary key, and a view is a view. TUMBLE becomes a subquery with date_bin; aggregates that PostgreSQL does
not have become array_agg with an order that says what they promise: among equal orders, the smallest value.
"""

import os
import pwd
import re
import shutil
import subprocess
import tempfile

import psycopg2
import psycopg2.extensions

TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)|(?P<string>[eE]?'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*"|[A-Za-z_][A-Za-z_0-9]*)"""
    r"""|(?P<number>\d+(?:\.\d+)?)|(?P<symbol>::|[<>!=|~-]+|.)""",
    re.S,
)


def tokens_of(sql):
    return [match.group(0) for match in TOKEN.finditer(sql)]


def is_space(token):
    return token.isspace() or token.startswith("--") or token.startswith("/*")


def closing(tokens, opening):
    """The index of the parenthesis that closes the one at `opening`."""
    depth = 0
    for i in range(opening, len(tokens)):
        if tokens[i] in "([":
            depth += 1
        elif tokens[i] in ")]":
            depth -= 1
            if depth == 0:
                return i
    raise ValueError("a parenthesis is not closed: " + "".join(tokens))


def split(tokens, separator=","):
    parts, depth = [[]], 0
    for token in tokens:
        if token in ("(", "["):
            depth += 1
        elif token in (")", "]"):
            depth -= 1
        if depth == 0 and token == separator:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def next_word(tokens, i):
    """The index of the next token that is not blank, or len(tokens)."""
    while i < len(tokens) and is_space(tokens[i]):
        i += 1
    return i


def find_words(tokens, words, depth_wanted=0):
    """The index at which the words stand one after the other, outside of parentheses, or -1."""
    depth = 0
    for i, token in enumerate(tokens):
        if token == "(":
            depth += 1
        elif token == ")":
            depth -= 1
        if depth != depth_wanted:
            continue
        j = i
        for word in words:
            j = next_word(tokens, j)
            if j == len(tokens) or tokens[j].lower() != word:
                break
            j += 1
        else:
            return next_word(tokens, i)
    return -1


def extreme(name, inside, condition):
    order_at = find_words(inside, ["order", "by"])
    if order_at >= 0:
        value = inside[:order_at]
        by = next_word(inside, order_at + 1)
        order = inside[by + 1 :]
        descending = False
        words = [token for token in order if not is_space(token)]
        if words[-1].lower() in ("asc", "desc"):
            descending = words[-1].lower() == "desc"
            order = order[: len(order) - 1 - order[::-1].index(words[-1])]
        largest = (name == "last") != descending
    else:
        value, order = split(inside)
        largest = name == "arg_max"
    value, order = translate(value), translate(order)
    direction = "DESC" if largest else "ASC"
    kept = f"({value}) IS NOT NULL AND ({order}) IS NOT NULL"
    if condition:
        kept += f" AND ({condition})"
    return f"(array_agg(({value}) ORDER BY ({order}) {direction}, ({value}) ASC) FILTER (WHERE {kept}))[1]"


AFTER_FROM = {"where", "group", "having", "order", "limit", "offset", "union", ")", ";"}


def tumble(inside, number, has_alias):
    relation, column, size = ["".join(part).strip() for part in split(inside)]
    if relation.startswith("("):
        relation = "(" + translate(tokens_of(relation)[1:-1]) + ") AS r"
    start = f"date_bin({size}, {column}, TIMESTAMPTZ '1970-01-01 00:00:00+00')"
    text = f"(SELECT *, {start} AS window_start, {start} + {size} AS window_end FROM {relation})"
    return text if has_alias else f"{text} AS tumble_{number}"


def translate(tokens):
    """A query, or a part of one."""
    if isinstance(tokens, str):
        tokens = tokens_of(tokens)
    out, i = [], 0
    while i < len(tokens):
        name = tokens[i].lower()
        opening = next_word(tokens, i + 1)
        is_call = opening < len(tokens) and tokens[opening] == "("
        if is_call and name in ("arg_min", "arg_max", "first", "last", "approx_count_distinct", "tumble"):
            end = closing(tokens, opening)
            inside = tokens[opening + 1 : end]
            i = end + 1
            if name == "tumble":
                after = next_word(tokens, i)
                has_alias = after < len(tokens) and tokens[after].lower() not in AFTER_FROM
                out.append(tumble(inside, i, has_alias))
            elif name == "approx_count_distinct":
                out.append("count(DISTINCT " + translate(inside) + ")")
            else:
                condition = None
                following = next_word(tokens, i)
                if following < len(tokens) and tokens[following].lower() == "filter":
                    opening = next_word(tokens, following + 1)
                    end = closing(tokens, opening)
                    where = next_word(tokens, opening + 1)
                    condition = translate(tokens[where + 1 : end])
                    i = end + 1
                out.append(extreme(name, inside, condition))
            continue
        out.append(tokens[i])
        i += 1
    return "".join(out)


def unquoted(text):
    return text[1:-1].replace("''", "'")


class Translator:
    """Turns statements into those of PostgreSQL; keeps what INSERT needs to know."""

    def __init__(self):
        self.ids = {}  # stream: the column that identifies a row
        self.keys = {}  # table: primary key
        self.columns = {}  # table: all columns

    def options(self, tokens):
        result = {}
        for part in split(tokens):
            words = [token for token in part if not is_space(token)]
            if len(words) >= 3:
                result[words[0].lower()] = unquoted(words[2]) if words[2].startswith("'") else words[2]
        return result

    def statements(self, sql):
        for part in split(tokens_of(sql), ";"):
            if any(not is_space(token) for token in part):
                yield from self.statement(part)

    def statement(self, tokens):
        words = [token.lower() for token in tokens if not is_space(token)]
        if words[0] == "insert":
            yield from self.insert(tokens, words)
        elif words[:3] == ["create", "materialized", "view"] or words[:3] == ["create", "or", "replace"]:
            yield from self.view(tokens, words)
        elif words[:2] in (["create", "stream"], ["create", "table"]):
            yield from self.create(tokens, words)
        elif words[:2] in (["drop", "stream"], ["drop", "table"]):
            yield "DROP TABLE " + words[-1]
        elif words[:3] == ["drop", "materialized", "view"]:
            yield "DROP VIEW " + words[-1]
        elif words[:2] in (["alter", "stream"], ["alter", "table"]):
            rest = "".join(tokens).split(None, 2)[2]
            yield "ALTER TABLE " + rest
        else:
            yield "".join(tokens)

    def view(self, tokens, words):
        name = words[words.index("view") + 1]
        query = tokens[find_words(tokens, ["as"]) + 1 :]
        if words[1] == "or":
            yield f"DROP VIEW IF EXISTS {name} CASCADE"
        yield f"CREATE VIEW {name} AS " + translate(query)

    def create(self, tokens, words):
        name = words[2]
        as_at = find_words(tokens, ["as"])
        if as_at >= 0:
            yield f"CREATE VIEW {name} AS " + translate(tokens[as_at + 1 :])
            return
        opening = tokens.index("(")
        end = closing(tokens, opening)
        elements = []
        for part in split(tokens[opening + 1 : end]):
            part_words = [token.lower() for token in part if not is_space(token)]
            if part_words[0] == "watermark":
                continue
            elements.append("".join(part))
            if part_words[:2] == ["primary", "key"]:
                self.keys[name] = [word for word in part_words[3:-1] if word != ","]
            else:
                self.columns.setdefault(name, []).append(part_words[0])
                if "primary" in part_words:
                    self.keys[name] = [part_words[0]]
        with_at = find_words(tokens[end + 1 :], ["with"])
        if with_at >= 0:
            opening = next_word(tokens, end + 1 + with_at + 1)
            options = self.options(tokens[opening + 1 : closing(tokens, opening)])
            if "id" in options:
                self.ids[name] = options["id"]
                elements.append(f"UNIQUE ({options['id']})")
        yield f"CREATE TABLE {name} (" + ", ".join(elements) + ")"

    def insert(self, tokens, words):
        name = words[2]
        text = "".join(tokens)
        if name in self.ids:
            yield text + f" ON CONFLICT ({self.ids[name]}) DO NOTHING"
        elif name in self.keys:
            # One by one: PostgreSQL refuses to replace a row twice in one statement.
            values_at = find_words(tokens, ["values"])
            head = "".join(tokens[: values_at + 1])
            others = ", ".join(f"{column} = EXCLUDED.{column}" for column in self.columns[name])
            for row in split(tokens[values_at + 1 :]):
                yield f"{head} {''.join(row)} ON CONFLICT ({', '.join(self.keys[name])}) DO UPDATE SET {others}"
        else:
            yield text


TIMESTAMP_OIDS = (1184, 1114)
JSONB_OID = 3802


def as_rfc3339(text):
    """2001-02-03 04:05:06.7+00 as Headrace shows it."""
    match = re.fullmatch(r"(\d+-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?(?:\+00)?", text)
    if not match:
        return text
    fraction = match.group(3).ljust(7, "0") if match.group(3) else ""
    return f"{match.group(1)}T{match.group(2)}{fraction}Z"


def compact_json(text):
    """jsonb as Headrace shows it: without the blanks behind commas and colons."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|([,:]) ', lambda match: match.group(1) or match.group(2), text)


def shown(value, oid):
    if value is None:
        return "NULL"
    if oid in TIMESTAMP_OIDS:
        value = as_rfc3339(value)
    elif oid == JSONB_OID:
        value = compact_json(value)
    return value.replace("\n", "\\n")


class Postgres:
    """A scratch server in a temporary folder, reached through a socket there; stopped and removed at the end."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="headrace-oracle-")
        self.bin = self.find_programs()
        self.user = None
        if os.geteuid() == 0:
            self.user = "postgres"  # the server refuses to run as root
            owner = pwd.getpwnam(self.user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self.data = os.path.join(self.folder, "data")
        try:
            self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync",
                     "--lc-collate=C", "--lc-ctype=C.UTF-8", "--lc-messages=C")
            options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c timezone=UTC -c full_page_writes=off"
            self.run("pg_ctl", "-D", self.data, "-o", options, "-l", os.path.join(self.folder, "log"), "-w", "start")
            self.connection = psycopg2.connect(host=self.folder, user="postgres", dbname="postgres")
            self.connection.autocommit = True
            # Every value as the text that the server prints.
            oids = (16, 17, 20, 21, 23, 25, 700, 701, 1000, 1005, 1007, 1009, 1016, 1021, 1022, 1082, 1114, 1115, 1182,
                    1184, 1185, 1186, 1187, 1231, 1700, 2950, 2951, 3802, 3807, 114, 1043, 19, 705)
            text = psycopg2.extensions.new_type(oids, "AS_TEXT", lambda value, cursor: value)
            psycopg2.extensions.register_type(text, self.connection)
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *error):
        if hasattr(self, "connection"):
            self.connection.close()
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def find_programs():
        found = shutil.which("initdb")
        for folder in ([os.path.dirname(found)] if found else []) + ["/usr/lib/postgresql/15/bin"]:
            if os.path.exists(os.path.join(folder, "initdb")):
                return folder
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql-15")

    def run(self, program, *arguments):
        command = [os.path.join(self.bin, program), *arguments]
        if self.user:
            command = ["setpriv", "--reuid", self.user, "--regid", self.user, "--init-groups"] + command
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr or done.stdout}")

    def reset(self):
        with self.connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def execute(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)

    def rows(self, sql):
        """The rows as lines, in the order in which they come."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            oids = [column.type_code for column in cursor.description]
            return ["|".join(map(shown, row, oids)) for row in cursor.fetchall()]
