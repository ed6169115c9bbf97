#!/usr/bin/env python3
"""Clients of the Kafka port that do not behave: requests that are announced and never sent, answers that are never
read, frames that are none. The server's memory must stay where it was, and others must be served meanwhile.

Run by `./run test`, or by hand: HEADRACE=build/release/headrace test/conformance/test_kafka_limits.py
"""

import pathlib
import random
import re
import socket
import statistics
import struct
import subprocess
import sys
import time
import unittest

import confluent_kafka
import confluent_kafka.admin

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from server import TemporaryServer  # noqa: E402

APP = "CREATE STREAM scans (parcel text NOT NULL) FORMAT JSON;"
PATIENCE_SECONDS = 60
MIB = 1024 * 1024
FETCH, FETCH_VERSION, OFFSET_COMMIT, OFFSET_FETCH, API_VERSIONS = 1, 4, 8, 9, 18
MISBEHAVING = pathlib.Path(__file__).resolve().parent / "clients/misbehaving.py"
ROUNDS_MIN, ROUNDS_MAX, SAMPLES = 5, 25, 1000  # more than five while the machine's own noise hides the answer
INTERVAL_SECONDS = 0.003  # between records, whatever becomes of them: who waits does not stop the clock
NOISE_SECONDS = 0.004  # of a busy machine with two cores


def fetch_request(topic, offset, bytes_max):
    name = topic.encode()
    body = struct.pack(">hhih", FETCH, FETCH_VERSION, 7, -1) + struct.pack(">iiiib", -1, 0, 1, bytes_max, 0)
    body += struct.pack(">ih", 1, len(name)) + name + struct.pack(">iiqi", 1, 0, offset, bytes_max)
    return struct.pack(">i", len(body)) + body


def array(*elements):
    return struct.pack(">i", len(elements)) + b"".join(elements)


def name(text):
    return struct.pack(">h", len(text)) + text.encode()


def frame(key, version, body):
    body = struct.pack(">hhih", key, version, 7, -1) + body
    return struct.pack(">i", len(body)) + body


def commit_request(group, topic, partitions, metadata):
    row = struct.pack(">q", 1) + name(metadata)
    rows = [struct.pack(">i", index) + row for index in range(partitions)]
    body = name(group) + struct.pack(">i", -1) + name("") + struct.pack(">q", -1) + array(name(topic) + array(*rows))
    return frame(OFFSET_COMMIT, 2, body)


def committed_request(group, topic, partitions):
    indexes = [struct.pack(">i", index) for index in range(partitions)]
    return frame(OFFSET_FETCH, 1, name(group) + array(name(topic) + array(*indexes)))


def api_versions_request(correlation_id, client_id):
    body = struct.pack(">hhih", API_VERSIONS, 0, correlation_id, len(client_id)) + client_id.encode()
    return struct.pack(">i", len(body)) + body


class KafkaLimits(unittest.TestCase):
    def setUp(self):
        self.server = TemporaryServer(APP, "--memory", "256MB").start()
        self.addCleanup(self.server.remove)
        self.address = f"127.0.0.1:{self.server.kafka_port}"
        self.sockets = []

    def tearDown(self):
        for each in self.sockets:
            each.close()

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.server.kafka_port), PATIENCE_SECONDS)
        self.sockets.append(connection)
        return connection

    def memory_mib(self):
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status).group(1)) / 1024

    def produce(self, topic, count, size):
        producer = confluent_kafka.Producer({"bootstrap.servers": self.address, "linger.ms": 20})
        value = random.randbytes(size)
        for _ in range(count):
            producer.produce(topic, value, on_delivery=self.check_delivery)
            producer.poll(0)
            while len(producer) > 1000:
                producer.poll(0.1)
        self.assertEqual(producer.flush(PATIENCE_SECONDS), 0)

    def check_delivery(self, error, _):
        self.assertIsNone(error)

    def consume(self, topic, count):
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.address, "group.id": "reader",
                                             "auto.offset.reset": "earliest"})
        consumer.subscribe([topic])
        got = 0
        while got < count:
            messages = consumer.consume(min(1000, count - got), PATIENCE_SECONDS)
            self.assertTrue(messages, f"{got} of {count} came")
            got += sum(1 for message in messages if not message.error())
        consumer.close()
        return got

    def test_requests_that_are_announced_and_never_sent_hold_no_memory(self):
        self.produce("before", 1000, 1000)
        before = self.memory_mib()
        for size in (12 * MIB, MIB) * 100:
            self.connect().sendall(struct.pack(">i", size) + bytes(1000))
        self.produce("meanwhile", 10_000, 1000)
        self.assertEqual(self.consume("meanwhile", 10_000), 10_000)
        self.assertLess(self.memory_mib() - before, 60)

    def test_answers_that_are_never_read_hold_no_memory(self):
        self.produce("large", 64_000, 1000)
        before = self.memory_mib()
        for number in range(100):
            connection = self.connect()
            for _ in range(20):
                connection.sendall(fetch_request("large", number * 600, 16 * MIB))
        self.assertEqual(self.consume("large", 64_000), 64_000)
        self.assertLess(self.memory_mib() - before, 60)

    def test_answers_in_memory_that_are_never_read_are_bounded(self):
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.address})
        partitions = 100
        admin.create_topics([confluent_kafka.admin.NewTopic("wide", partitions)])["wide"].result(PATIENCE_SECONDS)
        connection = self.connect()
        connection.sendall(commit_request("wide", "wide", partitions, "x" * 4000))
        answer = connection.makefile("rb")
        (length,) = struct.unpack(">i", answer.read(4))
        self.assertTrue(answer.read(length).endswith(bytes(2)), "no error")
        before = self.memory_mib()
        asked = committed_request("wide", "wide", partitions)
        for _ in range(20):
            self.connect().sendall(asked * 200)
        self.produce("meanwhile", 10_000, 1000)
        self.assertEqual(self.consume("meanwhile", 10_000), 10_000)
        self.assertLess(self.memory_mib() - before, 100)

    def test_frames_that_are_none_end_their_connection_only(self):
        seed = random.randrange(2**32)
        print(f"seed {seed}", flush=True)
        chance = random.Random(seed)
        for length in (-1, -(2**31), 0, 7, 2**31 - 1):
            connection = self.connect()
            connection.sendall(struct.pack(">i", length) + bytes(8))
            self.assertEqual(self.rest_of(connection), b"")
        for _ in range(300):
            connection = self.connect()
            body = struct.pack(">hhih", chance.randrange(-2, 80), chance.randrange(-1, 20), 1, -1)
            body += chance.randbytes(chance.randrange(200))
            connection.sendall(struct.pack(">i", len(body)) + body)
            connection.shutdown(socket.SHUT_WR)
            self.rest_of(connection)
        self.produce("after", 100, 100)
        self.assertEqual(self.consume("after", 100), 100)

    def test_requests_cut_anywhere_are_answered_in_their_order(self):
        seed = random.randrange(2**32)
        print(f"seed {seed}", flush=True)
        chance = random.Random(seed)
        connection = self.connect()
        ids = [chance.randrange(2**31) for _ in range(500)]
        unsent = b"".join(api_versions_request(each, "x" * int(32767 * chance.random() ** 8)) for each in ids)
        answers = connection.makefile("rb")
        while unsent:
            size = int(100_000 * chance.random() ** 4)
            connection.sendall(unsent[:size])
            unsent = unsent[size:]
        for each in ids:
            (length,) = struct.unpack(">i", answers.read(4))
            self.assertEqual(struct.unpack_from(">ih", answers.read(length)), (each, 0))

    def pair(self):
        """How long it takes records, at a steady rate, from a producer to a consumer."""
        producer = confluent_kafka.Producer({"bootstrap.servers": self.address, "linger.ms": 0})
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.address, "group.id": "pair", "fetch.wait.max.ms": 100,
                                             "enable.auto.commit": False})
        producer.produce("pair", b"first", on_delivery=self.check_delivery)
        self.assertEqual(producer.flush(PATIENCE_SECONDS), 0)
        consumer.assign([confluent_kafka.TopicPartition("pair", 0, confluent_kafka.OFFSET_BEGINNING)])
        self.assertIsNotNone(consumer.poll(PATIENCE_SECONDS))
        self.addCleanup(consumer.close)

        def p99():
            begin = time.monotonic()
            taken = []
            sent = 0
            while len(taken) < SAMPLES:
                if sent < SAMPLES and time.monotonic() >= begin + sent * INTERVAL_SECONDS:
                    producer.produce("pair", str(sent), on_delivery=self.check_delivery)
                    sent += 1
                producer.poll(0)
                message = consumer.poll(INTERVAL_SECONDS / 5)
                if message is not None:
                    self.assertIsNone(message.error())
                    taken.append(time.monotonic() - begin - int(message.value()) * INTERVAL_SECONDS)
                self.assertLess(time.monotonic() - begin, PATIENCE_SECONDS, "nobody is served any more")
            return sorted(taken)[SAMPLES * 99 // 100]

        return p99

    def test_clients_that_misbehave_do_not_delay_others(self):
        self.produce("large", 32_000, 1000)
        p99 = self.pair()
        alone, beside = [], []

        def limit():
            return 2 * statistics.median(alone) + NOISE_SECONDS

        while len(beside) < ROUNDS_MIN or statistics.median(beside) >= limit() and len(beside) < ROUNDS_MAX:
            alone.append(p99())
            with subprocess.Popen([sys.executable, MISBEHAVING, str(self.server.kafka_port), "large"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True) as others:
                self.assertEqual(others.stdout.readline(), "ready\n")
                beside.append(p99())
                others.stdin.close()
                self.assertEqual(others.wait(PATIENCE_SECONDS), 0)
        print("p99 alone", *(f"{1000 * each:.1f}" for each in alone), "ms; beside", *(f"{1000 * each:.1f}" for each in beside),
              "ms", flush=True)
        self.assertLess(statistics.median(beside), limit())

    def rest_of(self, connection):
        rest = b""
        try:
            while chunk := connection.recv(65536):
                rest += chunk
        except ConnectionError:
            pass
        return rest


if __name__ == "__main__":
    unittest.main()
