#!/usr/bin/env python3
"""Unmodified Kafka clients against the Kafka port: kcat, confluent-kafka (librdkafka) and kafka-python.

Run by `./run test`, or by hand: HEADRACE=build/release/headrace test/conformance/test_kafka.py
"""

import json
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

import confluent_kafka
import confluent_kafka.admin
import kafka
import kafka.admin
import kafka.errors
import kafka.record

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from server import TemporaryServer, eventually  # noqa: E402

APP = """
CREATE STREAM scans (parcel text NOT NULL, weight integer NOT NULL) WITH (key = 'parcel', partitions = 2) FORMAT JSON;
CREATE MATERIALIZED VIEW parcel AS SELECT parcel, count(*) AS scans, sum(weight) AS weight FROM scans GROUP BY parcel;
CREATE STREAM heavy AS SELECT parcel, weight FROM scans WHERE weight > 100;
"""
PATIENCE_SECONDS = 60
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def array(*elements):
    return struct.pack(">i", len(elements)) + b"".join(elements)


class Pipeline:
    """A connection on which requests are sent together, as hardly a library does it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self.answers = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answers.close()
        self.socket.close()

    def send(self, *requests):
        frames = [struct.pack(">hhih", key, version, number, -1) + body for number, (key, version, body) in enumerate(requests)]
        self.socket.sendall(b"".join(struct.pack(">i", len(frame)) + frame for frame in frames))

    def ask(self, *requests):
        self.send(*requests)
        return [self.answer(number) for number in range(len(requests))]

    def answer(self, number):
        (length,) = struct.unpack(">i", self.answers.read(4))
        (answered,) = struct.unpack(">i", self.answers.read(4))
        assert answered == number, f"the answer to {answered} came in the place of that to {number}"
        return self.answers.read(length - 4)


class KafkaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = TemporaryServer(APP).start()
        cls.address = f"127.0.0.1:{cls.server.kafka_port}"

    @classmethod
    def tearDownClass(cls):
        cls.server.remove()

    def kcat(self, *arguments, stdin=""):
        return subprocess.run(["kcat", "-b", self.address, *arguments], input=stdin, capture_output=True, text=True,
                              timeout=PATIENCE_SECONDS, check=True).stdout

    def confluent_producer(self, **options):
        return confluent_kafka.Producer({"bootstrap.servers": self.address, **options})

    def confluent_consume(self, topic, group, count, **options):
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.address, "group.id": group,
                                             "auto.offset.reset": "earliest", **options})
        consumer.subscribe([topic])
        messages = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(messages) < count and time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is not None:
                self.assertIsNone(message.error())
                messages.append(message)
        consumer.close()
        return messages

    def test_kcat_with_every_codec(self):
        lines = "".join(f"{number}\n" for number in range(1000))
        for codec in CODECS:
            self.kcat("-P", "-t", f"kcat-{codec}", "-z", codec, stdin=lines)
            self.assertEqual(self.kcat("-C", "-t", f"kcat-{codec}", "-e", "-q", "-o", "beginning"), lines, codec)

    def test_kcat_keys_headers_and_offsets(self):
        self.kcat("-P", "-t", "kcat-keys", "-K", ":", "-H", "colour=green", "-H", "empty=", stdin="a:1\nb:2\n")
        shown = self.kcat("-C", "-t", "kcat-keys", "-e", "-q", "-o", "beginning", "-f", "%o %k %s %h\\n")
        self.assertEqual(shown, "0 a 1 colour=green,empty=\n1 b 2 colour=green,empty=\n")
        self.assertEqual(self.kcat("-C", "-t", "kcat-keys", "-e", "-q", "-o", "1", "-f", "%s\\n"), "2\n")

    def test_kcat_seeks_by_time(self):
        producer = self.confluent_producer()
        for number in range(10):
            producer.produce("by-time", str(number), timestamp=1_000_000 + 1000 * number)
        producer.flush()
        found = self.kcat("-Q", "-t", "by-time:0:1004500")
        self.assertIn("offset 5", found)

    def test_confluent_with_every_codec_and_idempotence(self):
        for codec in CODECS:
            topic = f"confluent-{codec}"
            producer = self.confluent_producer(**{"compression.type": codec, "enable.idempotence": True, "linger.ms": 5})
            failures = []
            for number in range(500):
                producer.produce(topic, f"value {number}", key=f"key {number % 7}", headers={"n": str(number)},
                                 on_delivery=lambda error, message: failures.append(error) if error else None)
            producer.flush()
            self.assertEqual(failures, [])
            messages = self.confluent_consume(topic, f"group-{codec}", 500)
            self.assertEqual(sorted(message.value().decode() for message in messages),
                             sorted(f"value {number}" for number in range(500)))
            self.assertEqual(messages[3].headers(), [("n", messages[3].value().split()[1])])

    def test_kafka_python_with_every_codec(self):
        for codec in (None, "gzip", "snappy", "lz4"):
            topic = f"python-{codec}"
            try:
                producer = kafka.KafkaProducer(bootstrap_servers=self.address, compression_type=codec, acks="all")
            except AssertionError:
                continue  # the client's library for this codec is not installed
            for number in range(200):
                producer.send(topic, str(number).encode(), key=b"k", headers=[("h", b"1")])
            producer.flush()
            producer.close()
            consumer = kafka.KafkaConsumer(topic, bootstrap_servers=self.address, group_id=f"python-{codec}",
                                           auto_offset_reset="earliest", consumer_timeout_ms=10_000)
            values = []
            for record in consumer:
                values.append(int(record.value))
                if len(values) == 200:
                    break
            consumer.close()
            self.assertEqual(values, list(range(200)))

    def test_a_group_shares_partitions_and_takes_over(self):
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.address})
        admin.create_topics([confluent_kafka.admin.NewTopic("shared", 6, 1)])["shared"].result(PATIENCE_SECONDS)
        for strategy in ("range", "roundrobin", "cooperative-sticky"):
            group = f"sharing-{strategy}"
            assigned = [set(), set()]
            stop = [threading.Event(), threading.Event()]

            def work(index):
                consumer = confluent_kafka.Consumer({"bootstrap.servers": self.address, "group.id": group,
                                                     "partition.assignment.strategy": strategy,
                                                     "session.timeout.ms": 6000})
                consumer.subscribe(["shared"])
                while not stop[index].is_set():
                    consumer.poll(0.1)
                    assigned[index] = {part.partition for part in consumer.assignment()}
                consumer.close()
                assigned[index] = set()

            threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
            for thread in threads:
                thread.start()
            eventually("both members share the partitions",
                       lambda: len(assigned[0]) == 3 and len(assigned[1]) == 3 and not assigned[0] & assigned[1])
            stop[0].set()
            threads[0].join()
            eventually("the other takes over", lambda: len(assigned[1]) == 6)
            stop[1].set()
            threads[1].join()

    def test_committed_offsets_go_on_after_kill_9(self):
        producer = self.confluent_producer()
        for number in range(20):
            producer.produce("resumed", str(number))
        producer.flush()
        first = self.confluent_consume("resumed", "resuming", 10, **{"enable.auto.commit": False})
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.address, "group.id": "resuming"})
        consumer.commit(offsets=[confluent_kafka.TopicPartition("resumed", 0, 10, )], asynchronous=False)
        consumer.close()
        self.server.kill()
        self.server.start()
        rest = self.confluent_consume("resumed", "resuming", 10)
        self.assertEqual([message.value().decode() for message in first[:10] + rest], [str(n) for n in range(20)])

    def test_an_idempotent_producer_survives_kill_9(self):
        producer = self.confluent_producer(**{"enable.idempotence": True, "linger.ms": 1})
        delivered = []
        for number in range(3000):
            producer.produce("exact", str(number), on_delivery=lambda error, message: delivered.append(error))
            producer.poll(0.0005)
            if number in (700, 1900):
                self.server.kill()
                self.server.start()
        producer.flush()
        self.assertEqual([error for error in delivered if error], [])
        lines = self.kcat("-C", "-t", "exact", "-e", "-q", "-o", "beginning").split()
        self.assertEqual(lines, [str(number) for number in range(3000)])

    def test_requests_on_a_connection_see_what_those_before_them_did(self):
        admin = kafka.admin.KafkaAdminClient(bootstrap_servers=self.address)
        admin.create_topics([kafka.admin.NewTopic("ordered", 1, 1)])
        admin.close()
        topic = text("ordered")
        committed = (9, 1, text("in-order") + array(topic + array(struct.pack(">i", 0))))
        latest = (2, 1, struct.pack(">i", -1) + array(topic + array(struct.pack(">iq", 0, -1))))
        delete = (20, 1, array(topic) + struct.pack(">i", 10_000))
        create = (19, 2, array(topic + struct.pack(">ih", 1, 1) + array() + array()) + struct.pack(">ib", 10_000, 0))
        batch = kafka.record.MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=1000)
        batch.append(timestamp=1000, key=None, value=b"value")
        batch.close()
        records = struct.pack(">ii", 0, batch.size_in_bytes()) + batch.buffer()
        produce = (0, 3, struct.pack(">hhi", -1, 1, 10_000) + array(topic + array(records)))
        with Pipeline(self.server.kafka_port) as client:
            for number in range(1, 30):
                commit = (8, 2, text("in-order") + struct.pack(">i", -1) + text("") + struct.pack(">q", -1) +
                          array(topic + array(struct.pack(">iqh", 0, number, -1))))
                fetched = client.ask(commit, committed)[1]
                self.assertEqual(struct.unpack_from(">q", fetched, 4 + len(topic) + 8), (number,))
                listed = client.ask(produce, produce, latest)[2]
                self.assertEqual(struct.unpack_from(">h8xq", listed, 4 + len(topic) + 8), (0, 2 * number))
            deleted, created = client.ask(delete, create)
            self.assertEqual(struct.unpack_from(">h", deleted, 8 + len(topic)), (0,))
            self.assertEqual(struct.unpack_from(">h", created, 8 + len(topic)), (0,))

    def test_requests_behind_one_that_waits_are_answered_after_it(self):
        admin = kafka.admin.KafkaAdminClient(bootstrap_servers=self.address)
        admin.create_topics([kafka.admin.NewTopic("silent", 1, 1)])
        admin.close()
        partition = text("silent") + array(struct.pack(">iqi", 0, 0, 1000))
        fetch = (1, 4, struct.pack(">iiiib", -1, 1000, 1, 1000, 0) + array(partition))
        versions = (18, 0, b"")
        with Pipeline(self.server.kafka_port) as client:
            begin = time.monotonic()
            client.send(fetch, *[versions] * 100)
            client.socket.shutdown(socket.SHUT_WR)
            for number in range(101):
                client.answer(number)
            self.assertGreaterEqual(time.monotonic() - begin, 1)
            self.assertEqual(client.answers.read(), b"")

        def connections():
            return sum(float(line.split()[-1]) for line in self.metrics().splitlines()
                       if line.startswith("headrace_kafka_connections{"))

        before = connections()
        for _ in range(10):
            with Pipeline(self.server.kafka_port) as client:
                client.send(fetch, *[versions] * 1000, fetch)
        eventually("the clients that went away are forgotten", lambda: connections() <= before)

    def test_admin_calls(self):
        admin = kafka.admin.KafkaAdminClient(bootstrap_servers=self.address)
        new = kafka.admin.NewTopic("made", 3, 1, topic_configs={"retention.ms": "1000000", "cleanup.policy": "compact"})
        admin.create_topics([new])
        with self.assertRaises(kafka.errors.TopicAlreadyExistsError):
            admin.create_topics([new])
        with self.assertRaises(kafka.errors.InvalidReplicationFactorError):
            admin.create_topics([kafka.admin.NewTopic("other", 1, 3)])
        self.assertIn("made", admin.list_topics())
        admin.create_partitions({"made": kafka.admin.NewPartitions(5)})
        self.assertEqual(len(admin.describe_topics(["made"])[0]["partitions"]), 5)
        config = admin.describe_configs([kafka.admin.ConfigResource(kafka.admin.ConfigResourceType.TOPIC, "made")])
        values = {row[0]: row[1] for row in config[0].resources[0][4]}
        self.assertEqual((values["retention.ms"], values["cleanup.policy"]), ("1000000", "compact"))
        resource = kafka.admin.ConfigResource(kafka.admin.ConfigResourceType.TOPIC, "made", {"retention.ms": "2000000"})
        self.assertEqual(admin.alter_configs([resource]).resources[0][0], 0)
        values = {row[0]: row[1] for row in admin.describe_configs([resource])[0].resources[0][4]}
        self.assertEqual(values["retention.ms"], "2000000")
        wrong = kafka.admin.ConfigResource(kafka.admin.ConfigResourceType.TOPIC, "made", {"retention.ms": "soon"})
        self.assertEqual(admin.alter_configs([wrong]).resources[0][0], kafka.errors.InvalidConfigurationError.errno)
        admin.delete_topics(["made"])
        self.assertNotIn("made", admin.list_topics())
        with self.assertRaises(kafka.errors.UnknownTopicOrPartitionError):
            admin.delete_topics(["made"])
        self.confluent_producer().flush()
        producer = self.confluent_producer()
        producer.produce("grouped", "1")
        producer.flush()
        self.confluent_consume("grouped", "listed", 1)
        self.assertIn("listed", [group for group, _ in admin.list_consumer_groups()])
        self.assertEqual(admin.describe_consumer_groups(["listed"])[0].state, "Empty")
        self.assertEqual([entry.offset for entry in admin.list_consumer_group_offsets("listed").values()], [1])
        admin.delete_consumer_groups(["listed"])
        self.assertNotIn("listed", [group for group, _ in admin.list_consumer_groups()])
        admin.close()

    def test_records_of_clients_arrive_in_the_views_and_back(self):
        producer = self.confluent_producer()
        for number in range(100):
            row = json.dumps({"parcel": f"p{number % 10}", "weight": number * 2})
            producer.produce("scans", row, key=f"p{number % 10}")
        producer.flush()
        self.server.wait_applied()
        rows = {row["parcel"]: (row["scans"], row["weight"]) for row in self.server.rows("parcel")}
        self.assertEqual(rows["p3"], (10, sum(number * 2 for number in range(100) if number % 10 == 3)))
        status, answer = self.server.request("POST", "/v1/streams/scans", '{"parcel":"http","weight":7}',
                                             {"Content-Type": "application/json"})
        self.assertEqual(status, 202, answer)
        values = [json.loads(message.value()) for message in self.confluent_consume("scans", "reading", 101)]
        self.assertIn({"parcel": "http", "weight": 7}, values)

    def test_sql_describes_a_topic_that_a_client_made(self):
        admin = kafka.admin.KafkaAdminClient(bootstrap_servers=self.address)
        admin.create_topics([kafka.admin.NewTopic("clicks-raw", 3, 1)])
        admin.close()
        producer = self.confluent_producer()
        for number in range(90):
            producer.produce("clicks-raw", json.dumps({"page": f"/{number % 9}", "visitor": number}))
        producer.flush()
        for _ in range(2):  # the same again changes nothing
            status, answer = self.server.request(
                "POST", "/v1/sql",
                "CREATE STREAM IF NOT EXISTS clicks (page text, visitor integer) WITH (topic = 'clicks-raw') FORMAT JSON;"
                "CREATE MATERIALIZED VIEW IF NOT EXISTS page AS SELECT page, count(*) AS clicks FROM clicks GROUP BY page",
                {"Content-Type": "text/plain"})
            self.assertEqual(status, 200, answer)
        self.server.wait_applied()
        self.assertEqual({row["page"]: row["clicks"] for row in self.server.rows("page")},
                         {f"/{number}": 10 for number in range(9)})

    def metrics(self):
        connection = self.server.connect()
        connection.request("GET", "/metrics")
        answer = connection.getresponse().read().decode()
        connection.close()
        return answer

    def test_metrics(self):
        self.confluent_producer().list_topics()
        calls = sum(float(line.split()[-1]) for line in self.metrics().splitlines()
                    if line.startswith("headrace_kafka_requests_total") and 'api="Metadata"' in line)
        self.assertGreater(calls, 0)

    def test_what_clients_may_not_do(self):
        failures = []
        producer = self.confluent_producer()
        for topic in ("heavy", "_catalog"):
            producer.produce(topic, "x", on_delivery=lambda error, message: failures.append(error.name()))
        producer.flush()
        self.assertEqual(failures, ["TOPIC_AUTHORIZATION_FAILED"] * 2)
        admin = kafka.admin.KafkaAdminClient(bootstrap_servers=self.address)
        for topic in ("scans", "_catalog"):
            with self.assertRaises((kafka.errors.PolicyViolationError, kafka.errors.TopicAuthorizationFailedError)):
                admin.delete_topics([topic])
        admin.close()
        transactional = self.confluent_producer(**{"transactional.id": "t"})
        with self.assertRaises(confluent_kafka.KafkaException):
            transactional.init_transactions(10)


if __name__ == "__main__":
    unittest.main()
