"""aiokafka as test_more_clients.py drives it; README.md beside the clients has the commands and what they print."""

import asyncio
import json
import logging
import os
import sys

import aiokafka
import aiokafka.errors
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

ADDRESS = sys.argv[1]
# Where aiokafka has names of its own.
PROTOCOL_NAMES = {aiokafka.errors.InvalidTopicError: "INVALID_TOPIC_EXCEPTION",
                  aiokafka.errors.MessageSizeTooLargeError: "MESSAGE_TOO_LARGE"}


def show(**row):
    print(json.dumps(row), flush=True)


def show_record(record):
    header = dict(record.headers).get("n")
    show(partition=record.partition, offset=record.offset, key=record.key and record.key.decode(), value=record.value.decode(),
         header=header and header.decode())


async def standard_input():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def produce(topic, codec, idempotent=False):
    async with aiokafka.AIOKafkaProducer(bootstrap_servers=ADDRESS, compression_type=None if codec == "none" else codec, acks="all",
                                         enable_idempotence=bool(idempotent), linger_ms=2) as producer:
        def acknowledged(value, future):
            where = future.result()
            show(value=value, partition=where.partition, offset=where.offset)

        async for line in await standard_input():
            value = line.rstrip().decode()
            future = await producer.send(topic, value.encode(), key=f"key {value}".encode(), headers=[("n", value.encode())])
            future.add_done_callback(lambda done, value=value: acknowledged(value, done))
        await producer.flush()


async def consume(topic, group, count):
    count = int(count)
    async with aiokafka.AIOKafkaConsumer(topic, bootstrap_servers=ADDRESS, group_id=group, auto_offset_reset="earliest") as consumer:
        while count > 0:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    show_record(record)
                    count -= 1


class Assigned(aiokafka.ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked):
        show(assigned=[])

    def on_partitions_assigned(self, assigned):
        show(assigned=[each.partition for each in assigned])


async def group(topic, group_id):
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=ADDRESS, group_id=group_id, auto_offset_reset="earliest",
                                         heartbeat_interval_ms=100, session_timeout_ms=10_000, auto_commit_interval_ms=200)
    consumer.subscribe([topic], listener=Assigned())
    await consumer.start()
    end = asyncio.create_task((await standard_input()).read())
    while not end.done():
        for records in (await consumer.getmany(timeout_ms=100)).values():
            for record in records:
                show_record(record)
    await consumer.stop()


def raise_errors(rows):
    """Most admin calls of aiokafka return the answers as they came, with an error code in each row."""
    for row in rows:
        code = next(value for value in row if isinstance(value, int))
        if code:
            raise aiokafka.errors.for_code(code)


async def admin(topic, group_id):
    client = AIOKafkaAdminClient(bootstrap_servers=ADDRESS)
    await client.start()
    show(brokers=len((await client.describe_cluster())["brokers"]))
    made = f"{topic}-made"

    async def partitions():
        return len((await client.describe_topics([made]))[0]["partitions"])

    async def config():
        answers = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, made)])
        values = {entry[0]: entry[1] for entry in answers[0].resources[0][4]}
        return {name: values[name] for name in ("cleanup.policy", "retention.ms")}

    async def earliest():
        async with aiokafka.AIOKafkaConsumer(bootstrap_servers=ADDRESS) as consumer:
            return (await consumer.beginning_offsets([partition]))[partition]

    raise_errors((await client.create_topics([NewTopic(made, 2, 1, topic_configs={"retention.ms": "1000000"})])).topic_errors)
    show(partitions=await partitions())
    await client.create_partitions({made: NewPartitions(3)})
    show(grown=await partitions())
    show(config=await config())
    change = ConfigResource(ConfigResourceType.TOPIC, made, {"retention.ms": "2000000"})
    raise_errors((await client.alter_configs([change]))[0].resources)
    show(altered=await config())
    raise_errors((await client.delete_topics([made])).topic_error_codes)
    show(listed=made in await client.list_topics())
    partition = aiokafka.TopicPartition(topic, 0)
    async with aiokafka.AIOKafkaConsumer(bootstrap_servers=ADDRESS) as consumer:
        show(earliest=await earliest(), latest=(await consumer.end_offsets([partition]))[partition])
    await client.delete_records({partition: RecordsToDelete(before_offset=4)})
    show(earliest_left=await earliest())
    show(group_listed=group_id in [each[0] for each in await client.list_consumer_groups()])
    show(group_state=(await client.describe_consumer_groups([group_id]))[0].groups[0][2])
    show(committed=(await client.list_consumer_group_offsets(group_id))[partition].offset)
    await client.close()


async def errors(topic, derived):
    async def refused(what, attempt):
        try:
            await attempt
            show(**{what: "NONE"})
        except aiokafka.errors.KafkaError as error:
            show(**{what: PROTOCOL_NAMES.get(type(error), getattr(error, "message", repr(error)))})

    async def create(name, replication=1, **config):
        raise_errors((await client.create_topics([NewTopic(name, 1, replication, topic_configs=config)])).topic_errors)

    async def delete(name):
        raise_errors((await client.delete_topics([name])).topic_error_codes)

    async def read(offset):
        async with aiokafka.AIOKafkaConsumer(bootstrap_servers=ADDRESS, auto_offset_reset="none") as consumer:
            partition = aiokafka.TopicPartition(topic, 0)
            consumer.assign([partition])
            consumer.seek(partition, offset)
            await consumer.getone()

    async def transact():
        producer = aiokafka.AIOKafkaProducer(bootstrap_servers=ADDRESS, transactional_id="t")
        try:
            await producer.start()
        finally:
            await producer.stop()

    client = AIOKafkaAdminClient(bootstrap_servers=ADDRESS)
    await client.start()
    await refused("existing_topic", create(topic))
    await refused("topic_name", create("a b"))
    await refused("replication", create("none", replication=3))
    await refused("config", create("none", **{"retention.ms": "soon"}))
    await refused("fewer_partitions", client.create_partitions({topic: NewPartitions(1)}))
    await refused("unknown_topic", delete("none"))
    await client.close()
    async with aiokafka.AIOKafkaProducer(bootstrap_servers=ADDRESS, max_request_size=20 << 20) as producer:
        await refused("too_large", producer.send_and_wait(topic, b"x" * (17 << 20)))
        await refused("derived", producer.send_and_wait(derived, b"x"))
    await refused("offset", read(1000))
    await refused("transaction", transact())


logging.basicConfig(level=os.environ.get("AIOKAFKA_LOG", "CRITICAL"))
asyncio.run({"produce": produce, "consume": consume, "group": group, "admin": admin, "errors": errors}[sys.argv[2]](*sys.argv[3:]))
