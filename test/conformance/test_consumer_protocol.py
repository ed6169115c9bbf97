#!/usr/bin/env python3
"""Unmodified members of groups of the consumer type (KIP-848): Kafka's own client in Java (3.9 and 4.1), and confluent-kafka.

Run by `./run test`, or by hand: HEADRACE=build/release/headrace test/conformance/test_consumer_protocol.py

Members join, leave and are killed during traffic, and the server too: every record is read, and what has been committed
never goes back.

When the server is killed, librdkafka's members commit themselves. Its timer's commit that was not answered is sent again a
tenth of a second after the connection is back, and by then the timer may have committed more: that goes back as it was asked
to.
"""

import pathlib
import sys
import threading
import unittest

import confluent_kafka
import confluent_kafka.admin

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import test_more_clients as more  # noqa: E402
from server import TemporaryServer, eventually  # noqa: E402

GROUP = "sharing"


class Committed:
    """Watches the offsets that a group has committed, through kill -9 too: they only grow."""

    def __init__(self, address, topic):
        self.address, self.topic = address, topic
        self.offsets = {}
        self.backward = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        watcher = confluent_kafka.Consumer({"bootstrap.servers": self.address, "group.id": GROUP})
        while not self.ended.wait(0.1):
            try:
                rows = watcher.committed([confluent_kafka.TopicPartition(self.topic, partition)
                                          for partition in range(more.PARTITIONS)], timeout=5)
            except confluent_kafka.KafkaException:
                continue  # the server is down
            for row in rows:
                if row.error is None and row.offset < self.offsets.get(row.partition, -1001):
                    self.backward.append((row.partition, self.offsets[row.partition], row.offset))
                if row.error is None:
                    self.offsets[row.partition] = row.offset
        watcher.close()

    def end(self):
        self.ended.set()
        self.thread.join()


class ConsumerProtocol:
    members = ()  # the commands of the members, in turn
    needs = ()  # files that the installation makes

    @classmethod
    def setUpClass(cls):
        for each in cls.needs:
            if not (more.PLACE / each).exists():
                raise unittest.SkipTest(f"build/kafka-clients/{each} is not there (tools/run/kafka_clients.sh makes it)")

    def setUp(self):
        self.server = TemporaryServer("").start()
        self.addCleanup(self.server.remove)
        self.address = f"127.0.0.1:{self.server.kafka_port}"
        self.topic = "shared"
        self.started = []
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.address})
        admin.create_topics([confluent_kafka.admin.NewTopic(self.topic, more.PARTITIONS, 1)])[self.topic].result(30)

    def start(self, *instance, topic=None, environment=()):
        command = self.members[len(self.started) % len(self.members)]
        member = more.Program([*command, self.address, "group", topic or self.topic, GROUP, "consumer", *instance],
                              dict(environment))
        self.addCleanup(member.stop)
        self.started.append(member)
        return member

    def shared(self, what, *members):
        eventually(what, lambda: all(member.assigned for member in members) and
                   sorted(sum((member.assigned for member in members), [])) == list(range(more.PARTITIONS)))
        seen = [len(member.values) for member in members]
        eventually(f"records after: {what}",
                   lambda: all(len(member.values) > before for member, before in zip(members, seen)))

    def all_read(self, traffic, committed):
        traffic.end()
        sent = {str(number) for number in range(traffic.sent)}
        eventually("every record is read", lambda: sent <= {value for member in self.started for value in member.values})
        eventually("every record is committed", lambda: sum(committed.offsets.values()) >= len(sent))
        committed.end()
        self.assertEqual(committed.backward, [])

    def traffic(self):
        traffic = more.Traffic(self.address, self.topic)
        self.addCleanup(traffic.end)
        committed = Committed(self.address, self.topic)
        self.addCleanup(committed.end)
        return traffic, committed

    def test_members_join_and_leave_and_die_during_traffic(self):
        traffic, committed = self.traffic()
        first = self.start()
        self.shared("the first member has all", first)
        second = self.start()
        self.shared("a second member joins", first, second)
        third = self.start()
        self.shared("a third member joins", first, second, third)
        first.end()
        self.shared("the first member leaves", second, third)
        second.stop()
        self.shared("the second member is killed", third)
        self.all_read(traffic, committed)
        third.end()

    def test_the_server_is_killed_during_traffic(self):
        environment = {"COMMIT_EACH_BATCH": "1"}
        traffic, committed = self.traffic()
        first, second = self.start(environment=environment), self.start(environment=environment)
        self.shared("both have some", first, second)
        for round_ in range(3):
            before = first.assigned, second.assigned
            self.server.kill()
            self.server.start()
            self.shared(f"after kill -9 number {round_ + 1}", first, second)
            self.assertEqual((first.assigned, second.assigned), before, "nobody noticed")
        self.server.kill()
        third = self.start(environment=environment)
        self.server.start()
        self.shared("a third one joins as the server starts", first, second, third)
        self.all_read(traffic, committed)
        for member in self.started:
            member.end()

    def test_a_static_member_comes_back_to_what_it_had(self):
        traffic, committed = self.traffic()
        first, second = self.start("one"), self.start("two")
        self.shared("both have some", first, second)
        before = first.assigned
        first.end()
        self.started.append(first)  # so that the next one is of the same kind
        if len(self.members) == 1:
            self.started.pop()
        again = self.start("one")
        eventually("it has what it had", lambda: again.assigned == before)
        self.shared("both go on", again, second)
        self.all_read(traffic, committed)

    def test_a_topic_that_grows(self):
        first = self.start()
        eventually("it has all", lambda: len(first.assigned) == more.PARTITIONS)
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.address})
        admin.create_partitions([confluent_kafka.admin.NewPartitions(self.topic, more.PARTITIONS + 2)])[self.topic].result(30)
        eventually("it has the new ones", lambda: len(first.assigned) == more.PARTITIONS + 2)
        first.end()


def librdkafka():
    return (f"{more.PLACE}/python/bin/python", f"{more.SOURCES}/python/librdkafka.py")


class Java41Test(ConsumerProtocol, unittest.TestCase):
    members, needs = (more.java("4.1"),), ("java-4.1",)

    def test_it_is_described(self):
        first = self.start()
        eventually("it has all", lambda: len(first.assigned) == more.PARTITIONS)
        rows = more.Program([*more.java("4.1"), self.address, "describe", GROUP], {})
        self.addCleanup(rows.stop)
        self.assertEqual(rows.end(), [{"state": "Stable", "assignor": "uniform", "members": 1,
                                       "partitions": list(range(more.PARTITIONS))}])


class Java39Test(ConsumerProtocol, unittest.TestCase):
    """The first version of the protocol, where the server names the members."""

    members, needs = (more.java("3.9"),), ("java-3.9",)
    test_members_join_and_leave_and_die_during_traffic = test_a_topic_that_grows = None  # as with 4.1


class LibrdkafkaTest(ConsumerProtocol, unittest.TestCase):
    members, needs = (librdkafka(),), ("python",)

    def test_a_pattern_of_topics(self):
        traffic, committed = self.traffic()
        first = self.start(topic="^sha.*")
        self.shared("the pattern matches", first)
        self.all_read(traffic, committed)


class MixedTest(ConsumerProtocol, unittest.TestCase):
    members, needs = (more.java("4.1"), librdkafka()), ("java-4.1", "python")
    test_a_static_member_comes_back_to_what_it_had = test_a_topic_that_grows = None  # of each alone


if __name__ == "__main__":
    unittest.main()
