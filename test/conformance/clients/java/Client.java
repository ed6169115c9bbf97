import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.quota.ClientQuotaFilterComponent;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Kafka's Java client as test_more_clients.py drives it; README.md beside the clients has the commands and what they print.
 */
public final class Client {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static String address;

  public static void main(String[] arguments) throws Exception {
    address = arguments[0];
    switch (arguments[1]) {
      case "produce" -> produce(arguments[2], arguments[3], arguments.length > 4);
      case "consume" -> consume(arguments[2], arguments[3], Integer.parseInt(arguments[4]));
      case "group" -> group(arguments[2], arguments[3], arguments.length > 4 ? arguments[4] : "range",
          arguments.length > 5 ? arguments[5] : null);
      case "describe" -> describe(arguments[2]);
      case "admin" -> admin(arguments[2], arguments[3]);
      case "errors" -> errors(arguments[2], arguments[3]);
      case "quotas" -> quotas(arguments[2]);
      case "sizes" -> sizes(arguments[2]);
      default -> throw new IllegalArgumentException(arguments[1]);
    }
  }

  private static synchronized void print(Object... namesAndValues) {
    Map<String, Object> row = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) row.put((String) namesAndValues[i], namesAndValues[i + 1]);
    try {
      System.out.println(JSON.writeValueAsString(row));
    } catch (Exception failure) {
      throw new RuntimeException(failure);
    }
  }

  private static Properties properties(Object... namesAndValues) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", address);
    for (int i = 0; i < namesAndValues.length; i += 2) properties.put(namesAndValues[i], namesAndValues[i + 1]);
    return properties;
  }

  private static KafkaProducer<String, String> producer(Object... options) {
    return new KafkaProducer<>(properties(options), new StringSerializer(), new StringSerializer());
  }

  private static KafkaConsumer<String, String> consumer(Object... options) {
    return new KafkaConsumer<>(properties(options), new StringDeserializer(), new StringDeserializer());
  }

  private static void produce(String topic, String codec, boolean idempotent) throws Exception {
    try (var producer = producer("compression.type", codec, "acks", "all", "enable.idempotence", idempotent, "linger.ms", 2);
        var lines = new BufferedReader(new InputStreamReader(System.in))) {
      for (String line; (line = lines.readLine()) != null; ) {
        String value = line;
        var record = new ProducerRecord<>(topic, "key " + value, value);
        record.headers().add("n", value.getBytes());
        producer.send(record, (where, failure) -> {
          if (failure != null) print("error", failure.toString());
          else print("value", value, "partition", where.partition(), "offset", where.offset());
        });
      }
    }
  }

  private static void show(ConsumerRecord<String, String> record) {
    Header header = record.headers().lastHeader("n");
    print("partition", record.partition(), "offset", record.offset(), "key", record.key(), "value", record.value(), "header",
        header == null ? null : new String(header.value()));
  }

  private static void consume(String topic, String group, int count) {
    try (var consumer = consumer("group.id", group, "auto.offset.reset", "earliest")) {
      consumer.subscribe(List.of(topic));
      while (count > 0) {
        for (var record : consumer.poll(Duration.ofSeconds(1))) {
          show(record);
          --count;
        }
      }
    }
  }

  private static KafkaConsumer<String, String> member(String group, String kind, String instance) {
    Object[] common = {"group.id", group, "auto.offset.reset", "earliest", "auto.commit.interval.ms", 200};
    Object[] classic = {"heartbeat.interval.ms", 100, "session.timeout.ms", 10_000, "partition.assignment.strategy",
        "org.apache.kafka.clients.consumer." + (kind.equals("cooperative") ? "CooperativeStickyAssignor" : "RangeAssignor")};
    Object[] modern = {"group.protocol", "consumer"};
    Object[] fixed = instance == null ? new Object[0] : new Object[] {"group.instance.id", instance};
    Object[] own = kind.equals("consumer") ? modern : classic;
    return consumer(Stream.of(common, own, fixed).flatMap(Stream::of).toArray());
  }

  private static void group(String topic, String group, String kind, String instance) {
    try (var consumer = member(group, kind, instance)) {
      Set<Integer> assigned = new TreeSet<>();
      consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
          for (var each : partitions) assigned.add(each.partition());
          print("assigned", assigned);
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
          consumer.commitSync();  // a cooperative member reads on while the others join
          for (var each : partitions) assigned.remove(each.partition());
          print("assigned", assigned);
        }
      });
      Thread untilEnd = new Thread(() -> {
        try {
          while (System.in.read() >= 0) { }
        } catch (java.io.IOException ended) {
          // As at the end of the input.
        }
        consumer.wakeup();
      });
      untilEnd.setDaemon(true);
      untilEnd.start();
      while (true) consumer.poll(Duration.ofMillis(100)).forEach(Client::show);
    } catch (WakeupException stopped) {
      // close() has committed and left the group.
    }
  }

  private static void describe(String group) throws Exception {
    try (Admin admin = Admin.create(properties())) {
      var described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
      Set<Integer> assigned = new TreeSet<>();
      for (var member : described.members())
        for (var each : member.assignment().topicPartitions()) assigned.add(each.partition());
      print("state", described.state().toString(), "assignor", described.partitionAssignor(), "members",
          described.members().size(), "partitions", assigned);
    }
  }

  private static Map<String, String> configOf(Admin admin, ConfigResource resource) throws Exception {
    Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
    Map<String, String> values = new LinkedHashMap<>();
    for (String name : List.of("cleanup.policy", "retention.ms")) values.put(name, config.get(name).value());
    return values;
  }

  private static long offset(Admin admin, TopicPartition partition, OffsetSpec which) throws Exception {
    return admin.listOffsets(Map.of(partition, which)).partitionResult(partition).get().offset();
  }

  private static boolean hasGroup(Admin admin, String group) throws Exception {
    return admin.listConsumerGroups().all().get().stream().anyMatch(each -> each.groupId().equals(group));
  }

  private static int partitions(Admin admin, String topic) throws Exception {
    return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
  }

  private static void admin(String topic, String group) throws Exception {
    try (Admin admin = Admin.create(properties())) {
      print("brokers", admin.describeCluster().nodes().get().size());
      String made = topic + "-made";
      admin.createTopics(List.of(new NewTopic(made, 2, (short) 1).configs(Map.of("retention.ms", "1000000")))).all().get();
      print("partitions", partitions(admin, made));
      admin.createPartitions(Map.of(made, NewPartitions.increaseTo(3))).all().get();
      print("grown", partitions(admin, made));
      var resource = new ConfigResource(ConfigResource.Type.TOPIC, made);
      print("config", configOf(admin, resource));
      var change = new AlterConfigOp(new ConfigEntry("retention.ms", "2000000"), AlterConfigOp.OpType.SET);
      admin.incrementalAlterConfigs(Map.of(resource, List.of(change))).all().get();
      print("altered", configOf(admin, resource));
      admin.deleteTopics(List.of(made)).all().get();
      print("listed", admin.listTopics().names().get().contains(made));
      var partition = new TopicPartition(topic, 0);
      print("earliest", offset(admin, partition, OffsetSpec.earliest()), "latest", offset(admin, partition, OffsetSpec.latest()));
      admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(4))).all().get();
      print("earliest_left", offset(admin, partition, OffsetSpec.earliest()));
      print("group_listed", hasGroup(admin, group));
      print("group_state", admin.describeConsumerGroups(List.of(group)).all().get().get(group).state().toString());
      print("committed", admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(partition).offset());
      admin.deleteConsumerGroups(List.of(group)).all().get();
      print("group_left", hasGroup(admin, group));
    }
  }

  private static void setQuota(Admin admin, ClientQuotaEntity entity, String key, Double value) throws Exception {
    admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity, List.of(new ClientQuotaAlteration.Op(key, value))))).all().get();
  }

  private static Map<String, Map<String, Double>> quotasOf(Admin admin, ClientQuotaFilter filter) throws Exception {
    Map<String, Map<String, Double>> quotas = new TreeMap<>();
    admin.describeClientQuotas(filter).entities().get().forEach((entity, values) -> {
      String name = entity.entries().get(ClientQuotaEntity.CLIENT_ID);
      quotas.put(name == null ? "(default)" : name, values);
    });
    return quotas;
  }

  private static void quotas(String client) throws Exception {
    var named = new ClientQuotaEntity(Map.of(ClientQuotaEntity.CLIENT_ID, client));
    var others = new ClientQuotaEntity(Collections.singletonMap(ClientQuotaEntity.CLIENT_ID, null));
    var user = new ClientQuotaEntity(Map.of(ClientQuotaEntity.USER, client));
    var ofClients = ClientQuotaFilterComponent.ofEntityType(ClientQuotaEntity.CLIENT_ID);
    try (Admin admin = Admin.create(properties())) {
      setQuota(admin, named, "producer_byte_rate", 1e6);
      setQuota(admin, others, "consumer_byte_rate", 2e6);
      print("all", quotasOf(admin, ClientQuotaFilter.all()));
      print("clients", quotasOf(admin, ClientQuotaFilter.containsOnly(List.of(ofClients))));
      var exact = ClientQuotaFilterComponent.ofEntity(ClientQuotaEntity.CLIENT_ID, client);
      print("exact", quotasOf(admin, ClientQuotaFilter.contains(List.of(exact))));
      var ofUsers = ClientQuotaFilterComponent.ofEntityType(ClientQuotaEntity.USER);
      print("users", quotasOf(admin, ClientQuotaFilter.contains(List.of(ofUsers))));
      refused("user", () -> setQuota(admin, user, "producer_byte_rate", 1e6));
      refused("percentage", () -> setQuota(admin, named, "request_percentage", 50.0));
      setQuota(admin, named, "producer_byte_rate", null);
      setQuota(admin, others, "consumer_byte_rate", null);
      print("left", quotasOf(admin, ClientQuotaFilter.all()));
    }
  }

  private static void sizes(String topic) throws Exception {
    try (Admin admin = Admin.create(properties())) {
      for (var folder : admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1).values()) {
        folder.replicaInfos().forEach((partition, replica) -> {
          if (partition.topic().equals(topic)) print("partition", partition.partition(), "bytes", replica.size());
        });
      }
    }
  }

  private interface Attempt {
    void run() throws Exception;
  }

  private static void refused(String what, Attempt attempt) {
    try {
      attempt.run();
      print(what, "NONE");
    } catch (Exception failure) {
      Throwable cause = failure instanceof java.util.concurrent.ExecutionException ? failure.getCause() : failure;
      boolean outOfRange = cause instanceof OffsetOutOfRangeException;  // the consumer's own class
      Errors error = outOfRange ? Errors.OFFSET_OUT_OF_RANGE : Errors.forException(cause);
      print(what, error == Errors.UNKNOWN_SERVER_ERROR ? cause.toString() : error.name());
    }
  }

  private static void errors(String topic, String derived) throws Exception {
    try (Admin admin = Admin.create(properties());
        var producer = producer("max.request.size", 20 << 20, "buffer.memory", 64 << 20);
        var consumer = consumer("auto.offset.reset", "none")) {
      refused("existing_topic", () -> admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get());
      refused("topic_name", () -> admin.createTopics(List.of(new NewTopic("a b", 1, (short) 1))).all().get());
      refused("replication", () -> admin.createTopics(List.of(new NewTopic("none", 1, (short) 3))).all().get());
      var soon = new NewTopic("none", 1, (short) 1).configs(Map.of("retention.ms", "soon"));
      refused("config", () -> admin.createTopics(List.of(soon)).all().get());
      refused("fewer_partitions", () -> admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(1))).all().get());
      refused("unknown_topic", () -> admin.deleteTopics(List.of("none")).all().get());
      refused("unknown_group", () -> admin.deleteConsumerGroups(List.of("none")).all().get());
      refused("too_large", () -> producer.send(new ProducerRecord<>(topic, "x".repeat(17 << 20))).get());
      refused("derived", () -> producer.send(new ProducerRecord<>(derived, "x")).get());
      var partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seek(partition, 1000);
      refused("offset", () -> {
        while (consumer.poll(Duration.ofSeconds(1)).isEmpty()) { }
      });
    }
    try (var transactional = producer("transactional.id", "t")) {
      refused("transaction", transactional::initTransactions);
    }
  }
}
