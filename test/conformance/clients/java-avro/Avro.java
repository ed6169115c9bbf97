import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException;
import io.confluent.kafka.serializers.KafkaAvroDeserializer;
import io.confluent.kafka.serializers.KafkaAvroSerializer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Confluent's Avro serializer in Java as test_registry_serializers.py drives it; README.md beside the clients has the
 * commands and what they print.
 */
public final class Avro {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static String address;
  private static String registry;

  public static void main(String[] arguments) throws Exception {
    address = arguments[0];
    registry = arguments[1];
    switch (arguments[2]) {
      case "produce" -> produce(arguments[3], new Schema.Parser().parse(arguments[4]));
      case "consume" -> consume(arguments[3], Integer.parseInt(arguments[4]));
      default -> throw new IllegalArgumentException(arguments[2]);
    }
  }

  private static void produce(String topic, Schema schema) throws Exception {
    if (!register(topic + "-value", schema)) {
      return;
    }
    KafkaAvroSerializer values = new KafkaAvroSerializer();
    values.configure(Map.of("schema.registry.url", registry), false);
    try (KafkaProducer<String, Object> producer =
            new KafkaProducer<>(Map.of("bootstrap.servers", address), new StringSerializer(), values);
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in))) {
      for (String line = input.readLine(); line != null; line = input.readLine()) {
        GenericRecord row = record(schema, JSON.readTree(line));
        print(Map.of("offset", producer.send(new ProducerRecord<>(topic, row)).get().offset()));
      }
    }
  }

  /** Errors of the registry have its numbers. */
  private static boolean register(String subject, Schema schema) throws IOException {
    CachedSchemaRegistryClient client = new CachedSchemaRegistryClient(registry, 10);
    try {
      print(Map.of("compatible", client.testCompatibility(subject, schema)));
    } catch (RestClientException failure) {
      print(Map.of("compatible", failure.getErrorCode()));
    }
    try {
      print(Map.of("id", client.register(subject, schema)));
      return true;
    } catch (RestClientException failure) {
      print(Map.of("refused", failure.getErrorCode(), "status", failure.getStatus()));
      return false;
    }
  }

  private static GenericRecord record(Schema schema, JsonNode row) {
    GenericRecordBuilder record = new GenericRecordBuilder(schema);
    for (Schema.Field field : schema.getFields()) {
      JsonNode value = row.get(field.name());
      if (value != null) {
        record.set(field, value.isNull() ? null : value.isInt() ? (Object) value.intValue() : value.textValue());
      }
    }
    return record.build();
  }

  private static void consume(String topic, int count) throws IOException {
    Map<String, Object> settings =
        Map.of("bootstrap.servers", address, "group.id", "avro", "auto.offset.reset", "earliest");
    KafkaAvroDeserializer values = new KafkaAvroDeserializer();
    values.configure(Map.of("schema.registry.url", registry), false);
    try (KafkaConsumer<String, Object> consumer = new KafkaConsumer<>(settings, new StringDeserializer(), values)) {
      consumer.subscribe(List.of(topic));
      for (int read = 0; read < count;) {
        for (ConsumerRecord<String, Object> record : consumer.poll(Duration.ofMillis(100))) {
          print(JSON.readTree(record.value().toString()));
          ++read;
        }
      }
    }
  }

  private static void print(Object row) throws IOException {
    System.out.println(JSON.writeValueAsString(row));
  }
}
