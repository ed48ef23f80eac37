import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { freePort } from '../../../service/platform/postgres/free-port.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { startJava, type JavaProcess } from '../java-process.ts'
import { connectJars, type ConnectPlugin } from './connect-jars.ts'

export interface Connector {
  readonly name: string
  readonly config: Readonly<Record<string, string>>
}

export interface ConnectWorkerOptions {
  readonly brokers: readonly string[]
  readonly plugins: readonly ConnectPlugin[]
  readonly connectors: readonly Connector[]
}

export interface ConnectWorker extends AsyncDisposable {
  /** Rejects with the reason if a connector or a task of it has failed. */
  requireHealth(): Promise<void>
}

const startMs = 60_000
const stateOf = z.looseObject({ state: z.string(), trace: z.string().optional() })
const statusOf = z.object({ connector: stateOf, tasks: z.array(stateOf) })

/** Kafka Connect in one process, with the connectors. Resolves when all of them run. */
export async function startConnectWorker(options: ConnectWorkerOptions): Promise<ConnectWorker> {
  await using started = new AsyncDisposableStack()
  const { path } = started.use(await temporaryFolder('connect'))
  const jars = await connectJars(options.plugins)
  const url = `http://127.0.0.1:${await freePort()}`
  const worker = {
    'bootstrap.servers': options.brokers.join(','),
    'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'offset.storage.file.filename': join(path, 'offsets'),
    'offset.flush.interval.ms': '1000',
    'plugin.path': jars.pluginPath,
    // Apicurio's converter is not registered for `service_load`.
    'plugin.discovery': 'hybrid_warn',
    listeners: url,
    'connector.client.config.override.policy': 'All',
  }
  const lines = Object.entries(worker).map(([name, value]) => `${name}=${value}`)
  const files = [join(path, 'worker.properties')]
  await writeFile(join(path, 'worker.properties'), lines.join('\n'))
  for (const connector of options.connectors) {
    const file = join(path, `${connector.name}.json`)
    await writeFile(file, JSON.stringify(connector), { mode: 0o600 })
    files.push(file)
  }
  const java = started.use(
    startJava({
      classpath: jars.classpath,
      main: 'org.apache.kafka.connect.cli.ConnectStandalone',
      args: files,
      flags: ['-Xmx768m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'],
    }),
  )
  const names = options.connectors.map(({ name }) => name)
  await untilRunning(java, url, names)
  const running = started.move()
  return {
    requireHealth: async () => {
      await areRunning(java, url, names)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function untilRunning(
  java: JavaProcess,
  url: string,
  names: readonly string[],
): Promise<void> {
  const deadline = Date.now() + startMs
  while (!(await areRunning(java, url, names))) {
    if (Date.now() > deadline) throw new Error(`Kafka Connect is not ready: ${java.lastWords()}`)
    await delay(200)
  }
}

/** Rejects if one has failed, or the worker has ended. */
async function areRunning(
  java: JavaProcess,
  url: string,
  names: readonly string[],
): Promise<boolean> {
  if (java.hasEnded) throw new Error(`Kafka Connect ended: ${java.lastWords()}`)
  for (const name of names) {
    const response = await fetch(`${url}/connectors/${name}/status`).catch(() => undefined)
    if (response?.ok !== true) return false
    const { connector, tasks } = statusOf.parse(await response.json())
    const failed = [connector, ...tasks].find(({ state }) => state === 'FAILED')
    if (failed !== undefined)
      throw new Error(`the connector ${name} failed: ${failed.trace ?? ''}\n${java.lastWords()}`)
    if (connector.state !== 'RUNNING' || tasks.length === 0) return false
    if (tasks.some(({ state }) => state !== 'RUNNING')) return false
  }
  return true
}
