#!/usr/bin/env python3
"""More unmodified Kafka clients against the Kafka port: Kafka's own in Java (3.9 and 4.1), aiokafka, KafkaJS, franz-go.

Run by `./run test`, or by hand: HEADRACE=build/release/headrace test/conformance/test_more_clients.py

Each is a small program in clients/, whose README.md has the commands. tools/run/kafka_clients.sh installs them in
build/kafka-clients; the tests of one that is not there are skipped.
"""

import json
import os
import pathlib
import queue
import subprocess
import sys
import threading
import unittest

import confluent_kafka
import confluent_kafka.admin

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from server import ROOT, TemporaryServer, eventually  # noqa: E402

APP = """
CREATE STREAM scans (parcel text NOT NULL, weight integer NOT NULL) WITH (key = 'parcel', partitions = 1) FORMAT JSON;
CREATE STREAM heavy AS SELECT parcel, weight FROM scans WHERE weight > 100;
"""
SOURCES = pathlib.Path(__file__).resolve().parent / "clients"
PLACE = ROOT / "build/kafka-clients"
JAVA = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xmx512m")
PATIENCE_SECONDS = 60
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
PARTITIONS = 6
ADMIN = {
    "brokers": 1, "partitions": 2, "grown": 3, "config": {"cleanup.policy": "delete", "retention.ms": "1000000"},
    "altered": {"cleanup.policy": "delete", "retention.ms": "2000000"}, "listed": False, "earliest": 0, "latest": 10,
    "earliest_left": 4, "group_listed": True, "group_state": "Empty", "committed": 10, "group_left": False,
}
ERRORS = {
    "existing_topic": "TOPIC_ALREADY_EXISTS", "topic_name": "INVALID_TOPIC_EXCEPTION",
    "replication": "INVALID_REPLICATION_FACTOR", "config": "INVALID_CONFIG", "fewer_partitions": "INVALID_PARTITIONS",
    "unknown_topic": "UNKNOWN_TOPIC_OR_PARTITION", "unknown_group": "GROUP_ID_NOT_FOUND", "too_large": "MESSAGE_TOO_LARGE",
    "derived": "TOPIC_AUTHORIZATION_FAILED", "offset": "OFFSET_OUT_OF_RANGE",
    "transaction": "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
}


class Program:
    """A running client: lines go in, and a thread collects the rows that it prints."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **environment})
        self.rows = queue.SimpleQueue()
        self.assigned = []  # the partitions of a member of a group, as it last said
        self.values = []  # that it read
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            row = json.loads(line)
            self.assigned = row.get("assigned", self.assigned)
            if "value" in row:
                self.values.append(row["value"])
            self.rows.put(row)

    def send(self, values):
        self.process.stdin.write("".join(f"{value}\n" for value in values))
        self.process.stdin.flush()

    def row(self):
        return self.rows.get(timeout=PATIENCE_SECONDS)

    def end(self):
        """Ends the input, waits for the program and returns the rows that nobody took yet."""
        self.process.stdin.close()
        try:
            status = self.process.wait(PATIENCE_SECONDS)
        finally:
            self.stop()
        assert status == 0, f"{self.process.args} ended with {status}"
        return [self.rows.get() for _ in range(self.rows.qsize())]

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()


class Traffic:
    """Numbers on every partition of a topic, one round after another, until it is ended."""

    def __init__(self, address, topic):
        self.sent = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.produce, args=(address, topic))
        self.thread.start()

    def produce(self, address, topic):
        producer = confluent_kafka.Producer({"bootstrap.servers": address, "linger.ms": 0})
        while not self.ended.is_set():
            for partition in range(PARTITIONS):
                producer.produce(topic, str(self.sent + partition), partition=partition)
            producer.flush()
            self.sent += PARTITIONS

    def end(self):
        self.ended.set()
        self.thread.join()


class ClientTest:
    command = ()  # of the program
    needs = ""  # a file that the installation makes
    environment = {}
    cannot = set()  # lines of admin and errors that it leaves out
    duplicates = False  # whether a group may read a record again when members change

    @classmethod
    def setUpClass(cls):
        if not (PLACE / cls.needs).exists():
            raise unittest.SkipTest(f"build/kafka-clients/{cls.needs} is not there (tools/run/kafka_clients.sh makes it)")
        cls.server = TemporaryServer(APP).start()
        cls.address = f"127.0.0.1:{cls.server.kafka_port}"

    @classmethod
    def tearDownClass(cls):
        cls.server.remove()

    def start(self, *arguments):
        program = Program([*self.command, self.address, *map(str, arguments)], self.environment)
        self.addCleanup(program.stop)
        return program

    def run_program(self, *arguments, values=()):
        program = self.start(*arguments)
        program.send(values)
        return program.end()

    def kcat(self, *arguments, stdin=""):
        return subprocess.run(["kcat", "-b", self.address, *arguments], input=stdin, capture_output=True, text=True,
                              timeout=PATIENCE_SECONDS, check=True).stdout

    def read_with_kcat(self, topic, form="%s\\n"):
        return self.kcat("-C", "-t", topic, "-e", "-q", "-o", "beginning", "-f", form)

    def make_topic(self, topic, partitions):
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.address})
        admin.create_topics([confluent_kafka.admin.NewTopic(topic, partitions, 1)])[topic].result(PATIENCE_SECONDS)

    def test_every_codec_and_what_kcat_wrote_and_reads(self):
        expected = []  # key, value, header
        for codec in CODECS:
            foreign = [f"{codec} of kcat {number}" for number in range(100)]
            own = [f"own {codec} {number}" for number in range(300)]
            self.kcat("-P", "-t", "codecs", "-z", codec, stdin="".join(f"{value}\n" for value in foreign))
            expected += [(None, value, None) for value in foreign]
            acknowledged = self.run_program("produce", "codecs", codec, values=own)
            self.assertEqual([(row["value"], row["offset"]) for row in acknowledged],
                             [(value, len(expected) + place) for place, value in enumerate(own)])
            expected += [(f"key {value}", value, value) for value in own]
        lines = [f"{key or ''}|{value}|{'n=' + header if header else ''}" for key, value, header in expected]
        self.assertEqual(self.read_with_kcat("codecs", "%k|%s|%h\\n").splitlines(), lines)
        read = self.run_program("consume", "codecs", "readers", len(expected))
        self.assertEqual([row["offset"] for row in read], list(range(len(expected))))
        self.assertEqual([(row["key"] or None, row["value"], row["header"]) for row in read], expected)

    def check_a_group(self, *options):
        topic = "-".join(["shared", *options])
        self.make_topic(topic, PARTITIONS)
        traffic = Traffic(self.address, topic)
        self.addCleanup(traffic.end)

        def shared(what, *members):
            eventually(what, lambda: all(member.assigned for member in members) and
                       sorted(sum((member.assigned for member in members), [])) == list(range(PARTITIONS)))
            seen = [len(member.values) for member in members]
            eventually(f"records after: {what}", lambda: all(len(member.values) > before for member, before in zip(members, seen)))

        first = self.start("group", topic, "sharing", *options)
        shared("the first member has all", first)
        second = self.start("group", topic, "sharing", *options)
        shared("a second member joins", first, second)
        third = self.start("group", topic, "sharing", *options)
        shared("a third member joins", first, second, third)
        first.end()
        shared("the first member leaves", second, third)
        second.end()
        shared("the second member leaves", third)
        traffic.end()
        sent = {str(number) for number in range(traffic.sent)}
        eventually("every record is read", lambda: sent <= {*first.values, *second.values, *third.values})
        third.end()
        read = first.values + second.values + third.values
        self.assertEqual(set(read), sent)
        if not self.duplicates:
            self.assertEqual(len(read), len(sent), "records were read twice")

    def test_a_group_whose_members_join_and_leave_during_traffic(self):
        self.check_a_group()

    def test_an_idempotent_producer_survives_kill_9(self):
        program = self.start("produce", "exact", "none", "idempotent")
        rounds = [list(range(start, start + 500)) for start in range(0, 2000, 500)]
        for values in rounds:
            program.send(values)
            program.row()  # the round is being written
            if values is not rounds[-1]:
                self.server.kill()
                self.server.start()
        rows = program.end()
        self.assertEqual(len(rows) + len(rounds), 2000)
        self.assertEqual(self.read_with_kcat("exact").split(), [str(number) for number in range(2000)])

    def test_admin_calls(self):
        self.kcat("-P", "-t", "kept", stdin="x\n" * 10)
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.address, "group.id": "known"})
        consumer.commit(offsets=[confluent_kafka.TopicPartition("kept", 0, 10)], asynchronous=False)
        consumer.close()
        self.check_rows(ADMIN, self.run_program("admin", "kept", "known"))

    def test_errors(self):
        self.make_topic("plain", 2)
        self.check_rows(ERRORS, self.run_program("errors", "plain", "heavy"))

    def check_rows(self, expected, rows):
        told = {}
        for row in rows:
            told.update(row)
        self.assertEqual(told, {name: value for name, value in expected.items() if name not in self.cannot})


class Java:
    def test_quotas(self):
        limited, others = {"limited": {"producer_byte_rate": 1e6}}, {"(default)": {"consumer_byte_rate": 2e6}}
        self.check_rows({"all": {**limited, **others}, "clients": {**limited, **others}, "exact": limited, "users": {},
                         "user": "INVALID_REQUEST", "percentage": "INVALID_REQUEST", "left": {}},
                        self.run_program("quotas", "limited"))

    def test_the_sizes_of_partitions(self):
        self.make_topic("sized", 2)
        self.kcat("-P", "-t", "sized", "-p", "1", stdin=f"{'x' * 10_000}\n" * 10)
        sizes = {row["partition"]: row["bytes"] for row in self.run_program("sizes", "sized")}
        self.assertEqual(sizes[0], 0)
        self.assertGreater(sizes[1], 100_000)
        self.assertLess(sizes[1], 102_000)

    def test_a_cooperative_group(self):
        self.check_a_group("cooperative")

    def tool(self, name, *arguments):
        command = [*JAVA, "-cp", f"{PLACE}/{self.needs}/*", f"org.apache.kafka.tools.{name}", "--bootstrap-server", self.address]
        program = Program([*command, *arguments], {})
        self.addCleanup(program.stop)
        return program.end()

    def test_the_verifiable_producer_and_consumer(self):
        produced = self.tool("VerifiableProducer", "--topic", "verified", "--max-messages", "5000", "--acks", "-1",
                             "--repeating-keys", "10")
        summary = produced[-1]
        self.assertEqual((summary["name"], summary["sent"], summary["acked"]), ("tool_data", 5000, 5000))
        acknowledged = {row["value"]: row["offset"] for row in produced if row["name"] == "producer_send_success"}
        self.assertEqual(sorted(map(int, acknowledged)), list(range(5000)))
        consumed = self.tool("VerifiableConsumer", "--topic", "verified", "--group-id", "verifying", "--max-messages", "5000",
                             "--reset-policy", "earliest", "--verbose")
        read = {row["value"]: row["offset"] for row in consumed if row["name"] == "record_data"}
        self.assertEqual(read, acknowledged)
        self.assertEqual(sum(row["count"] for row in consumed if row["name"] == "records_consumed"), 5000)
        commits = [row for row in consumed if row["name"] == "offsets_committed"]
        self.assertTrue(all(row["success"] for row in commits))
        self.assertEqual(commits[-1]["offsets"][-1]["offset"], 5000)
        self.assertEqual(consumed[-1]["name"], "shutdown_complete")


def java(version):
    return (*JAVA, "-cp", f"{PLACE}/java-{version}:{PLACE}/java-{version}/*", "Client")


class Java39Test(Java, ClientTest, unittest.TestCase):
    command, needs = java("3.9"), "java-3.9"


class Java41Test(Java, ClientTest, unittest.TestCase):
    command, needs = java("4.1"), "java-4.1"


class AioKafkaTest(ClientTest, unittest.TestCase):
    command, needs = (f"{PLACE}/python/bin/python", f"{SOURCES}/python/client.py"), "python"
    cannot = {"group_left", "unknown_group"}


class KafkaJsTest(ClientTest, unittest.TestCase):
    command, needs = ("node", f"{SOURCES}/node/client.js"), "node"
    environment = {"NODE_PATH": f"{PLACE}/node/node_modules"}
    cannot = {"existing_topic", "offset"}  # KafkaJS answers the first with false, and resets at the second
    duplicates = True


class FranzGoTest(ClientTest, unittest.TestCase):
    command, needs = (f"{PLACE}/franz-go",), "franz-go"


if __name__ == "__main__":
    unittest.main()
