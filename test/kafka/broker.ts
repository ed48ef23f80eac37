import { dockerWorks, startDockerBroker } from './docker-broker.ts'
import { javaAndJars, missingForJava } from './java-and-jars.ts'
import { startJavaBroker } from './java-broker.ts'
import type { KafkaBroker, KafkaBrokerOptions } from './kafka-broker.ts'

/** Starts a broker from Maven Central's jars, or with Docker if there is no Java. */
export async function startKafkaBroker(options: KafkaBrokerOptions = {}): Promise<KafkaBroker> {
  const missing = missingForJava()
  if (missing === undefined) return startJavaBroker(await javaAndJars(), options)
  const hasOneListener = options.behindProxy === undefined && options.secured === undefined
  if (hasOneListener && dockerWorks()) return startDockerBroker(options)
  throw new Error(
    `No Kafka broker, and no way to start one (${missing}; Docker does not answer). ` +
      'Install Java 17 or newer and Maven (Debian: `apt-get install openjdk-17-jre-headless maven`), ' +
      'or start Docker, or set KAFKA_BROKERS=host:port to a broker that is running.',
  )
}

/**
 * The broker that KAFKA_BROKERS names, which is left alone; else one that is started here and ends when it is
 * disposed of.
 */
export async function givenOrStartedBroker(
  announce: (text: string) => void = () => undefined,
  options: KafkaBrokerOptions = {},
): Promise<Pick<KafkaBroker, 'brokers'> & AsyncDisposable> {
  const given = process.env.KAFKA_BROKERS
  if (given !== undefined && given !== '') {
    return { brokers: given.split(','), [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  announce('Starting Kafka (KAFKA_BROKERS names another one)')
  return startKafkaBroker(options)
}
