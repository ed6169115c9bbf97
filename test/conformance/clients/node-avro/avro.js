// Confluent's JavaScript client of the registry and its Avro serializer as test_registry_serializers.py drives them;
// README.md beside the clients has the commands and what they print.
'use strict';

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const { AvroDeserializer, AvroSerializer, SchemaRegistryClient, SerdeType } = require('@confluentinc/schemaregistry');
const { Kafka, logLevel } = require('kafkajs');

const [address, url, command, topic, ...rest] = process.argv.slice(2);
const kafka = new Kafka({ brokers: [address], logLevel: process.env.KAFKAJS_DEBUG ? logLevel.DEBUG : logLevel.NOTHING });
const registry = new SchemaRegistryClient({ baseURLs: [url] });
const print = (row) => console.log(JSON.stringify(row));

async function input() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks).toString().split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

// Errors of the registry have its numbers.
async function register(schema) {
  const subject = `${topic}-value`;
  try {
    const compatible = await registry.testSubjectCompatibility(subject, { schemaType: 'AVRO', schema });
    print({ compatible });
  } catch (failure) {
    print({ compatible: failure.errorCode });
  }
  try {
    print({ id: await registry.register(subject, { schemaType: 'AVRO', schema }) });
    return true;
  } catch (failure) {
    print({ refused: failure.errorCode, status: failure.status });
    return false;
  }
}

async function produce(schema) {
  if (!(await register(schema))) return;
  const serializer = new AvroSerializer(registry, SerdeType.VALUE, { autoRegisterSchemas: false, useLatestVersion: true });
  const producer = kafka.producer();
  await producer.connect();
  for (const row of await input()) {
    const value = await serializer.serialize(topic, row);
    const [sent] = await producer.send({ topic, messages: [{ value }] });
    print({ offset: Number(sent.baseOffset) });
  }
  await producer.disconnect();
}

async function consume(count) {
  const deserializer = new AvroDeserializer(registry, SerdeType.VALUE, {});
  const consumer = kafka.consumer({ groupId: 'avro' });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let left = Number(count);
  await new Promise((resolve, reject) => {
    const eachMessage = async ({ message }) => {
      try {
        print(await deserializer.deserialize(topic, message.value));
        if (--left === 0) resolve();
      } catch (failure) {
        reject(failure);
      }
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  await consumer.disconnect();
}

({ produce, consume })[command](...rest).catch((failure) => {
  console.error(failure);
  process.exit(1);
});
