import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { endWithThisProcess } from '../../service/platform/postgres/end-with-this-process.ts'
import type { JavaAndJars } from './java-and-jars.ts'
import type { KafkaBroker, KafkaBrokerOptions, SecuredListener } from './kafka-broker.ts'
import {
  folderInMemory,
  temporaryFolder,
  type TemporaryFolder,
} from '../support/temporary-folder.ts'

const run = promisify(execFile)
const startTimeoutMs = 60_000
const portAttempts = 10

interface BrokerFiles {
  readonly java: JavaAndJars
  readonly data: string
  readonly properties: string
  readonly log: string
}

/** A KRaft node that is broker and controller in one. It ends with this process. */
export async function startJavaBroker(
  java: JavaAndJars,
  options: KafkaBrokerOptions,
): Promise<KafkaBroker> {
  const { dataDir } = options
  const folder = await folderOf(options)
  const files = {
    java,
    data: join(folder.path, 'log'),
    properties: join(folder.path, 'server.properties'),
    log: join(folder.path, 'broker.log'),
  }
  await mkdir(folder.path, { recursive: true })
  let { child, port } = await startOnFreePort(files, options)
  const stop = async (): Promise<void> => {
    // Nobody reads what a temporary broker would write while it shuts down.
    await end(child, dataDir === undefined ? 'SIGKILL' : 'SIGTERM')
  }
  return {
    brokers: [`127.0.0.1:${port}`],
    stop,
    kill9: async () => end(child, 'SIGKILL'),
    restart: async () => {
      await stop()
      ;({ child, port } = await startOnFreePort(files, { ...options, port }))
    },
    [Symbol.asyncDispose]: async () => {
      await stop()
      await folder[Symbol.asyncDispose]()
    },
  }
}

async function folderOf({ dataDir, isShortLived }: KafkaBrokerOptions): Promise<TemporaryFolder> {
  // It stays with its data.
  if (dataDir !== undefined)
    return { path: resolve(dataDir), [Symbol.asyncDispose]: () => Promise.resolve() }
  return isShortLived === true ? folderInMemory('kafka') : temporaryFolder('kafka')
}

/** Another program may take a free port before the broker does: then with other ports. */
async function startOnFreePort(
  files: BrokerFiles,
  { port: wantedPort, isShortLived, sessionTimeoutMs, behindProxy, secured }: KafkaBrokerOptions,
): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const [free, controllerPort] = await freePorts()
    const port = wantedPort ?? free
    const settings = {
      ...{ data: files.data, port, controllerPort },
      ...{ behindProxy, secured, sessionTimeoutMs },
    }
    await writeFile(files.properties, serverProperties(settings))
    if (!existsSync(join(files.data, 'meta.properties'))) await format(files, secured)
    const child = await spawnBroker(files, isShortLived === true ? [quickCompiler] : [])
    if (await hasStarted(child, files.log)) return { child, port }
    const log = await readFile(files.log, 'utf8')
    if (!log.includes('Address already in use') || attempt === portAttempts) {
      throw new Error(`Kafka did not start; ${files.log} ends with:\n${log.slice(-2000)}`)
    }
    await delay(200)
  }
}

/** The compiler that optimizes takes more time than a broker of a test lives to win back. */
const quickCompiler = '-XX:TieredStopAtLevel=1'

/** The features of a new cluster, which the tool writes: the same for all clusters without users. */
const features = 'bootstrap.checkpoint'

/**
 * The tool is another start of Java (1.2 s of CPU), so that what it wrote the first time is stored beside the
 * jars.
 */
async function format(files: BrokerFiles, secured?: SecuredListener): Promise<void> {
  const known = join(files.java.jars, features)
  if (secured !== undefined || !existsSync(known)) {
    await formatByTool(files, secured)
    if (secured === undefined) await copyWhole(join(files.data, features), known)
    return
  }
  await mkdir(files.data, { recursive: true })
  await copyFile(known, join(files.data, features))
  const [cluster, directory] = [randomId(), randomId()]
  await writeFile(
    join(files.data, 'meta.properties'),
    `version=1\ncluster.id=${cluster}\nnode.id=1\ndirectory.id=${directory}\n`,
  )
}

/** Another process may read the copy at any time. */
async function copyWhole(from: string, to: string): Promise<void> {
  const part = `${to}-${randomId()}`
  await copyFile(from, part)
  await rename(part, to)
}

/** As Kafka writes ids. */
function randomId(): string {
  return randomBytes(16).toString('base64url').replace(/^-/, 'A')
}

async function formatByTool(files: BrokerFiles, secured?: SecuredListener): Promise<void> {
  const clusterId = randomId()
  const tool = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', files.properties]
  const users = Object.entries(secured?.users ?? {}).flatMap(([name, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${name},password=${password}]`,
    ]),
  )
  await run(files.java.java, [
    '-XX:+UseSerialGC',
    quickCompiler,
    ...['-cp', files.java.classpath, ...tool, ...users],
  ])
}

async function spawnBroker(files: BrokerFiles, flags: readonly string[]): Promise<ChildProcess> {
  const log = await open(files.log, 'w')
  try {
    const memory = ['-Xms256m', '-Xmx768m', '-XX:+UseSerialGC', ...flags]
    const program = ['-cp', files.java.classpath, 'kafka.Kafka', files.properties]
    const child = spawn(files.java.java, [...memory, ...program], {
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
    })
    await once(child, 'spawn')
    child.unref()
    endWithThisProcess(child, 'TERM')
    return child
  } finally {
    await log.close()
  }
}

async function hasStarted(child: ChildProcess, logFile: string): Promise<boolean> {
  const deadline = Date.now() + startTimeoutMs
  while (!hasEnded(child)) {
    if ((await readFile(logFile, 'utf8')).includes('Kafka Server started')) return true
    if (Date.now() > deadline) {
      await end(child, 'SIGKILL')
      throw new Error(`Kafka was not ready after ${startTimeoutMs / 1000} s; see ${logFile}`)
    }
    await delay(25)
  }
  return false
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (hasEnded(child)) return
  const exited = once(child, 'exit')
  child.ref()
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
  await exited
  clearTimeout(timer)
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

function serverProperties(broker: {
  data: string
  port: number
  controllerPort: number
  behindProxy: KafkaBrokerOptions['behindProxy']
  sessionTimeoutMs: number | undefined
  secured: SecuredListener | undefined
}): string {
  const { port, controllerPort, behindProxy, sessionTimeoutMs = 3000, secured } = broker
  const more = (name: string, listenerPort?: number): string =>
    listenerPort === undefined ? '' : `,${name}://127.0.0.1:${listenerPort}`
  const securedToo = more('SECURED', secured?.port)
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${more('PROXIED', behindProxy?.port)}${securedToo}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}${more('PROXIED', behindProxy?.advertisedPort)}${securedToo}`,
    'listener.security.protocol.map': `PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:${
      secured?.certificate === undefined ? 'SASL_PLAINTEXT' : 'SASL_SSL'
    }`,
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': broker.data,
    'auto.create.topics.enable': false,
    // After a crash the controller refuses the broker until its old session is over (default: 9 s).
    'broker.session.timeout.ms': sessionTimeoutMs,
    'broker.heartbeat.interval.ms': 500,
    'group.initial.rebalance.delay.ms': 0,
    'offsets.topic.num.partitions': 1,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    ...(secured !== undefined && securedProperties(secured)),
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

function securedProperties({ certificate, users }: SecuredListener): Record<string, string> {
  const modules = 'org.apache.kafka.common.security'
  const logins = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`)
  const properties = {
    ...(certificate !== undefined && {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': certificate,
    }),
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'plain.sasl.jaas.config': `${modules}.plain.PlainLoginModule required ${logins.join(' ')};`,
    'scram-sha-256.sasl.jaas.config': `${modules}.scram.ScramLoginModule required;`,
    'scram-sha-512.sasl.jaas.config': `${modules}.scram.ScramLoginModule required;`,
  }
  return {
    ...Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [`listener.name.secured.${name}`, value]),
    ),
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
  }
}

/** Both are held until both are known, so that they differ. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer().listen(0, '127.0.0.1'), createServer().listen(0, '127.0.0.1')]
  const [first, second] = await Promise.all(servers.map(portOf))
  await Promise.all(
    servers.map(async (server) => {
      server.close()
      await once(server, 'close')
    }),
  )
  if (first === undefined || second === undefined) throw new Error('There are no free ports')
  return [first, second]
}

async function portOf(server: Server): Promise<number> {
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('There is no free port')
  return address.port
}
