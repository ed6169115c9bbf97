"""Goes through every call of the HTTP port of the real program, with good input and bad.

  HEADRACE=build/release/headrace python3 test/e2e/test_http.py
"""

import gzip
import http.client
import json
import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from server import TemporaryServer  # noqa: E402

APP = """
CREATE STREAM scans (
  scan_id    bigint,
  parcel     text NOT NULL,
  depot      text NOT NULL,
  amount     numeric(12,2),
  weight     double precision,
  scanned_at timestamptz
) WITH (key = 'parcel', id = 'scan_id', partitions = 4);
CREATE STREAM plain (n integer NOT NULL, word text) WITH (partitions = 1);
CREATE TABLE depots (depot text PRIMARY KEY, city text);
CREATE MATERIALIZED VIEW parcel AS
  SELECT parcel, count(*) AS scans, sum(amount) AS amount FROM scans GROUP BY parcel;
CREATE MATERIALIZED VIEW stop AS
  SELECT depot, parcel, count(*) AS scans FROM scans GROUP BY depot, parcel;
CREATE MATERIALIZED VIEW cities AS SELECT city, count(*) AS depots FROM depots GROUP BY city;
"""
PATIENCE_SECONDS = 60


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


class HttpServer(TemporaryServer):
    def call(self, method, path, body=None, headers=None, **more):
        connection = self.connect()
        try:
            connection.request(method, path, body, {**(headers or {}), **more})
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def raw(self, request):
        """Sends bytes as they are; the answer's status, or None when the connection just ends."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS) as connection:
            try:
                connection.sendall(request)
                answer = connection.makefile("rb").readline()
            except ConnectionError:
                return None
        return int(answer.split()[1]) if answer else None


class Events:
    """Server-sent events of a view."""

    def __init__(self, server, path, headers=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)
        self.connection.request("GET", path, headers=headers or {})
        self.response = self.connection.getresponse()

    def next(self):
        event = {}
        while True:
            line = self.response.readline().decode()
            if line == "":
                return None
            line = line.rstrip("\n")
            if line == "" and event:
                return event
            if line and not line.startswith(":"):
                name, value = line.split(": ", 1)
                event[name] = json.loads(value) if name == "data" else value

    def until(self, name):
        seen = []
        while True:
            event = self.next()
            seen.append(event)
            if event is None or event["event"] == name:
                return seen

    def close(self):
        self.response.close()
        self.connection.close()


class HttpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = HttpServer(APP).start()
        cls.next_id = 1

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.server.remove()
        assert code == 0, f"the server ended with {code}"

    def call(self, *arguments, **more):
        return self.server.call(*arguments, **more)

    def scan(self, parcel, **columns):
        HttpTest.next_id += 1
        return {"scan_id": HttpTest.next_id, "parcel": parcel, "depot": "X", **columns}

    def append(self, rows, kind="application/json", stream="scans", query="", **headers):
        body = rows if isinstance(rows, (str, bytes)) else json.dumps(rows)
        return self.call("POST", f"/v1/streams/{stream}{query}", body, {"Content-Type": kind, **headers})

    def assert_problem(self, answer, status, *texts):
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        problem = answer.json
        self.assertEqual(problem["status"], status)
        self.assertTrue(problem["type"].startswith("urn:headrace:problem:"), problem)
        for text in texts:
            self.assertIn(text, problem["detail"])
        return problem

    # --- appending and reading back ---

    def test_each_format_is_appended_and_read(self):
        rows = [self.scan("F1", amount=1.25), self.scan("F1", amount=2)]
        one = self.append(rows[0])
        self.assertEqual(one.status, 202)
        self.assertEqual(one.json["rows"], 1)
        self.append([rows[1]])
        ndjson = "".join(json.dumps(self.scan("F1", amount=10)) + "\n" for _ in range(3))
        self.assertEqual(self.append(ndjson, "application/x-ndjson").json["rows"], 3)
        self.assertEqual(self.append(ndjson.replace("F1", "F2"), "application/ndjson; charset=utf-8").status, 202)
        HttpTest.next_id += 2
        csv = f"parcel,scan_id,depot,amount\r\nF1,{HttpTest.next_id - 1},X,0.5\r\n\"F1\",{HttpTest.next_id},X,\r\n"
        last = self.append(csv, "text/csv", Prefer="wait=30")
        self.assertEqual(last.status, 200)
        self.assertEqual(last.headers["Preference-Applied"], "wait=30")
        row = self.call("GET", "/v1/views/parcel/F1")
        self.assertEqual(row.status, 200)
        self.assertEqual(row.body, b'{"parcel":"F1","scans":7,"amount":33.75}\n')

    def test_a_token_makes_a_read_wait(self):
        for number in range(20):
            token = self.append(self.scan(f"T{number}")).json["token"]
            row = self.call("GET", f"/v1/views/parcel/T{number}", headers={"Headrace-After": token})
            self.assertEqual(row.json, {"parcel": f"T{number}", "scans": 1, "amount": None})
            page = self.call("GET", f"/v1/views/parcel?parcel=T{number}", headers={"Headrace-After": token})
            self.assertEqual(len(page.json["rows"]), 1)
        # A page's frontier can be waited for as well.
        self.assertEqual(self.call("GET", "/v1/views/parcel", headers={"Headrace-After": page.json["frontier"]}).status, 200)

    def test_a_token_of_the_future_times_out(self):
        answer = self.call("GET", "/v1/views/parcel/T", headers={"Headrace-After": "scans@0:999999", "Prefer": "wait=0"})
        self.assert_problem(answer, 504)
        self.assertEqual(answer.headers["Retry-After"], "1")
        self.assert_problem(self.call("GET", "/v1/views/parcel/T", headers={"Headrace-After": "rubbish"}), 422)
        self.assert_problem(self.call("GET", "/v1/views/parcel/T",
                                      headers={"Headrace-After": "scans@0:1", "Prefer": "wait=soon"}), 422)

    def test_repeats_have_no_effect(self):
        end = lambda: self.call("GET", "/v1/streams/plain").json["bounds"][0]["end"]
        before = end()
        first = self.append({"n": 1}, stream="plain", **{"Idempotency-Key": "order-17"})
        again = self.append({"n": 1}, stream="plain", **{"Idempotency-Key": "order-17"})
        self.assertEqual((first.status, again.status), (202, 202))
        self.assertTrue(again.json["duplicate"])
        self.assertEqual(end(), before + 1)
        for sequence, duplicate in ((0, False), (1, False), (1, True), (0, True)):
            numbered = {"Headrace-Producer": "loader", "Headrace-Sequence": str(sequence)}
            answer = self.append({"n": sequence}, stream="plain", **numbered)
            self.assertEqual((answer.status, answer.json.get("duplicate", False)), (202, duplicate), answer.body)
        self.assertEqual(end(), before + 3)
        self.assertEqual(self.call("GET", "/v1/streams/plain/producers/loader").json, {"sequence": 1})
        self.assertEqual(self.call("GET", "/v1/streams/plain/producers/nobody").json, {"sequence": -1})
        for sequence in (*range(2, 8), 0):
            answer = self.append({"n": sequence}, stream="plain", **{"Headrace-Producer": "loader", "Headrace-Sequence": str(sequence)})
        self.assertTrue(answer.json["duplicate"])
        read = self.call("GET", "/v1/views/parcel/T", headers={"Headrace-After": answer.json["token"], "Prefer": "wait=0"})
        self.assertNotEqual(read.status, 422, read.body)
        # The id column does the same for single rows.
        row = self.scan("I1")
        for _ in range(3):
            token = self.append([row, row]).json["token"]
        counted = self.call("GET", "/v1/views/parcel/I1", headers={"Headrace-After": token}).json["scans"]
        self.assertEqual(counted, 1)

    def test_bad_idempotency_headers_are_refused(self):
        for headers in ({"Idempotency-Key": "x" * 256}, {"Idempotency-Key": ""}, {"Headrace-Producer": "p"},
                        {"Headrace-Sequence": "1"}, {"Headrace-Producer": "p", "Headrace-Sequence": "-1"},
                        {"Headrace-Producer": "p", "Headrace-Sequence": "x"},
                        {"Headrace-Producer": "p", "Headrace-Sequence": "1", "Idempotency-Key": "k"}):
            self.assert_problem(self.append(self.scan("N"), **headers), 422)

    def test_compressed_and_chunked_bodies(self):
        lines = "".join(json.dumps(self.scan("Z1")) + "\n" for _ in range(5000)).encode()
        packed = self.append(gzip.compress(lines), "application/x-ndjson", **{"Content-Encoding": "gzip"})
        self.assertEqual(packed.json["rows"], 5000)
        more = [json.dumps(self.scan("Z1")).encode() + b"\n" for _ in range(100)]
        chunked = self.server.call("POST", "/v1/streams/scans", iter(more),
                                   {"Content-Type": "application/x-ndjson", "Prefer": "wait=30"})
        self.assertEqual((chunked.status, chunked.json["rows"]), (200, 100))
        self.assertEqual(self.call("GET", "/v1/views/parcel/Z1").json["scans"], 5100)

    def test_values_arrive_exactly(self):
        row = {"scan_id": 9223372036854775807, "parcel": "é/% \"x\"", "depot": "", "amount": 1234567890.12,
               "weight": 0.1, "scanned_at": "2001-01-01T00:00:00.123456+02:00"}
        answer = self.append(row, Prefer="wait=30")
        self.assertEqual(answer.status, 200, answer.body)
        result = self.call("POST", "/v1/sql", "SELECT * FROM scans WHERE scan_id = 9223372036854775807",
                           {"Content-Type": "text/plain"})
        self.assertEqual(result.status, 200, result.body)
        self.assertIn(b'"scan_id":9223372036854775807', result.body)
        self.assertIn(b'"amount":1234567890.12', result.body)
        self.assertIn(b'"scanned_at":"2000-12-31T22:00:00.123456Z"', result.body)
        key = "%C3%A9%2F%25%20%22x%22"
        self.assertEqual(self.call("GET", f"/v1/views/parcel/{key}").json["parcel"], row["parcel"])
        self.assertEqual(self.call("GET", f"/v1/views/stop//{key}").json["depot"], "")

    # --- bad rows ---

    def test_one_bad_row_refuses_all(self):
        before = self.records_total()
        cases = [
            ([self.scan("B"), {**self.scan("B"), "amount": "12,5"}], 2, "amount"),
            ([{**self.scan("B"), "amount": 12.345678}, {**self.scan("B"), "amount": 1e15}], None, None),
            ([self.scan("B"), self.scan("B"), {"scan_id": 1, "depot": "X"}], 3, "parcel"),
            ([{**self.scan("B"), "parcel": None}], 1, "parcel"),
            ([{**self.scan("B"), "scan_id": 9223372036854775808}], 1, "scan_id"),
            ([{**self.scan("B"), "scan_id": 1.5}], 1, "scan_id"),
            ([{**self.scan("B"), "scanned_at": "yesterday"}], 1, "scanned_at"),
            ([{**self.scan("B"), "parcel": {"a": 1}}], 1, "parcel"),
        ]
        for rows, number, column in cases:
            problem = self.assert_problem(self.append(rows), 422)
            if number is not None:
                self.assertEqual(problem.get("row"), number, problem)
                self.assertEqual(problem.get("column"), column, problem)
        for body, kind in (([{**self.scan("B"), "colour": "red"}], "application/json"),
                           (json.dumps({**self.scan("B"), "colour": "red"}), "application/x-ndjson"),
                           ("parcel,depot,colour\nB,X,red\n", "text/csv")):
            unknown = self.assert_problem(self.append(body, kind), 422, "colour")
            self.assertEqual((unknown["row"], unknown["column"]), (0 if kind == "text/csv" else 1, "colour"))
        self.assertEqual(self.records_total(), before)

    def test_malformed_bodies_are_refused(self):
        before = self.records_total()
        good = json.dumps(self.scan("M"))
        cases = [("application/json", body) for body in
                 ("{", "[", "nonsense", '"text"', "5", "null", "[1]", "[[]]", good + good, good + "]", "[" + good, "",
                  '{"parcel":"a","parcel":"b","depot":"X"}', '{"parcel":"\\ud800","depot":"X"}', "[" * 10_000,
                  '{"parcel":' + "[" * 200 + "]" * 200 + "}")]
        cases += [("application/x-ndjson", good + "\n{\n"), ("application/x-ndjson", good + "\nx\n" + good),
                  ("text/csv", "parcel,depot\nA\n"), ("text/csv", "parcel,depot\nA,B,C\n"), ("text/csv", "parcel,nope\nA,B\n"),
                  ("text/csv", "parcel,parcel\nA,B\n"), ("text/csv", 'parcel,depot\n"A,B\n'), ("text/csv", "")]
        for kind, body in cases:
            self.assert_problem(self.append(body, kind), 422)
        for body in (b'{"parcel":"\xff","depot":"X"}', b'{"parcel":"a\x00b","depot":"X"}', b"\x00" * 100):
            self.assert_problem(self.append(body), 422)
        self.assertEqual(self.records_total(), before)

    def test_bad_rows_can_go_to_the_dead_stream(self):
        rows = [self.scan("D1"), {**self.scan("D1"), "amount": "x"}, {"nope": 1}]
        answer = self.append(rows, query="?on_error=dead", Prefer="wait=30")
        self.assertEqual(answer.json["rows"], 1)
        self.assertEqual(answer.json["dead_rows"], 2)
        dead = self.call("GET", "/v1/streams/scans.dead/records").json["records"]
        self.assertEqual(len(dead), 2)
        self.assertIn("amount", dead[0]["row"]["error"])
        self.assert_problem(self.append({"error": "x"}, stream="scans.dead"), 409)

    def test_other_bodies_are_refused(self):
        self.assert_problem(self.append("a=b", "application/x-www-form-urlencoded"), 415, "text/csv")
        self.assert_problem(self.append("x", "text/csv; charset=utf-16"), 415)
        self.assert_problem(self.append(b"rubbish", **{"Content-Encoding": "gzip"}), 422)
        self.assert_problem(self.append(b"rubbish", **{"Content-Encoding": "br"}), 501)
        self.assert_problem(self.append({"n": 1}, stream="nowhere"), 404, "nowhere")
        self.assert_problem(self.append({"k": 1}, stream="parcel"), 404)
        self.assert_problem(self.append(self.scan("Q"), query="?on_eror=dead"), 422, "on_error")
        self.assert_problem(self.append(self.scan("Q"), query="?on_error=maybe"), 422, "refuse")
        self.assert_problem(self.append(self.scan("Q"), query="?durability=none"), 422, "relaxed")
        self.assertEqual(self.append({"n": 1}, stream="plain", query="?durability=relaxed").status, 202)

    def test_limits_on_size(self):
        large = json.dumps(self.scan("L", depot="x" * 2_000_000))
        self.assert_problem(self.append(large), 413)
        self.assertEqual(self.server.raw(
            b"POST /v1/streams/scans HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
            b"Content-Length: 99999999999\r\n\r\n"), 413)
        bomb = gzip.compress(b" " * 100_000_000)
        self.assert_problem(self.append(bomb, **{"Content-Encoding": "gzip"}), 413)
        self.assertEqual(self.server.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 40_000), 431)

    # --- streams ---

    def test_streams_are_described(self):
        streams = {stream["name"]: stream for stream in self.call("GET", "/v1/streams").json["streams"]}
        self.assertEqual(streams["scans"]["kind"], "stream")
        self.assertEqual(streams["depots"]["kind"], "table")
        self.assertEqual(streams["scans"]["columns"][3], {"name": "amount", "type": "numeric(12,2)", "nullable": True})
        scans = self.call("GET", "/v1/streams/scans").json
        self.assertEqual(scans["key"], ["parcel"])
        self.assertEqual(scans["id"], "scan_id")
        self.assertEqual([bound["partition"] for bound in scans["bounds"]], [0, 1, 2, 3])
        self.assertEqual(scans["schemas"][0]["schema"]["type"], "record")
        self.assert_problem(self.call("GET", "/v1/streams/nowhere"), 404)

    def records_total(self):
        return sum(bound["end"] for bound in self.call("GET", "/v1/streams/scans").json["bounds"])

    def test_records_are_browsed(self):
        for number in range(5):
            self.append({"n": number, "word": "w"}, stream="plain")
        page = self.call("GET", "/v1/streams/plain/records?partition=0&limit=2").json
        self.assertEqual(len(page["records"]), 2)
        self.assertEqual(page["records"][0]["offset"], page["start"])
        following = self.call("GET", f"/v1/streams/plain/records?from={page['next']}").json
        self.assertEqual(following["records"][0]["offset"], page["next"])
        self.assertEqual(following["next"], following["end"])
        latest = self.call("GET", "/v1/streams/plain/records?from=-1").json["records"]
        self.assertEqual(len(latest), 1)
        self.assertEqual(self.call("GET", f"/v1/streams/plain/records?from={page['end']}").json["records"], [])
        for query in ("partition=1", "partition=-1", "partition=x", "limit=0", "limit=1001", "from=soon", "what=1",
                      "limit=1&limit=2"):
            self.assert_problem(self.call("GET", "/v1/streams/plain/records?" + query), 422)
        self.assert_problem(self.call("GET", "/v1/streams/plain/records?from=999999"), 404)

    def test_rows_of_tables_are_replaced_and_removed(self):
        self.append([{"depot": "A", "city": "Bonn"}, {"depot": "B", "city": "Bonn"}], stream="depots", Prefer="wait=30")
        self.assertEqual(self.call("GET", "/v1/views/cities/Bonn").json["depots"], 2)
        self.append({"depot": "B", "city": "Köln"}, stream="depots", Prefer="wait=30")
        self.assertEqual(self.call("GET", "/v1/views/cities/Bonn").json["depots"], 1)
        self.assertEqual(self.call("GET", "/v1/views/cities/K%C3%B6ln").json["depots"], 1)
        gone = self.call("DELETE", "/v1/streams/depots/rows", '{"depot":"B"}',
                         {"Content-Type": "application/json", "Prefer": "wait=30"})
        self.assertEqual(gone.status, 200, gone.body)
        self.assertEqual(self.call("GET", "/v1/views/cities/K%C3%B6ln").status, 404)
        for body in ('{"depot":null}', '{"city":"Bonn"}', '{"depot":"A","city":"Bonn"}', "x"):
            answer = self.call("DELETE", "/v1/streams/depots/rows", body, {"Content-Type": "application/json"})
            self.assert_problem(answer, 422)
        self.assert_problem(self.call("DELETE", "/v1/streams/scans/rows", '{"parcel":"A"}',
                                      {"Content-Type": "application/json"}), 409, "stream")

    # --- views ---

    def test_views_are_paged(self):
        rows = [self.scan(f"P{number:03}", depot=depot) for number in range(60) for depot in ("ORD", "LAX")]
        self.append(rows, Prefer="wait=30")
        seen, cursor = [], ""
        while True:
            page = self.call("GET", f"/v1/views/stop?depot=ORD&parcel.gte=P010&parcel.lt=P050&limit=7&cursor={cursor}").json
            self.assertLessEqual(len(page["rows"]), 7)
            seen += [row["parcel"] for row in page["rows"]]
            cursor = page["cursor"]
            if cursor is None:
                break
        self.assertEqual(seen, [f"P{number:03}" for number in range(10, 50)])
        above = self.call("GET", "/v1/views/stop?depot=LAX&parcel.gt=P057&parcel.lte=P059").json["rows"]
        self.assertEqual([row["parcel"] for row in above], ["P058", "P059"])
        self.assertEqual(self.call("GET", "/v1/views/stop/ORD/P003").json, {"depot": "ORD", "parcel": "P003", "scans": 1})
        views = {view["name"]: view for view in self.call("GET", "/v1/views").json["views"]}
        self.assertEqual(views["stop"]["key"], ["depot", "parcel"])

    def test_bytea_is_base64_in_keys_conditions_and_csv(self):
        self.assertEqual(self.sql("CREATE STREAM blobs (x bytea NOT NULL, y bytea NOT NULL); CREATE MATERIALIZED VIEW pairs AS "
                                  "SELECT x, y, count(*) AS n FROM blobs GROUP BY x, y").status, 200)
        self.append({"x": "aGk=", "y": "/+8="}, stream="blobs", Prefer="wait=30")
        row = {"x": "aGk=", "y": "/+8=", "n": 1}
        self.assertEqual(self.call("GET", "/v1/views/pairs/aGk=/%2F+8=").json, row)
        for condition in ("x=aGk%3D", "x=aGk%3D&y=/%2B8%3D", "x=aGk%3D&y.gte=/%2B8%3D", "x.lt=aGl6", "x.gt=aA"):
            self.assertEqual(self.call("GET", f"/v1/views/pairs?{condition}").json["rows"], [row], condition)
        self.assert_problem(self.call("GET", "/v1/views/pairs/hi/hi!"), 422, "base64")
        self.assert_problem(self.call("GET", "/v1/views/pairs?x=%5Cx6869"), 422, "base64")
        again = self.append("x,y\naGk=,/+8=\n\\x6869,\\xffef\n", "text/csv", "blobs", Prefer="wait=30")
        self.assertEqual(again.json["rows"], 2, again.body)
        self.assertEqual(self.call("GET", "/v1/views/pairs").json["rows"], [{**row, "n": 3}])
        problem = self.assert_problem(self.append("x,y\naGk=,hi!\n", "text/csv", "blobs"), 422, "base64")
        self.assertEqual((problem["row"], problem["column"]), (1, "y"))
        self.assertEqual(self.sql("SELECT n FROM pairs WHERE x = '\\x6869'", "text/csv").body, b"n\r\n3\r\n")
        self.assertEqual(self.sql("DROP STREAM blobs CASCADE").status, 200)

    def test_bad_reads_are_refused(self):
        for path, status in (("/v1/views/nowhere", 404), ("/v1/views/nowhere/x", 404), ("/v1/views/scans/x", 404),
                             ("/v1/views/parcel/none", 404), ("/v1/views/stop/ORD", 422), ("/v1/views/stop/a/b/c", 422),
                             ("/v1/views/parcel/%zz", 422), ("/v1/views/parcel/%ff", None), ("/v1/views/parcel/%00", None),
                             ("/v1/views/stop?parcel=x", 422), ("/v1/views/stop?scans=1", 422),
                             ("/v1/views/stop?nope=1", 422), ("/v1/views/stop?limit=0", 422),
                             ("/v1/views/stop?limit=1001", 422), ("/v1/views/stop?cursor=rubbish", 422),
                             ("/v1/views/nowhere/changes", 404), ("/v1/views/stop/changes?x=1", 422),
                             ("/v1/views/stop/changes?last_event_id=rubbish", 422)):
            answer = self.call("GET", path)
            self.assertIn(answer.status, (404, 422) if status is None else (status,), f"{path}: {answer.body}")
            self.assert_problem(answer, answer.status)

    def test_changes_are_pushed_and_resumed(self):
        self.append(self.scan("S1"), Prefer="wait=30")
        events = Events(self.server, "/v1/views/parcel/changes")
        self.assertEqual(events.response.getheader("Content-Type"), "text/event-stream")
        snapshot = events.until("live")
        self.assertEqual(snapshot[0]["event"], "reset")
        rows = [row for event in snapshot[1:-1] for row in event["data"].get("insert", [])]
        self.assertIn({"parcel": "S1", "scans": 1, "amount": None}, rows)
        self.append(self.scan("S1"), Prefer="wait=30")
        change = events.until("change")[-1]
        self.assertEqual(change["data"], {"insert": [{"parcel": "S1", "scans": 2, "amount": None}],
                                          "delete": [{"parcel": "S1", "scans": 1, "amount": None}]})
        events.close()
        self.append(self.scan("S2"), Prefer="wait=30")
        for path, headers in (("/v1/views/parcel/changes", {"Last-Event-ID": change["id"]}),
                              ("/v1/views/parcel/changes?last_event_id=" + change["id"], {})):
            resumed = Events(self.server, path, headers)
            missed = resumed.next()
            self.assertEqual(missed["event"], "change")
            self.assertEqual(missed["data"], {"insert": [{"parcel": "S2", "scans": 1, "amount": None}]})
            resumed.close()

    # --- SQL ---

    def sql(self, text, accept=None, kind="text/plain"):
        return self.call("POST", "/v1/sql", text, {"Content-Type": kind, **({"Accept": accept} if accept else {})})

    def test_sql_answers_as_asked(self):
        self.append([self.scan("Q1", amount=1), self.scan("Q2", amount=2.5)], Prefer="wait=30")
        query = "SELECT parcel, amount FROM parcel WHERE parcel IN ('Q1', 'Q2') ORDER BY parcel"
        answer = self.sql(query).json
        self.assertEqual([column["name"] for column in answer["columns"]], ["parcel", "amount"])
        self.assertEqual([row["parcel"] for row in answer["rows"]], ["Q1", "Q2"])
        self.assertEqual(self.sql(query, "text/csv").body, b"parcel,amount\r\nQ1,1.00\r\nQ2,2.50\r\n")
        self.assertEqual(self.sql(query, "application/x-ndjson").body,
                         b'{"parcel":"Q1","amount":1.00}\n{"parcel":"Q2","amount":2.50}\n')
        wrapped = self.sql(json.dumps({"sql": query}), kind="application/json")
        self.assertEqual(len(wrapped.json["rows"]), 2)
        several = self.sql("CREATE STREAM extra (a integer); INSERT INTO extra VALUES (1), (2); SELECT * FROM extra",
                           kind="application/sql")
        self.assertEqual(several.status, 200, several.body)
        created, inserted, selected = several.json
        self.assertEqual((created["applied"], created["kind"], created["name"]), ("created", "stream", "extra"))
        self.assertEqual(inserted["rows"], 2)
        self.assertEqual(len(selected["rows"]), 2)
        self.assertEqual(self.sql("DROP STREAM extra").status, 200)

    def test_bad_sql_tells_where(self):
        problem = self.assert_problem(self.sql("SELECT *\nFROM parcel\nWHERE nope = 1"), 422)
        self.assertEqual(problem["line"], 3)
        for nothing in (" ", ";", "-- a comment"):
            answer = self.sql(nothing)
            self.assertEqual((answer.status, answer.json), (200, []), nothing)
        for text, kind, statuses in (("", "text/plain", (422,)), ("SELEC 1", "text/plain", (422,)),
                                     ("SELECT * FROM nowhere", "text/plain", (404, 422)),
                                     ("SELECT 'a' + 1 FROM parcel", "text/plain", (422,)),
                                     ("{}", "application/json", (422,)), ("[", "application/json", (422,)),
                                     ('{"sql":1}', "application/json", (422,)),
                                     ('{"sql":"SELECT 1","x":1}', "application/json", (422,)),
                                     ("SELECT 1", "image/png", (415,)), ("DROP STREAM scans", "text/plain", (409,)),
                                     ("CREATE STREAM scans (other text)", "text/plain", (409,)),
                                     ("(" * 5000, "text/plain", (413, 422)), (b"\xff\xfe", "text/plain", (422,)),
                                     (b"SELECT 1\x00", "text/plain", (422,))):
            answer = self.sql(text, kind=kind)
            self.assertIn(answer.status, statuses, f"{text[:50]!r}: {answer.body}")
            self.assert_problem(answer, answer.status)

    # --- the rest ---

    def test_status_metrics_and_probes(self):
        self.append(self.scan("O1"), Prefer="wait=30")
        status = self.call("GET", "/v1/status").json
        self.assertTrue(status["ready"])
        self.assertIn("parcel", [view["name"] for view in status["views"]])
        metrics = self.call("GET", "/metrics")
        self.assertTrue(metrics.headers["Content-Type"].startswith("text/plain"))
        self.assertIn(b'headrace_view_lag_rows{view="parcel"}', metrics.body)
        self.assertIn(b"headrace_http_requests_total", metrics.body)
        for line in metrics.body.decode().splitlines():
            self.assertTrue(line.startswith("# ") or len(line.rsplit(" ", 1)) == 2, line)
        self.assertEqual(self.call("GET", "/healthz").body, b"ok\n")
        self.assertEqual(self.call("GET", "/readyz").body, b"ready\n")
        head = self.call("HEAD", "/healthz")
        self.assertEqual((head.status, head.body, head.headers["Content-Length"]), (200, b"", "3"))

    def test_the_description_names_calls_that_exist(self):
        description = self.call("GET", "/openapi.json").json
        self.assertEqual(description["openapi"], "3.1.0")
        for path, methods in description["paths"].items():
            known = self.call("OPTIONS", path.replace("{", "").replace("}", ""))
            self.assertEqual(known.status, 204)
            for method in methods:
                self.assertIn(method.upper(), known.headers["Allow"])

    def test_the_page_and_its_policy(self):
        page = self.call("GET", "/")
        self.assertIn(b"<h1>Headrace</h1>", page.body)
        self.assertIn("default-src 'none'", page.headers["Content-Security-Policy"])
        for path in ("/page.css", "/page.js"):
            self.assertIn(path.encode(), page.body)
            self.assertEqual(self.call("GET", path).status, 200)
        self.assertNotIn(b"https://", page.body)

    def test_malformed_requests_do_not_stop_the_server(self):
        for request, status in ((b"rubbish\r\n\r\n", 400), (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
                                (b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n", 505),
                                (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
                                (b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
                                (b"PATCH /v1/sql HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
                                (b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
                                (b"POST /v1/sql HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
                                 b"Content-Type: text/plain\r\nContent-Length: 8\r\n\r\nSELECT 1", 403),
                                (b"POST /v1/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
                                 b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)):
            self.assertEqual(self.server.raw(request), status, request)
            self.assertEqual(self.call("GET", "/healthz").status, 200)
        # A client that goes away in the middle of a request, and one that never reads.
        with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
            connection.sendall(b"POST /v1/streams/scans HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
                               b"Content-Length: 1000\r\n\r\nparcel,depot\nhalf,")
        self.assertEqual(self.call("GET", "/v1/views/parcel/half").status, 404)


class RestartTest(unittest.TestCase):
    def test_what_was_acknowledged_is_there_after_a_kill(self):
        server = HttpServer(APP).start()
        try:
            rows = [{"scan_id": number, "parcel": f"K{number % 10}", "depot": "X"} for number in range(1000)]
            body = "".join(json.dumps(row) + "\n" for row in rows)
            kind = {"Content-Type": "application/x-ndjson"}
            answer = server.call("POST", "/v1/streams/scans", body, kind)
            self.assertEqual(answer.status, 202)
            server.kill()
            server.start()
            again = server.call("POST", "/v1/streams/scans", body, {**kind, "Prefer": "wait=30"})
            self.assertEqual(again.status, 200)
            row = server.call("GET", "/v1/views/parcel/K3", headers={"Headrace-After": answer.json["token"]})
            self.assertEqual(row.json["scans"], 100)
            # Subscribers do not keep it from stopping.
            events = Events(server, "/v1/views/parcel/changes")
            events.until("live")
            self.assertEqual(server.stop(), 0)
            told = events.next()
            self.assertEqual((told["event"], told["data"]["status"]), ("problem", 503))
            self.assertTrue(told["data"]["type"].endswith(":unavailable"))
            self.assertIsNone(events.next())
            events.close()
        finally:
            server.remove()


if __name__ == "__main__":
    unittest.main()
