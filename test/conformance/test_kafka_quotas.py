#!/usr/bin/env python3
"""Quotas of the Kafka port with unmodified clients: what a client id may send and fetch a second, measured by when its
records arrive, while others go on as fast as they can; and with a client that does not wait when it is asked to.

Run by `./run test`, or by hand: HEADRACE=build/release/headrace test/conformance/test_kafka_quotas.py
"""

import pathlib
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

import confluent_kafka

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from server import TemporaryServer  # noqa: E402

PATIENCE_SECONDS = 60
RATE = 1_000_000
SECONDS = 6  # of a measurement
TOLERANCE = 0.15
RECORD_BYTES = 1000
ALTER_CLIENT_QUOTAS, PRODUCE = 49, 0


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def frame(key, version, body):
    request = struct.pack(">hhi", key, version, 7) + text("limited") + body
    return struct.pack(">i", len(request)) + request


class Arrivals:
    """When how much arrived. The rate counts from the first arrival to the last, without the first, which was free."""

    def __init__(self):
        self.first = self.last = None
        self.bytes = 0

    def add(self, size):
        self.last = time.monotonic()
        if self.first is None:
            self.first = self.last
        else:
            self.bytes += size

    def rate(self):
        return self.bytes / (self.last - self.first)


class KafkaQuotas(unittest.TestCase):
    def setUp(self):
        self.server = TemporaryServer("CREATE STREAM scans (parcel text NOT NULL);").start()
        self.addCleanup(self.server.remove)
        self.value = random.randbytes(RECORD_BYTES)

    def address(self):
        return f"127.0.0.1:{self.server.kafka_port}"

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.server.kafka_port), PATIENCE_SECONDS)
        self.addCleanup(connection.close)
        return connection

    def receive(self, connection):
        def exactly(size):
            data = b""
            while len(data) < size:
                data += connection.recv(size - len(data)) or self.fail("the server closed the connection")
            return data

        return exactly(*struct.unpack(">i", exactly(4)))

    def set_quota(self, client, key, rate):
        connection = self.connect()
        body = struct.pack(">ii", 1, 1) + text("client-id") + text(client)
        body += struct.pack(">i", 1) + text(key) + struct.pack(">d??", rate, False, False)
        connection.sendall(frame(ALTER_CLIENT_QUOTAS, 0, body))
        _, _, entries, error = struct.unpack_from(">iiih", self.receive(connection))
        self.assertEqual((entries, error), (1, 0))

    def producer(self, client, **more):
        # Small batches, so that the rate can be measured in a few seconds.
        return confluent_kafka.Producer({"bootstrap.servers": self.address(), "client.id": client, "linger.ms": 5,
                                         "batch.size": 40_000, "queue.buffering.max.kbytes": 1000, **more})

    def produce(self, producer, topic, wanted, go_on):
        def delivered(error, _):
            self.assertIsNone(error)
            wanted.add(RECORD_BYTES)

        while go_on():
            while len(producer) >= 900:
                producer.poll(0.01)
            producer.produce(topic, self.value, on_delivery=delivered)
            producer.poll(0)

    def throttled(self):
        metrics = self.text_of("/metrics")
        return sum(int(value) for value in re.findall(r"headrace_kafka_throttled_requests_total\{.*\} (\d+)", metrics))

    def text_of(self, path):
        connection = self.server.connect()
        connection.request("GET", path)
        body = connection.getresponse().read().decode()
        connection.close()
        return body

    def test_a_producer_keeps_its_rate_and_another_is_not_slowed(self):
        self.set_quota("limited", "producer_byte_rate", RATE)
        self.server.kill()  # the quota outlives it
        self.server.start()
        pauses = []
        limited = self.producer("limited", throttle_cb=lambda event: pauses.append(event.throttle_time))
        deadline = time.monotonic() + SECONDS
        arrivals = Arrivals()
        self.produce(limited, "slow", arrivals, lambda: time.monotonic() < deadline)
        # A little is above the rate: what records need around their values.
        self.assertAlmostEqual(arrivals.rate() / RATE, 1, delta=TOLERANCE)
        self.assertGreater(max(pauses), 0)
        self.assertGreater(self.throttled(), 0)
        free = Arrivals()
        left = iter(range(20_000))
        other = self.producer("other")
        self.produce(other, "fast", free, lambda: next(left, None) is not None)
        self.assertEqual(other.flush(PATIENCE_SECONDS), 0)
        self.assertGreater(free.rate(), 5 * RATE)
        limited.purge()

    def test_a_consumer_keeps_its_rate_and_another_is_not_slowed(self):
        left = iter(range(20_000))
        writer = self.producer("writer")
        self.produce(writer, "read", Arrivals(), lambda: next(left, None) is not None)
        self.assertEqual(writer.flush(PATIENCE_SECONDS), 0)
        self.set_quota("limited", "consumer_byte_rate", RATE)
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.address(), "client.id": "limited", "group.id": "g",
                                             "fetch.message.max.bytes": 50_000, "auto.offset.reset": "earliest"})
        consumer.subscribe(["read"])
        arrivals = Arrivals()
        while arrivals.first is None or arrivals.last - arrivals.first < SECONDS:
            messages = consumer.consume(100, PATIENCE_SECONDS)
            self.assertTrue(messages, "nothing came")
            for message in messages:
                self.assertIsNone(message.error())
                arrivals.add(RECORD_BYTES)
        self.assertAlmostEqual(arrivals.rate() / RATE, 1, delta=TOLERANCE)
        begin = time.monotonic()
        lines = subprocess.run(["kcat", "-b", self.address(), "-X", "client.id=other", "-C", "-t", "read", "-e", "-q",
                                "-o", "beginning", "-f", "%o\\n"], capture_output=True, check=True).stdout.splitlines()
        self.assertEqual(len(lines), 20_000)
        self.assertLess(time.monotonic() - begin, 20_000 * RECORD_BYTES / RATE / 3)
        consumer.close()

    def test_who_does_not_wait_is_not_heard(self):
        self.set_quota("limited", "producer_byte_rate", RATE)
        connection = self.connect()
        requests, size = 40, 100_000
        body = struct.pack(">hhii", -1, -1, 1000, 1) + text("none") + struct.pack(">iii", 1, 0, size) + bytes(size)
        begin = time.monotonic()
        connection.settimeout(None)
        sender = threading.Thread(target=connection.sendall, args=(frame(PRODUCE, 3, body) * requests,))
        sender.start()
        answers = [self.receive(connection) for _ in range(requests)]
        sender.join()
        seconds = time.monotonic() - begin
        self.assertTrue(any(struct.unpack_from(">i", answer, len(answer) - 4)[0] > 0 for answer in answers))
        expected = requests * size / RATE
        self.assertGreater(seconds, expected * (1 - TOLERANCE) - 0.25)  # the burst and the last request are free
        self.assertLess(seconds, expected * (1 + TOLERANCE))


if __name__ == "__main__":
    unittest.main()
