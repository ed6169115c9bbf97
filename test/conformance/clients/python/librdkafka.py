"""confluent-kafka, a member of groups of KIP-848, as test_consumer_protocol.py drives it; README.md beside the clients has
the commands and what they print. The one of Debian is too old for it."""

import json
import select
import sys

import confluent_kafka

ADDRESS = sys.argv[1]


def show(**row):
    print(json.dumps(row), flush=True)


def group(topic, group_id, protocol, instance=None):
    configuration = {"bootstrap.servers": ADDRESS, "group.id": group_id, "group.protocol": protocol,
                     "auto.offset.reset": "earliest", "auto.commit.interval.ms": 200}
    if instance:
        configuration["group.instance.id"] = instance
    consumer = confluent_kafka.Consumer(configuration)
    assigned = set()

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
    consumer.close()


{"group": group}[sys.argv[2]](*sys.argv[3:])
