import { join } from 'node:path'
import { copyJars, stampOf } from '../maven-jars.ts'

/** Debezium's PostgreSQL source and its JDBC sink, Apicurio's Avro converter, Camel's SQL source. */
export type ConnectPlugin = 'postgres' | 'jdbc' | 'avro' | 'camel-sql'

const sources: readonly ConnectPlugin[] = ['postgres', 'camel-sql']

export interface ConnectJars {
  readonly classpath: string
  /** `plugin.path` */
  readonly pluginPath: string
}

/**
 * Jars that plugins bring in another version than Kafka Connect has. Its service loader then mixes up the
 * versions.
 */
const providedByConnect =
  /^(jackson-(core|databind|annotations|datatype-jdk8)|slf4j-api|kafka-clients|connect-(api|json))-\d/

/** Kafka Connect and plugins of it, fetched once with Maven and stored in `cacheDir`. */
export async function connectJars(
  plugins: readonly ConnectPlugin[],
  cacheDir = join(import.meta.dirname, '../lib'),
): Promise<ConnectJars> {
  const worker = plugins.some((plugin) => sources.includes(plugin))
    ? 'connect-for-sources'
    : 'connect'
  const connect = folderOf(worker, cacheDir)
  await copyJars(pomOf(worker), connect)
  for (const plugin of plugins)
    await copyJars(pomOf(plugin), join(folderOf(plugin, cacheDir), plugin), providedByConnect)
  return {
    classpath: join(connect, '*'),
    // Each has a folder with one plugin.
    pluginPath: plugins.map((plugin) => folderOf(plugin, cacheDir)).join(','),
  }
}

/**
 * All of Apicurio's, with the clients of Kafka that it was built for: for programs of Java that read Avro.
 */
export async function avroJars(cacheDir = join(import.meta.dirname, '../lib')): Promise<string> {
  const folder = join(cacheDir, `avro-reader-${stampOf(pomOf('avro'))}`)
  await copyJars(pomOf('avro'), folder)
  return join(folder, '*')
}

function folderOf(name: string, cacheDir: string): string {
  return join(cacheDir, `${name}-${stampOf(pomOf(name))}`)
}

function pomOf(name: string): string {
  return join(import.meta.dirname, `${name}.pom.xml`)
}
