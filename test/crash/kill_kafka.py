#!/usr/bin/env python3
"""Kills the server with -9 at random moments while idempotent Kafka producers write and a consumer commits offsets, and
then checks that every acknowledged record is there exactly once and in order, and that no committed offset went back.

    kill_kafka.py [--kills 40] [--seed N] [--seconds-max 240]
"""

import argparse
import collections
import os
import pathlib
import random
import sys
import threading
import time

import confluent_kafka
import confluent_kafka.admin

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from server import TemporaryServer  # noqa: E402

APP = "CREATE STREAM unused (n integer) FORMAT JSON;"
TOPIC, PARTITIONS, WRITERS = "numbers", 3, 3
LIFE_SECONDS_MAX = 1.5
PATIENCE_SECONDS = 120
RECONNECT = {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100}


class Failing(threading.Thread):
    """A thread whose failure the main thread shows."""

    def __init__(self, address, running):
        super().__init__(daemon=True)
        self.address = address
        self.running = running
        self.failure = None

    def run(self):
        try:
            self.work()
        except BaseException as failure:
            self.failure = failure


class Writer(Failing):
    """Numbers its records, one numbering for each partition, and notes what was acknowledged."""

    def __init__(self, number, address, running):
        super().__init__(address, running)
        self.number = number
        self.sent = collections.Counter()
        self.acknowledged = collections.defaultdict(set)

    def delivered(self, error, message):
        assert error is None, error
        self.acknowledged[message.partition()].add(int(message.value().split(b":")[1]))

    def work(self):
        producer = confluent_kafka.Producer({
            "bootstrap.servers": self.address, "enable.idempotence": True, "linger.ms": 2,
            "message.timeout.ms": PATIENCE_SECONDS * 1000, "retry.backoff.ms": 20, **RECONNECT})
        while self.running.is_set():
            for partition in range(PARTITIONS):
                value = f"{self.number}:{self.sent[partition]}"
                self.sent[partition] += 1
                producer.produce(TOPIC, value, partition=partition, on_delivery=self.delivered)
            producer.poll(0)
            while len(producer) > 300:
                producer.poll(0.05)
        assert producer.flush(PATIENCE_SECONDS) == 0, "records stay unacknowledged"


class Committer(Failing):
    """Commits what it read; what was acknowledged must never be less afterwards."""

    def work(self):
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.address, "group.id": "readers", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", **RECONNECT})
        places = [confluent_kafka.TopicPartition(TOPIC, partition, 0) for partition in range(PARTITIONS)]
        consumer.assign(places)
        self.committed, self.commits, self.looks = collections.Counter(), 0, 0
        while self.running.is_set():
            read = {}
            for message in consumer.consume(200, 0.1):
                if not message.error():
                    read[message.partition()] = message.offset() + 1
            try:
                if read:
                    done = consumer.commit(asynchronous=False, offsets=[
                        confluent_kafka.TopicPartition(TOPIC, *each) for each in read.items()])
                    for each in done:
                        assert each.error is None, each.error
                        self.committed[each.partition] = max(self.committed[each.partition], each.offset)
                    self.commits += 1
                self.look(consumer, places, 5)
            except confluent_kafka.KafkaException:
                continue  # the server was being killed
        self.look(consumer, places, PATIENCE_SECONDS)
        consumer.close()

    def look(self, consumer, places, seconds):
        for place in consumer.committed(places, seconds):
            assert max(place.offset, 0) >= self.committed[place.partition], (place, self.committed)
        self.looks += 1


def read_everything(address, ends):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": address, "group.id": "checker"})
    consumer.assign([confluent_kafka.TopicPartition(TOPIC, partition, 0) for partition in ends])
    records = collections.defaultdict(list)
    left = sum(ends.values())
    while left > 0:
        messages = consumer.consume(min(1000, left), PATIENCE_SECONDS)
        assert messages, f"{left} records do not come"
        for message in messages:
            assert not message.error(), message.error()
            records[message.partition()].append(message.value().decode())
            left -= 1
    consumer.close()
    return records


def check(address, writers):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": address, "group.id": "ends"})
    ends = {partition: consumer.get_watermark_offsets(confluent_kafka.TopicPartition(TOPIC, partition))[1]
            for partition in range(PARTITIONS)}
    consumer.close()
    for partition, values in read_everything(address, ends).items():
        for writer in writers:
            numbers = [int(value.split(":")[1]) for value in values if value.startswith(f"{writer.number}:")]
            assert numbers == sorted(set(numbers)), f"partition {partition}: twice or out of order"
            lost = writer.acknowledged[partition] - set(numbers)
            assert not lost, f"partition {partition}: acknowledged and lost: {sorted(lost)[:10]}"
    return sum(ends.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    parser.add_argument("--seconds-max", type=float, default=240)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    moments = random.Random(arguments.seed)

    server = TemporaryServer(APP, "--memory", "128MB").start()
    address = f"127.0.0.1:{server.kafka_port}"
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": address})
    admin.create_topics([confluent_kafka.admin.NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result()
    running = threading.Event()
    running.set()
    writers = [Writer(number, address, running) for number in range(WRITERS)]
    committer = Committer(address, running)
    threads = [*writers, committer]
    for thread in threads:
        thread.start()

    began = time.monotonic()
    for kills in range(1, arguments.kills + 1):
        time.sleep(moments.uniform(0, LIFE_SECONDS_MAX))  # the random moment
        server.kill()
        server.start()
        failures = [thread.failure for thread in threads if thread.failure]
        assert not failures, failures
        assert time.monotonic() - began < arguments.seconds_max, f"only {kills} kills in {arguments.seconds_max} s"
    running.clear()
    for thread in threads:
        thread.join(2 * PATIENCE_SECONDS)
        assert not thread.is_alive() and not thread.failure, thread.failure
    records = check(address, writers)
    acknowledged = sum(len(numbers) for writer in writers for numbers in writer.acknowledged.values())
    print(f"{arguments.kills} kills in {time.monotonic() - began:.0f} s: {acknowledged} records acknowledged, "
          f"{records} there, each once and in order; {committer.commits} commits and {committer.looks} looks at them, "
          "none went back")
    assert acknowledged > 0 and committer.commits > 0
    server.remove()


if __name__ == "__main__":
    sys.exit(main())
