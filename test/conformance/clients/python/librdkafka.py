"""confluent-kafka, a member of groups of KIP-848, as test_consumer_protocol.py drives it; README.md beside the clients has
the commands and what they print. The one of Debian is too old for it."""

import json
import os
import select
import sys

import confluent_kafka

ADDRESS = sys.argv[1]
COMMITS_ITSELF = bool(os.environ.get("COMMIT_EACH_BATCH"))


def show(**row):
    print(json.dumps(row), flush=True)


def group(topic, group_id, protocol, instance=None):
    configuration = {"bootstrap.servers": ADDRESS, "group.id": group_id, "group.protocol": protocol,
                     "auto.offset.reset": "earliest", "auto.commit.interval.ms": 200,
                     "enable.auto.commit": not COMMITS_ITSELF}
    if instance:
        configuration["group.instance.id"] = instance
    consumer = confluent_kafka.Consumer(configuration)
    assigned = set()
    uncommitted = False

    def gained(_, partitions):
        assigned.update(each.partition for each in partitions)
        show(assigned=sorted(assigned))
        consumer.incremental_assign(partitions)

    def lost(_, partitions):
        assigned.difference_update(each.partition for each in partitions)
        show(assigned=sorted(assigned))
        consumer.incremental_unassign(partitions)

    consumer.subscribe([topic], on_assign=gained, on_revoke=lost, on_lost=lost)
    while not select.select([sys.stdin], [], [], 0)[0]:
        for record in consumer.consume(500, timeout=0.1):
            if record.error():
                show(error=record.error().name())
            else:
                show(partition=record.partition(), offset=record.offset(), value=record.value().decode())
                uncommitted = COMMITS_ITSELF
        if uncommitted:
            try:
                uncommitted = any(each.error for each in consumer.commit(asynchronous=False))
            except confluent_kafka.KafkaException:
                pass  # the server is down, or the partitions are another member's by now
    consumer.close()


{"group": group}[sys.argv[2]](*sys.argv[3:])
