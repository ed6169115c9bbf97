// KafkaJS as test_more_clients.py drives it; README.md beside the clients has the commands and what they print.
'use strict';

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const readline = require('readline');
const { Kafka, CompressionTypes, CompressionCodecs, ConfigResourceTypes, logLevel } = require('kafkajs');
const lz4 = require('lz4js');
const snappy = require('kafkajs-snappy');
const zstd = require('@bokuweb/zstd-wasm');

CompressionCodecs[CompressionTypes.Snappy] = snappy;
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async (encoder) => Buffer.from(lz4.compress(encoder.buffer)),
  decompress: async (buffer) => Buffer.from(lz4.decompress(buffer)),
});
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder) => Buffer.from(zstd.compress(encoder.buffer, 3)),
  decompress: async (buffer) => Buffer.from(zstd.decompress(buffer)),
});
const codecs = { none: 'None', gzip: 'GZIP', snappy: 'Snappy', lz4: 'LZ4', zstd: 'ZSTD' };

const [address, command, ...rest] = process.argv.slice(2);
const level = process.env.KAFKAJS_DEBUG ? logLevel.DEBUG : logLevel.NOTHING;
const kafka = new Kafka({
  brokers: [address],
  logLevel: level,
  logCreator: () => (entry) => console.error(JSON.stringify(entry)),
  retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: 30 },
});

const print = (row) => console.log(JSON.stringify(row));
const show = (partition, { offset, key, value, headers }) =>
  print({
    partition,
    offset: Number(offset),
    key: key && key.toString(),
    value: value.toString(),
    header: headers.n ? headers.n.toString() : null,
  });

// What is at hand on the input goes out as one request; the next one follows its answer.
async function produce(topic, codec, idempotent) {
  const producer = kafka.producer({ idempotent: Boolean(idempotent), maxInFlightRequests: 1 });
  await producer.connect();
  let waiting = [];
  let wake = () => {};
  let ended = false;
  const input = readline.createInterface({ input: process.stdin });
  input.on('line', (line) => {
    waiting.push(line);
    wake();
  });
  input.on('close', () => {
    ended = true;
    wake();
  });
  while (!ended || waiting.length) {
    if (!waiting.length) {
      await new Promise((resolve) => (wake = resolve));
      continue;
    }
    const values = waiting;
    waiting = [];
    const messages = values.map((value) => ({ key: `key ${value}`, value, headers: { n: value } }));
    const answers = await producer.send({ topic, messages, acks: -1, compression: CompressionTypes[codecs[codec]] });
    if (answers.length !== 1) throw new Error('this program expects one partition');
    values.forEach((value, i) =>
      print({ value, partition: answers[0].partition, offset: Number(answers[0].baseOffset) + i }));
  }
  await producer.disconnect();
}

async function consume(topic, group, count) {
  const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let left = Number(count);
  await new Promise((resolve) =>
    consumer.run({
      eachMessage: async ({ partition, message }) => {
        show(partition, message);
        if (--left === 0) resolve();
      },
    }));
  await consumer.disconnect();
}

async function group(topic, groupId) {
  const consumer = kafka.consumer({
    groupId,
    heartbeatInterval: 100,
    sessionTimeout: 10000,
    rebalanceTimeout: 20000,
    maxWaitTimeInMs: 100,
  });
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
    print({ assigned: payload.memberAssignment[topic] || [] }));
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommitInterval: 200,
    eachMessage: async ({ partition, message }) => show(partition, message),
  });
  await new Promise((resolve) => process.stdin.on('end', resolve).resume());
  await consumer.disconnect();
}

async function admin(topic, groupId) {
  const client = kafka.admin();
  await client.connect();
  const made = `${topic}-made`;
  const partitions = async () => (await client.fetchTopicMetadata({ topics: [made] })).topics[0].partitions.length;
  const resource = { type: ConfigResourceTypes.TOPIC, name: made };
  const config = async () => {
    const { configEntries } = (await client.describeConfigs({ resources: [resource], includeSynonyms: false })).resources[0];
    const valueOf = (name) => configEntries.find((entry) => entry.configName === name).configValue;
    return { 'cleanup.policy': valueOf('cleanup.policy'), 'retention.ms': valueOf('retention.ms') };
  };
  const offsets = async () => (await client.fetchTopicOffsets(topic))[0];
  const listed = async () => (await client.listGroups()).groups.some((each) => each.groupId === groupId);
  print({ brokers: (await client.describeCluster()).brokers.length });
  const configEntries = [{ name: 'retention.ms', value: '1000000' }];
  await client.createTopics({ topics: [{ topic: made, numPartitions: 2, replicationFactor: 1, configEntries }] });
  print({ partitions: await partitions() });
  await client.createPartitions({ topicPartitions: [{ topic: made, count: 3 }] });
  print({ grown: await partitions() });
  print({ config: await config() });
  await client.alterConfigs({
    resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '2000000' }] }],
    validateOnly: false,
  });
  print({ altered: await config() });
  await client.deleteTopics({ topics: [made] });
  print({ listed: (await client.listTopics()).includes(made) });
  const { low, high } = await offsets();
  print({ earliest: Number(low), latest: Number(high) });
  await client.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '4' }] });
  print({ earliest_left: Number((await offsets()).low) });
  print({ group_listed: await listed() });
  print({ group_state: (await client.describeGroups([groupId])).groups[0].state });
  print({ committed: Number((await client.fetchOffsets({ groupId, topics: [topic] }))[0].partitions[0].offset) });
  await client.deleteGroups([groupId]);
  print({ group_left: await listed() });
  await client.disconnect();
}

async function errors(topic, derived) {
  const client = kafka.admin({ retry: { retries: 0 } });
  const producer = kafka.producer({ retry: { retries: 0 } });
  await Promise.all([client.connect(), producer.connect()]);
  // KafkaJS wraps errors in others, of which the innermost with a type has the protocol's name.
  const nameOf = (error) => {
    const inner = error.cause || (error.errors || error.groups || error.partitions || [])[0];
    return (inner && nameOf(inner.error || inner)) || error.type;
  };
  const refused = async (what, attempt) => {
    try {
      await attempt();
      print({ [what]: 'NONE' });
    } catch (error) {
      print({ [what]: nameOf(error) || String(error) });
    }
  };
  const create = (options) => client.createTopics({ topics: [{ numPartitions: 1, replicationFactor: 1, ...options }] });
  await refused('topic_name', () => create({ topic: 'a b' }));
  await refused('replication', () => create({ topic: 'none', replicationFactor: 3 }));
  await refused('config', () => create({ topic: 'none', configEntries: [{ name: 'retention.ms', value: 'soon' }] }));
  await refused('fewer_partitions', () => client.createPartitions({ topicPartitions: [{ topic, count: 1 }] }));
  await refused('unknown_topic', () => client.deleteTopics({ topics: ['none'] }));
  await refused('unknown_group', () => client.deleteGroups(['none']));
  await refused('too_large', () => producer.send({ topic, messages: [{ value: 'x'.repeat(17 << 20) }] }));
  await refused('derived', () => producer.send({ topic: derived, messages: [{ value: 'x' }] }));
  const transactional = kafka.producer({ transactionalId: 't', idempotent: true, maxInFlightRequests: 1 });
  await transactional.connect();
  await refused('transaction', () => transactional.transaction());
  await Promise.all([client.disconnect(), producer.disconnect(), transactional.disconnect()]);
}

zstd
  .init()
  .then(() => ({ produce, consume, group, admin, errors })[command](...rest))
  .then(
    () => process.exit(0),
    (error) => {
      console.error(error);
      process.exit(1);
    });
