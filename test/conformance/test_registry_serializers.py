#!/usr/bin/env python3
"""Confluent's Avro serializers in Java and JavaScript against the registry and the Kafka port. Python's is in
test/e2e/test_registry.py.

Run by `./run test`, or by hand: HEADRACE=build/release/headrace test/conformance/test_registry_serializers.py

tools/run/kafka_clients.sh installs the clients in build/kafka-clients; the tests of one that is not there are skipped.
"""

import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from server import ROOT, TemporaryServer  # noqa: E402

APP = """
CREATE STREAM rides (ride bigint NOT NULL, city text NOT NULL, rider text) WITH (key = 'city', partitions = 1);
CREATE MATERIALIZED VIEW city AS SELECT city, count(*) AS rides, sum(ride) AS total, max(rider) AS rider
  FROM rides GROUP BY city;
"""
CLIENTS = pathlib.Path(__file__).resolve().parent / "clients"
PLACE = ROOT / "build/kafka-clients"
PATIENCE_SECONDS = 60


def record(*fields):
    return json.dumps({"type": "record", "name": "Ride", "fields": [{"name": name, "type": type_, **more}
                                                                   for name, type_, more in fields]})


PLAIN = record(("ride", "int", {}), ("city", "string", {}))
EVOLVED = record(("ride", "int", {}), ("city", "string", {}), ("rider", ["null", "string"], {"default": None}))
INCOMPATIBLE = record(("ride", "int", {}), ("city", "string", {}), ("fare", "double", {}))


class Serializers:
    """What each must do; a client's class says how to run it: `command`, its environment, and what it `needs` of PLACE."""

    environment = {}

    def setUp(self):
        if not (PLACE / self.needs).exists():
            self.skipTest(f"build/kafka-clients/{self.needs} is not there (tools/run/kafka_clients.sh makes it)")
        self.server = TemporaryServer(APP).start()
        self.addCleanup(self.server.remove)

    def run_client(self, command, topic, argument, rows=()):
        ended = subprocess.run([*self.command, f"127.0.0.1:{self.server.kafka_port}", f"http://127.0.0.1:{self.server.port}",
                                command, topic, str(argument)], input="".join(json.dumps(row) + "\n" for row in rows),
                               capture_output=True, text=True, timeout=PATIENCE_SECONDS,
                               env={**os.environ, **self.environment})
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return [json.loads(line) for line in ended.stdout.splitlines()]

    def put(self, path, body):
        status, answer = self.server.request("PUT", path, json.dumps(body), {"Content-Type": "application/json"})
        self.assertEqual(status, 200, answer)

    def append(self, row):
        status, answer = self.server.request("POST", "/v1/streams/rides", json.dumps(row),
                                             {"Content-Type": "application/json", "Prefer": "wait=30"})
        self.assertEqual(status, 200, answer)

    def test_rows_by_the_serializer_arrive_in_a_view(self):
        self.put("/config/rides-value", {"compatibility": "NONE"})  # the producer's schema is its own
        told = self.run_client("produce", "rides", PLAIN, [{"ride": number, "city": "Bonn"} for number in (1, 2, 3)])
        self.assertEqual([row["offset"] for row in told[2:]], [0, 1, 2])
        told = self.run_client("produce", "rides", EVOLVED, [{"ride": 4, "city": "Bonn", "rider": "Ada"}])
        self.assertEqual(told[2:], [{"offset": 3}])
        self.append({"ride": 5, "city": "Bonn"})
        self.assertEqual(self.server.rows("city"), [{"city": "Bonn", "rides": 5, "total": 15, "rider": "Ada"}])

    def test_rows_posted_over_http_are_read_by_the_deserializer(self):
        sent = [{"ride": 1, "city": "Bonn", "rider": "Ada"}, {"ride": 2**40, "city": "Ulm", "rider": None}]
        for row in sent:
            self.append(row)
        read = self.run_client("consume", "rides", len(sent))
        plain = [{**row, "rider": next(iter(row["rider"].values())) if isinstance(row["rider"], dict) else row["rider"]}
                 for row in read]  # the client may name a union's branch
        self.assertEqual(plain, sent)

    def test_a_schema_evolves_and_an_incompatible_one_is_refused(self):
        first = self.run_client("produce", "own", PLAIN, [{"ride": 1, "city": "Bonn"}])
        second = self.run_client("produce", "own", EVOLVED, [{"ride": 2, "city": "Ulm", "rider": "Ada"}])
        self.assertEqual(second[0], {"compatible": True})
        self.assertNotEqual(second[1]["id"], first[1]["id"])
        refused = self.run_client("produce", "own", INCOMPATIBLE)
        self.assertEqual(refused, [{"compatible": False}, {"refused": 40901, "status": 409}])
        read = self.run_client("consume", "own", 2)
        self.assertEqual([(row["ride"], row["city"]) for row in read], [(1, "Bonn"), (2, "Ulm")])
        self.assertIn("Ada", json.dumps(read[1]))
        self.assertEqual(self.server.get("/subjects/own-value/versions"), [1, 2])


class JavaSerializers(Serializers, unittest.TestCase):
    command = ("java", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp", f"{PLACE}/java-avro:{PLACE}/java-avro/*", "Avro")
    needs = "java-avro"


class JavaScriptSerializers(Serializers, unittest.TestCase):
    command = ("node", CLIENTS / "node-avro/avro.js")
    needs = "node-avro"
    environment = {"NODE_PATH": str(PLACE / "node-avro/node_modules")}


if __name__ == "__main__":
    unittest.main()
