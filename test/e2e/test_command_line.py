#!/usr/bin/env python3
"""The commands as a user runs them: up with a changing app file, load (interrupted, repeated, with bad rows), tail, get,
sql."""

import gzip
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from server import HEADRACE, TemporaryServer  # noqa: E402

APP = """
CREATE STREAM readings (sensor text NOT NULL, value integer, at timestamptz) WITH (key = 'sensor', partitions = 2);
CREATE TABLE sensors (sensor text PRIMARY KEY, room text);
CREATE MATERIALIZED VIEW latest AS SELECT sensor, count(*) AS readings, arg_max(value, at) AS value
  FROM readings GROUP BY sensor;
"""


def rows(count, first=0):
    return "sensor,value,at\n" + "".join(
        f"s{i % 10},{i},2026-01-01T{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}Z\n" for i in range(first, first + count)
    )


class ForgetfulProxy:
    """Passes HTTP requests on to a server. The answer of the POST numbered `lost` (from 1) does not come back, and its
    connection ends."""

    def __init__(self, port, lost):
        self.server_port, self.lost = port, lost
        self.posts = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    @staticmethod
    def message(file):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = file.readline()
            if not line:
                return None
            head += line
        length = re.search(rb"(?i)content-length: (\d+)", head)
        return head + file.read(int(length.group(1)) if length else 0)

    def serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self.server_port)) as server:
            requests, answers = client.makefile("rb"), server.makefile("rb")
            while (request := self.message(requests)) is not None:
                server.sendall(request)
                answer = self.message(answers)
                if request.startswith(b"POST"):
                    with self.lock:
                        self.posts += 1
                        if self.posts == self.lost:
                            client.shutdown(socket.SHUT_RDWR)
                            return
                client.sendall(answer)


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.server = TemporaryServer(APP).start()
        self.path = self.server.folder
        self.addCleanup(self.server.remove)

    def run_whole(self, *arguments, status=0, stdin=None, port=None):
        result = subprocess.run(
            [HEADRACE, *arguments], capture_output=True, text=True, input=stdin, timeout=60,
            env={**os.environ, "HEADRACE_URL": f"http://127.0.0.1:{port or self.server.port}"},
        )
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def run_command(self, *arguments, status=0, **more):
        result = self.run_whole(*arguments, status=status, **more)
        return result.stdout if status == 0 else result.stderr

    def write(self, name, text):
        path = self.path / name
        if name.endswith(".gz"):
            path.write_bytes(gzip.compress(text.encode()))
        elif name.endswith(".zst"):
            subprocess.run(["zstd", "-q", "-o", str(path)], input=text.encode(), check=True)
        else:
            path.write_text(text)
        return str(path)

    def count(self):
        return sum(row["readings"] for row in self.server.rows("latest"))

    def test_load_of_every_kind_of_file(self):
        total = 0
        for number, name in enumerate(["a.csv", "b.csv.gz", "c.csv.zst"]):
            self.run_command("load", "--wait", "readings", self.write(name, rows(1000, first=1000 * number)))
            total += 1000
            self.assertEqual(self.count(), total)
        ndjson = "".join(f'{{"sensor":"s1","value":{i},"at":null}}\n' for i in range(500))
        self.run_command("load", "--wait", "readings", self.write("d.ndjson.gz", ndjson))
        self.assertEqual(self.count(), total + 500)
        self.run_command("load", "--wait", "--format", "csv", "readings", "-", stdin=rows(5))
        self.assertEqual(self.count(), total + 505)

    def test_byte_order_marks_are_skipped(self):
        mark = "\ufeff"
        ndjson = '{"sensor":"s1","value":1}\n' * 30_000
        for name, text in (("a.csv", rows(30_000)), ("b.csv.gz", rows(30_000).replace("sensor", '"sensor"', 1)), ("c.ndjson", ndjson)):
            self.run_command("load", "--wait", "readings", self.write(name, mark + text))
        self.assertEqual(self.count(), 90_000)
        self.restart_with(mark + APP)
        self.assertIn("s1", self.run_command("sql", stdin=mark + "SELECT sensor FROM latest"))

    def test_a_load_that_is_repeated_or_interrupted_counts_once(self):
        file = self.write("large.csv", rows(200_000))
        self.run_command("load", "--wait", "readings", file)
        self.assertEqual(self.count(), 200_000)
        for connections in "4", "1", "3", "64":
            self.run_command("load", "--wait", "--connections", connections, "readings", file)
            self.assertEqual(self.count(), 200_000)

        other = self.write("other.csv", rows(300_000, first=5))
        url = f"http://127.0.0.1:{self.server.port}"
        for connections in "3", "1", "8":
            load = subprocess.Popen([HEADRACE, "load", "--url", url, "--connections", connections, "readings", other],
                                    stderr=subprocess.DEVNULL)
            before = self.total_records()
            while load.poll() is None and self.total_records() == before:
                pass
            load.send_signal(signal.SIGKILL)
            load.wait()
        self.server.kill()
        self.server.start()
        self.run_command("load", "--wait", "readings", other)
        self.assertEqual(self.count(), 500_000)

    def proxy(self, lost):
        proxy = ForgetfulProxy(self.server.port, lost)
        self.addCleanup(proxy.close)
        return proxy

    def test_a_lost_answer_doubles_nothing_of_a_load(self):
        text = rows(60_000)
        proxy = self.proxy(lost=2)
        for arguments, stdin in ((("--format", "csv", "readings", "-"), text), (("readings", self.write("a.csv", text)), None)):
            before, proxy.posts = self.count(), 0
            done = self.run_whole("load", "--wait", "--connections", "1", *arguments, stdin=stdin, port=proxy.port)
            self.assertGreaterEqual(proxy.posts, 3)
            self.assertEqual(self.count() - before, 60_000)
            self.assertIn("loaded 60,000 rows", done.stderr)
            self.assertNotIn("there already", done.stderr)
        again = self.run_whole("load", "--wait", "--connections", "1", "readings", str(self.path / "a.csv"))
        self.assertIn("there already, from a load before", again.stderr)
        self.assertEqual(self.count(), 120_000)

    def test_a_statement_whose_answer_got_lost_is_not_sent_again(self):
        insert = "INSERT INTO readings VALUES ('s1', 1, NULL)"
        error = self.run_command("sql", insert, insert, insert, status=74, port=self.proxy(lost=2).port)
        self.assertIn("not known whether", error)
        self.server.wait_applied()
        self.assertEqual(self.count(), 2)

    def test_rows_that_are_long_on_the_log_only(self):
        for bytes_, count, repeats in (300, 200_000, "2"), (10_000, 5000, "3"):
            name = f"long{bytes_}"
            self.run_command("sql", f"CREATE STREAM {name} (n integer, note text DEFAULT '{'x' * bytes_}') WITH (partitions = 1)")
            file = self.write(name + ".csv", "n\n" + "1\n" * count)
            for connections in "4", repeats:
                loaded = self.run_whole("load", "--connections", connections, name, file).stderr
                self.assertEqual(self.total_records(name), count)
                self.assertIn(f"loaded {count if connections == '4' else 0:,} rows", loaded)

    def total_records(self, stream="readings"):
        return sum(part["end"] for part in self.server.get(f"/v1/streams/{stream}")["bounds"])

    def test_a_bad_row_is_named_by_its_line(self):
        text = rows(60_000)
        lines = text.splitlines()
        lines[45_678 - 1] = "s1,much,2026-01-01T00:00:00Z"
        file = self.write("bad.csv", "\n".join(lines) + "\n")
        error = self.run_command("load", "readings", file, status=65)
        self.assertIn("line 45678", error)
        self.assertIn('column "value"', error)
        self.run_command("load", "--wait", "--skip-bad-rows", "readings", file)
        self.assertEqual(self.count(), 59_999)
        dead = self.server.records("readings.dead")
        self.assertEqual(len(dead), 1)
        self.assertIn("much", dead[0]["row"])

    def test_wrong_files(self):
        self.assertIn("cannot read", self.run_command("load", "readings", "/nonexistent.csv", status=66))
        self.assertIn("--format", self.run_command("load", "readings", self.write("rows.txt", "x"), status=65))
        whole = self.write("whole.csv.gz", rows(100_000))
        archive = pathlib.Path(whole).read_bytes()
        for name, content in (("cut.csv.gz", archive[:-20]), ("longer.csv.gz", archive + b"more"), ("empty.csv.gz", b""),
                              ("one.csv.gz", b"\x1f"), ("three.csv.zst", b"(\xb5/")):
            (self.path / name).write_bytes(content)
            error = self.run_command("load", "readings", str(self.path / name), status=74)
            self.assertIn("not a whole archive", error)
            self.assertIn(name, error)
        self.assertEqual(self.total_records(), 0)
        with open(self.path / "cut.csv.gz", "rb") as cut:  # as a pipe it can't be looked at before
            piped = subprocess.run([HEADRACE, "load", "--url", f"http://127.0.0.1:{self.server.port}", "--format", "csv",
                                    "readings", "-"], stdin=cut, capture_output=True, text=True)
        self.assertEqual(piped.returncode, 74)
        self.assertIn("rows have been added", piped.stderr)
        unknown = self.write("unknown.csv", "sensr,value\ns1,1\n")
        self.assertIn("sensor", self.run_command("load", "readings", unknown, status=65))
        self.assertIn("there is no stream", self.run_command("load", "nothing", self.write("x.csv", rows(1)), status=66))

    def test_get_and_sql(self):
        self.run_command("sql", "INSERT INTO readings VALUES ('kitchen', 21, '2026-01-01T10:00:00Z')")
        self.server.wait_applied()
        self.assertEqual(
            self.run_command("get", "latest", "kitchen"), '{"sensor":"kitchen","readings":1,"value":21}\n'
        )
        self.assertIn("no row", self.run_command("get", "latest", "cellar", status=66))
        table = self.run_command("sql", "SELECT sensor, value * 2 AS twice FROM latest")
        self.assertIn("kitchen     42", table)
        self.assertIn("(1 row)", table)
        self.assertEqual(
            self.run_command("sql", "--format", "csv", "SELECT sensor, value FROM latest"), "sensor,value\nkitchen,21\n"
        )
        self.assertIn("1.50", self.run_command("sql", stdin="SELECT 1.50 AS exact FROM latest;"))
        error = self.run_command("sql", "SELECT sensr FROM latest", status=65)
        self.assertIn("sensor", error)
        self.assertIn("^", error)

    def test_errors_in_sql_are_shown_where_they_are(self):
        error = self.run_command("sql", "SELECT 'äöü' AS a, foo FROM latest", status=65)
        self.assertIn("\n  SELECT 'äöü' AS a, foo FROM latest\n                     ^\n", error)
        self.assertIn("line 2, column 8: ", self.run_command("sql", stdin="SELECT sensor,\n       foo FROM latest;", status=65))
        for text, place, line in ((APP + "SHOW VIEWS;\r\n\tSELECT é FROM latest;\n", "7:9", "\tSELECT é FROM latest;\n  \t       ^"),
                                  (APP + "SELEC 1;", "6:1", "SELEC 1;\n  ^")):
            file = self.write("bad.sql", text)
            error = self.run_command("up", file, "--data", str(self.path / "other"), "--http-listen", "127.0.0.1:0",
                                     "--kafka-listen", "off", status=65)
            self.assertIn(f"{file}:{place}: ", error)
            self.assertIn(f"\n  {line}\n", error)

    def test_a_result_that_nobody_looks_at_on_a_terminal_is_whole(self):
        statement = "CREATE MATERIALIZED VIEW long AS\n  SELECT sensor, -- of\n    count(*) AS " + "x" * 60 + " FROM readings GROUP BY sensor"
        self.run_command("sql", statement)
        self.assertIn("\n" + statement + "\n", self.run_command("sql", "SHOW CREATE long"))
        self.run_command("sql", "INSERT INTO sensors VALUES ('" + "y" * 100 + "', 'hall'), ('s', 'hall')")
        self.run_command("sql", "CREATE MATERIALIZED VIEW all_sensors AS SELECT sensor, count(*) AS n FROM sensors GROUP BY sensor")
        self.server.wait_applied()
        self.assertIn("y" * 100 + "  1\n", self.run_command("sql", "SELECT * FROM all_sensors"))

    def test_the_prompt_sends_a_statement_when_it_has_ended(self):
        self.run_command("sql", "INSERT INTO readings VALUES ('s1', 1, NULL)")
        self.server.wait_applied()
        lines = ["-- nothing; yet", "SELECT 'x;", "y' AS a FROM latest; -- done", "SELECT 2 AS b -- c;", "FROM latest;", "help",
                 "SELECT 3 AS c", "FROM latest"]
        terminal, slave = pty.openpty()
        prompt = subprocess.Popen(
            [HEADRACE, "sql", "--format", "ndjson"], stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "HOME": str(self.path), "TERM": "dumb", "HEADRACE_URL": f"http://127.0.0.1:{self.server.port}"})
        os.close(slave)
        os.write(terminal, ("\n".join(lines) + "\n\x04").encode())
        out = prompt.communicate(timeout=60)[0]
        os.close(terminal)
        self.assertEqual(prompt.returncode, 0, out)
        self.assertEqual(re.findall(r"\{.*\}", out), [r'{"a":"x;\ny"}', '{"b":2}', '{"c":3}'])
        self.assertIn("SHOW TABLES", out)

    def test_tables_take_the_last_row_of_a_key_and_forget_deleted_ones(self):
        self.run_command("sql", "CREATE MATERIALIZED VIEW room AS SELECT room, count(*) AS sensors FROM sensors GROUP BY room")
        self.run_command("sql", "INSERT INTO sensors VALUES ('s1', 'hall'), ('s2', 'hall')")
        self.run_command("sql", "INSERT INTO sensors VALUES ('s2', 'attic')")
        self.server.wait_applied()
        self.assertEqual(self.server.rows("room"), [{"room": "attic", "sensors": 1}, {"room": "hall", "sensors": 1}])
        self.run_command("sql", "DELETE FROM sensors WHERE sensor = 's1'")
        self.server.wait_applied()
        self.assertEqual(self.server.rows("room"), [{"room": "attic", "sensors": 1}])

    def test_tail_of_a_stream_and_of_a_view(self):
        url = f"http://127.0.0.1:{self.server.port}"
        self.run_command("sql", "INSERT INTO readings VALUES ('s1', 1, NULL)")
        self.server.wait_applied()
        for name, expected in (("readings", '+ {"sensor":"s1","value":1,"at":null}'),
                               ("latest", '+ {"sensor":"s1","readings":1,"value":null}')):
            tail = subprocess.Popen([HEADRACE, "tail", "--url", url, "--from-start", name], stdout=subprocess.PIPE, text=True)
            self.assertEqual(tail.stdout.readline().strip(), expected)
            if name == "latest":
                self.run_command("sql", "INSERT INTO readings VALUES ('s1', 5, '2026-01-01')")
                self.assertEqual(tail.stdout.readline().strip(), '- {"sensor":"s1","readings":1,"value":null}')
                self.assertEqual(tail.stdout.readline().strip(), '+ {"sensor":"s1","readings":2,"value":5}')
            tail.kill()
            tail.wait()
            tail.stdout.close()

    def test_tail_prints_the_keys_of_tombstones_whatever_they_are(self):
        self.run_command("sql", "CREATE STREAM single (sensor text) WITH (key = 'sensor', partitions = 1)")
        for key in b"text", b"\xff\x00", b"":  # kcat sends what is empty as null
            subprocess.run(["kcat", "-b", f"127.0.0.1:{self.server.kafka_port}", "-P", "-Z", "-t", "single", "-K", "|"],
                           input=key + b"|\n", check=True, timeout=60)
        self.run_command("sql", "INSERT INTO single VALUES ('s1')")
        url = f"http://127.0.0.1:{self.server.port}"
        tail = subprocess.Popen([HEADRACE, "tail", "--url", url, "--from-start", "single"], stdout=subprocess.PIPE, text=True)
        lines = [tail.stdout.readline().strip() for _ in range(4)]
        tail.kill()
        tail.wait()
        tail.stdout.close()
        self.assertEqual(lines, ["- text", '- {"base64":"/wA="}', "- null", '+ {"sensor":"s1"}'])

    def restart_with(self, app):
        self.assertEqual(self.server.stop(), 0)
        (self.path / "app.sql").write_text(app)
        self.server.start()

    def test_an_app_file_that_changes(self):
        self.run_command("load", "--wait", "readings", self.write("a.csv", rows(1000)))
        self.restart_with(APP)  # the same: nothing changes
        self.assertEqual(self.count(), 1000)
        wider = APP.replace("at timestamptz)", "at timestamptz, unit text DEFAULT 'C')").replace(
            "count(*) AS readings", "count(*) AS readings, max(value) AS highest"
        )
        self.restart_with(wider)
        self.server.wait_applied()
        while "highest" not in self.server.rows("latest")[0]:
            pass  # the old view serves until the new one has caught up
        self.assertEqual(max(row["highest"] for row in self.server.rows("latest")), 999)
        self.run_command("sql", "INSERT INTO readings VALUES ('s1', 1, NULL, 'F')")
        self.run_command("sql", "CREATE MATERIALIZED VIEW unit AS SELECT unit, count(*) AS readings FROM readings GROUP BY unit")
        self.server.wait_applied()
        self.assertEqual(self.server.rows("unit"), [{"unit": "C", "readings": 1000}, {"unit": "F", "readings": 1}])

        refused = self.run_command("sql", "CREATE STREAM readings (sensor text NOT NULL, value text, at timestamptz)"
                                          " WITH (key = 'sensor', partitions = 2)", status=77)
        self.assertIn("value", refused)
        self.assertIn("latest", self.run_command("sql", "DROP STREAM readings", status=77))

    def test_a_server_with_an_ipv6_address(self):
        app = self.write("small.sql", "CREATE STREAM s (a text) WITH (key = 'a');")
        server = subprocess.Popen([HEADRACE, "up", app, "--data", str(self.path / "other"), "--http-listen", "[::1]:0",
                                   "--kafka-listen", "off"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        url = next(match.group(1) for line in server.stdout if (match := re.match("listening on (.*)", line)))
        self.assertTrue(url.startswith("http://[::1]:"), url)
        self.assertEqual(self.run_command("sql", "--url", url, "INSERT INTO s VALUES ('x')"), "1 row\n")

    def test_the_url_that_is_given_counts_more_than_that_of_the_environment(self):
        self.assertIn("no server", self.run_command("sql", "SHOW VIEWS", port=1, status=69))
        here = ("--url", f"http://127.0.0.1:{self.server.port}")
        self.run_command("sql", *here, "INSERT INTO readings VALUES ('s1', 1, NULL)", port=1)
        self.run_command("load", *here, "--wait", "readings", self.write("a.csv", rows(10)), port=1)
        self.assertIn("s1", self.run_command("get", *here, "latest", "s1", port=1))

    def test_usage(self):
        self.assertIn("Usage", self.run_command("--help"))
        for command in ("up", "load", "tail", "get", "sql"):
            self.assertIn("--help", self.run_command(command, "--help"))
        self.run_command("load", status=64)
        self.run_command("up", "--memory", "much", status=65)


if __name__ == "__main__":
    unittest.main(verbosity=1)
