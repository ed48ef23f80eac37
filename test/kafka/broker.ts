import { dockerWorks, startDockerBroker } from './docker-broker.ts'
import { javaAndJars, missingForJava } from './java-and-jars.ts'
import { startJavaBroker } from './java-broker.ts'

/** A real single-node Apache Kafka on 127.0.0.1. */
export interface KafkaBroker extends AsyncDisposable {
  readonly brokers: readonly string[]
  /** SIGKILL, as in a crash. What was written stays for `restart`. */
  kill9(): Promise<void>
  /** Starts it again on the same port with the same data. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface KafkaBrokerOptions {
  /** Where the broker keeps its data. Default: a folder that goes with the broker. */
  readonly dataDir?: string
  /** Default: a free port. */
  readonly port?: number
}

/** Starts a broker from Maven Central's jars, or with Docker where there is no Java. */
export async function startKafkaBroker(options: KafkaBrokerOptions = {}): Promise<KafkaBroker> {
  const missing = missingForJava()
  if (missing === undefined) return startJavaBroker(await javaAndJars(), options)
  if (dockerWorks()) return startDockerBroker(options)
  throw new Error(
    `No Kafka broker, and no way to start one (${missing}; Docker does not answer). ` +
      'Install Java 17 or newer and Maven (Debian: `apt-get install openjdk-17-jre-headless maven`), ' +
      'or start Docker, or set KAFKA_BROKERS=host:port to a broker that is running.',
  )
}
