import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/**
 * Writes all committed messages of a topic (brokers, topic, registry), key and value decoded by their schemas in the registry: a line for
 * each, two JSON texts with a tab between them. A tombstone has no second text.
 */
public class DecodeAvro {
  public static void main(String[] args) {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    try (KafkaConsumer<Object, Object> consumer = new KafkaConsumer<>(settings(args))) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(args[1]).stream()
              .map(partition -> new TopicPartition(args[1], partition.partition()))
              .collect(Collectors.toList());
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(at -> consumer.position(at) < ends.get(at))) {
        for (ConsumerRecord<Object, Object> message : consumer.poll(Duration.ofMillis(500))) {
          out.println(message.key() + "\t" + (message.value() == null ? "" : message.value()));
        }
      }
    }
    out.flush();
  }

  private static Properties settings(String[] args) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("isolation.level", "read_committed");
    settings.put("enable.auto.commit", "false");
    settings.put("key.deserializer", AvroKafkaDeserializer.class.getName());
    settings.put("value.deserializer", AvroKafkaDeserializer.class.getName());
    settings.put("apicurio.registry.url", args[2]);
    // Confluent's wire format: a zero, the id of the schema in four bytes, the datum.
    settings.put("apicurio.registry.as-confluent", "true");
    settings.put("apicurio.registry.use-id", "contentId");
    return settings;
  }
}
