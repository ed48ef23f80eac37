import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { openBenchTopics } from './bench-topics.ts'

/**
 * Kafka Connect with one source, until its topic has all messages; then both end. A program of its own, so
 * that its processes are measured like those of any peer.
 */
const connectRun = z.object({
  brokers: z.string(),
  classpath: z.string(),
  pluginPath: z.string(),
  topic: z.string(),
  messages: z.number().int().positive(),
  workDir: z.string(),
  /** `768m` */
  heap: z.string(),
  config: z.record(z.string(), z.string()),
})
export type ConnectRun = z.infer<typeof connectRun>

/** A task that has failed writes nothing any more. */
const longestPauseMs = 45_000

const settings = connectRun.parse(JSON.parse(process.env.CONNECT_RUN ?? '{}'))

const workerFile = join(settings.workDir, 'worker.properties')
const worker = {
  'bootstrap.servers': settings.brokers,
  'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'key.converter.schemas.enable': 'false',
  'value.converter.schemas.enable': 'false',
  'offset.storage.file.filename': join(settings.workDir, 'offsets'),
  'offset.flush.interval.ms': '5000',
  'plugin.path': settings.pluginPath,
  'plugin.discovery': 'hybrid_warn',
  listeners: 'http://127.0.0.1:0',
  'topic.creation.enable': 'false',
  // For all that it writes: batches as full as they get.
  'producer.linger.ms': '20',
  'producer.batch.size': '262144',
  'producer.buffer.memory': '134217728',
  'producer.compression.type': 'lz4',
}
await writeFile(workerFile, lines(worker))
const sourceFile = join(settings.workDir, 'source.json')
await writeFile(sourceFile, JSON.stringify({ name: 'source', config: settings.config }), {
  mode: 0o600,
})

const connect = spawn(
  'java',
  [
    `-Xmx${settings.heap}`,
    '-XX:+UseParallelGC',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    '-cp',
    settings.classpath,
    'org.apache.kafka.connect.cli.ConnectStandalone',
    workerFile,
    sourceFile,
  ],
  { stdio: ['ignore', 2, 2] },
)
const ended = once(connect, 'exit')
try {
  await untilAllAreThere()
} finally {
  // All messages are there: nobody waits for an orderly end.
  connect.kill('SIGKILL')
  await ended
}

async function untilAllAreThere(): Promise<void> {
  await using topics = await openBenchTopics(settings.brokers.split(','))
  let end = 0
  let grownMs = performance.now()
  while (end < settings.messages) {
    if (connect.exitCode !== null || connect.signalCode !== null)
      throw new Error(`Kafka Connect ended with ${String(connect.exitCode ?? connect.signalCode)}`)
    if (performance.now() - grownMs > longestPauseMs)
      throw new Error(`the source stopped at ${String(end)} messages`)
    await delay(50)
    const now = await topics.end(settings.topic)
    if (now > end) grownMs = performance.now()
    end = now
  }
}

function lines(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
