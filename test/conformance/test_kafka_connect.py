#!/usr/bin/env python3
"""Kafka Connect on Headrace: an unmodified distributed worker, with the connectors for files that come with it.

Run by `./run test`, or by hand: HEADRACE=build/release/headrace test/conformance/test_kafka_connect.py

The worker keeps its configuration, its offsets and its connectors' states on compacted topics that it makes itself, and
its tasks are members of groups. tools/run/kafka_clients.sh installs it in build/kafka-clients/connect; without it the
tests are skipped.
"""

import http.client
import json
import pathlib
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from server import ROOT, TemporaryServer, eventually  # noqa: E402

APP = """
CREATE STREAM scans (parcel text NOT NULL, weight integer NOT NULL) WITH (partitions = 2) FORMAT JSON;
CREATE STREAM heavy FORMAT JSON AS SELECT parcel, weight FROM scans WHERE weight >= 100;
CREATE MATERIALIZED VIEW parcels AS SELECT parcel, max(weight) AS weight FROM scans GROUP BY parcel;
"""
PLACE = ROOT / "build/kafka-clients/connect"
JAVA = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xmx256m")
ROUND = 100  # lines that are written at once
HEAVY = 100
WORKER = {
    "group.id": "workers",
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    "value.converter": "org.apache.kafka.connect.storage.StringConverter",
    "config.storage.topic": "connect-configs", "config.storage.replication.factor": 1,
    "offset.storage.topic": "connect-offsets", "offset.storage.replication.factor": 1,
    "offset.storage.partitions": 3, "offset.flush.interval.ms": 200,
    "status.storage.topic": "connect-status", "status.storage.replication.factor": 1,
    "status.storage.partitions": 2, "scheduled.rebalance.max.delay.ms": 0,
    # A worker that was killed is missed after that; the test waits for it each time.
    "session.timeout.ms": 6000, "heartbeat.interval.ms": 500,
}
SOURCE = {"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "tasks.max": 1, "topic": "scans"}
SINK = {"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "tasks.max": 1, "topics": "heavy",
        "consumer.override.auto.offset.reset": "earliest", "consumer.override.session.timeout.ms": 6000}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Worker:
    def __init__(self, server):
        self.port = free_port()
        self.settings = server.folder / "worker.properties"
        settings = {**WORKER, "bootstrap.servers": f"127.0.0.1:{server.kafka_port}",
                    "listeners": f"http://127.0.0.1:{self.port}"}
        self.settings.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        self.log = open(server.folder / "worker.log", "ab")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [*JAVA, "-cp", f"{PLACE}/*", "org.apache.kafka.connect.cli.ConnectDistributed", self.settings],
            stdout=self.log, stderr=self.log)
        eventually("the worker serves", lambda: self.request("GET", "/connectors")[0] == 200)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process:
            self.kill()
        self.log.close()

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            return answer.status, json.loads(body) if body and answer.status < 300 else None
        except (ConnectionError, http.client.HTTPException):
            assert self.process.poll() is None, "the worker ended; see worker.log"
            return 0, None
        finally:
            connection.close()

    def add(self, name, config):
        # Refused while the workers' group rebalances.
        body = {name: str(value) for name, value in config.items()}
        eventually(f"{name} is made", lambda: self.request("PUT", f"/connectors/{name}/config", body)[0] in (200, 201))

    def runs(self, name):
        status, answer = self.request("GET", f"/connectors/{name}/status")
        return status == 200 and [task["state"] for task in answer["tasks"]] == ["RUNNING"]


@unittest.skipUnless(PLACE.exists(), "build/kafka-clients/connect is not there (tools/run/kafka_clients.sh makes it)")
class KafkaConnect(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = TemporaryServer(APP).start()
        cls.addClassCleanup(cls.server.remove)
        cls.worker = Worker(cls.server)
        cls.addClassCleanup(cls.worker.close)
        cls.worker.start()
        cls.input, cls.output = cls.server.folder / "scans.ndjson", cls.server.folder / "heavy.ndjson"
        cls.written = 0
        cls.write()
        cls.worker.add("source", {**SOURCE, "file": cls.input})
        cls.worker.add("sink", {**SINK, "file": cls.output})

    @classmethod
    def write(cls):
        with open(cls.input, "a") as file:
            for number in range(cls.written, cls.written + ROUND):
                file.write(json.dumps({"parcel": f"p{number}", "weight": number}) + "\n")
        cls.written += ROUND

    def sunk(self):
        """Weights that stand in the sink's file."""
        return [json.loads(line)["weight"] for line in self.output.read_text().splitlines()] if self.output.exists() else []

    def wait_for_everything(self):
        """Every line is a row of the view, and every row of the derived stream a line of the sink's file."""
        eventually("all lines are in the view", lambda: len(self.server.rows("parcels")) == self.written)
        expected = set(range(HEAVY, self.written))
        eventually("all rows are in the file", lambda: set(self.sunk()) >= expected)
        self.assertEqual(set(self.sunk()), expected)

    def test_1_lines_become_rows_and_rows_become_lines(self):
        self.write()
        self.wait_for_everything()
        self.assertEqual(len(self.server.records("scans")), self.written, "once each, while nobody is killed")
        self.assertEqual(len(self.sunk()), self.written - HEAVY)
        for name in ("source", "sink"):
            eventually(f"{name} runs", lambda name=name: self.worker.runs(name))

    def test_2_a_killed_worker_goes_on_where_it_was(self):
        self.wait_for_everything()
        # Its offsets are written every 200 ms: wait for them, so that it must not read the file again.
        self.wait_for_offset()
        self.worker.kill()
        self.write()
        self.worker.start()
        self.wait_for_everything()
        self.assertEqual(len(self.server.records("scans")), self.written, "from its offset on")

    def test_3_it_outlives_a_killed_server(self):
        self.write()
        self.server.kill()
        self.write()
        self.server.start()
        self.wait_for_everything()

    def wait_for_offset(self):
        size = self.input.stat().st_size

        def reached():
            status, answer = self.worker.request("GET", "/connectors/source/offsets")
            return status == 200 and [each["offset"]["position"] for each in answer["offsets"]] == [size]

        eventually("the worker has stored its offset", reached)


if __name__ == "__main__":
    unittest.main(verbosity=2)
