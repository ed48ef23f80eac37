import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.function.BiConsumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Rebuilds the tables of streams from their topics, with the same commands as docs/examples/rebuild_table.py, and by the other way that
 * docs/topics.md allows: it keeps the newest row of each key, and gathers an overwrite beside the table.
 */
public class RebuildTable {
  private final Map<String, String> options = new HashMap<>();
  private final List<String> topics = new ArrayList<>();
  private final Map<String, StreamCopy> copies = new HashMap<>();
  private final Map<TopicPartition, PartitionReader> partitions = new HashMap<>();
  private volatile boolean stopped;

  public static void main(String[] args) throws Exception {
    RebuildTable program = new RebuildTable();
    for (int at = 1; at < args.length; at++) {
      if (args[at].equals("--until-end")) program.options.put(args[at], "true");
      else if (args[at].startsWith("--")) program.options.put(args[at], args[++at]);
      else program.topics.add(args[at]);
    }
    switch (args[0]) {
      case "read" -> program.read();
      case "table" -> program.print();
      case "seed" -> program.seed();
      default -> throw new IllegalArgumentException(args[0]);
    }
  }

  private String option(String name, String fallback) {
    return options.getOrDefault("--" + name, fallback);
  }

  private StreamCopy open(String topic) throws SQLException {
    return new StreamCopy(option("store", "copies"), topic);
  }

  private void read() throws Exception {
    Thread main = Thread.currentThread();
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  stopped = true;
                  try {
                    main.join(10_000);
                  } catch (InterruptedException ended) {
                    Thread.currentThread().interrupt();
                  }
                }));
    for (String topic : topics) copies.put(topic, open(topic));
    Schemas schemas =
        new Schemas(() -> compacted(option("schemas", "connect.schemas")));
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings("rebuild-table"))) {
      consumer.subscribe(topics, listener(consumer));
      long flushed = System.nanoTime();
      while (!stopped) {
        try {
          for (ConsumerRecord<byte[], byte[]> message : consumer.poll(Duration.ofMillis(200))) {
            PartitionReader reader = partitions.get(partitionOf(message));
            reader.take(message, schemas);
          }
        } catch (OffsetOutOfRangeException gone) {
          for (TopicPartition at : gone.partitions()) start(consumer, at);
        }
        // A position is also behind the markers of transactions, which retention may take with the last message.
        for (var each : partitions.entrySet())
          each.getValue().reach(consumer.position(each.getKey()));
        boolean atEnd = options.containsKey("--until-end") && isAtEnd(consumer);
        if (atEnd || System.nanoTime() - flushed > 500_000_000L) {
          for (TopicPartition at : List.copyOf(partitions.keySet()))
            if (!partitions.get(at).flush()) start(consumer, at);
          flushed = System.nanoTime();
        }
        if (atEnd) break;
      }
      for (PartitionReader reader : partitions.values()) reader.flush();
    }
  }

  private boolean isAtEnd(KafkaConsumer<byte[], byte[]> consumer) {
    if (partitions.isEmpty()) return false;
    return consumer.endOffsets(partitions.keySet()).entrySet().stream()
        .allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
  }

  private static TopicPartition partitionOf(ConsumerRecord<?, ?> message) {
    return new TopicPartition(message.topic(), message.partition());
  }

  private ConsumerRebalanceListener listener(KafkaConsumer<byte[], byte[]> consumer) {
    return new ConsumerRebalanceListener() {
      @Override
      public void onPartitionsAssigned(Collection<TopicPartition> assigned) {
        for (TopicPartition at : assigned) start(consumer, at);
      }

      @Override
      public void onPartitionsRevoked(Collection<TopicPartition> revoked) {
        for (TopicPartition at : revoked) partitions.remove(at).flush();
      }
    };
  }

  private void start(KafkaConsumer<byte[], byte[]> consumer, TopicPartition at) {
    long low = consumer.beginningOffsets(Set.of(at)).get(at);
    PartitionReader reader = new PartitionReader(copies.get(at.topic()), at.partition(), low);
    partitions.put(at, reader);
    consumer.seek(at, reader.position());
  }

  private Properties settings(String group) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", option("brokers", "localhost:9092"));
    settings.put("group.id", option("group", group));
    settings.put("isolation.level", "read_committed");
    settings.put("enable.auto.commit", "false");
    settings.put("auto.offset.reset", "none");
    settings.put("metadata.max.age.ms", "5000");
    settings.put("session.timeout.ms", "6000");
    settings.put("heartbeat.interval.ms", "1000");
    settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
    settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
    return settings;
  }

  /** All keys and values of a compacted topic. */
  private List<Map.Entry<String, byte[]>> compacted(String topic) {
    List<Map.Entry<String, byte[]>> entries = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings("none"))) {
      TopicPartition at = new TopicPartition(topic, 0);
      consumer.assign(List.of(at));
      consumer.seekToBeginning(List.of(at));
      long end = consumer.endOffsets(List.of(at)).get(at);
      while (consumer.position(at) < end)
        for (ConsumerRecord<byte[], byte[]> message : consumer.poll(Duration.ofMillis(500)))
          entries.add(
              Map.entry(new String(message.key(), StandardCharsets.UTF_8), message.value()));
    }
    return entries;
  }

  private void print() throws Exception {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    StreamCopy copy = open(topics.get(0));
    BiConsumer<String, String> line = (key, row) -> out.println(row);
    copy.forEachRow(line);
    out.flush();
    if (copy.hasGap()) {
      System.err.println(topics.get(0) + ": messages were gone before they were read");
      System.exit(1);
    }
  }

  private void seed() throws Exception {
    JsonNode stream = Json.parse(topics.get(1));
    JsonNode plan = null;
    for (var entry : compacted(option("states", "connect.states")))
      if (Json.parse(entry.getKey()).equals(stream)) plan = Json.parse(entry.getValue()).get("plan");
    if (plan == null) throw new IllegalStateException("no plan of " + stream);
    List<String> rows =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))
            .lines()
            .toList();
    long whole = Long.parseLong(option("whole", "0"));
    open(topics.get(0)).seed(plan, Json.parse(option("positions", "")), whole, rows);
  }
}
