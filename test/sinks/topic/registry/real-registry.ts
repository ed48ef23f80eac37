import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { maven } from '../../../kafka/maven-jars.ts'
import { freePort } from '../../../../service/platform/postgres/free-port.ts'

const run = promisify(execFile)
const version = '3.0.9'
const artifact = `io.apicurio:apicurio-registry-app:${version}:tar.gz:all`
const cache = join(import.meta.dirname, `../../../../.build/apicurio-registry-${version}`)
const jar = `apicurio-registry-app-${version}-runner.jar`
const startTimeoutMs = 60_000

export interface RealRegistry extends AsyncDisposable {
  /** Where Confluent's API is. */
  readonly url: string
}

interface RealRegistryOptions {
  readonly port?: number
  /** Where its schemas stay when it ends. Default: in memory. */
  readonly folder?: string
}

/**
 * Apicurio Registry, which speaks Confluent's API, on loopback. Maven copies it (109 MB) at its first use.
 */
export async function startRealRegistry({
  port: wantedPort,
  folder,
}: RealRegistryOptions = {}): Promise<RealRegistry> {
  if (!existsSync(cache)) await copyRegistry()
  const [port, managementPort] = [wantedPort ?? (await freePort()), await freePort()]
  const settings = {
    'quarkus.http.host': '127.0.0.1',
    'quarkus.http.port': port,
    'quarkus.management.host': '127.0.0.1',
    'quarkus.management.port': managementPort,
    'apicurio.storage.kind': 'sql',
    'apicurio.storage.sql.kind': 'h2',
    'quarkus.otel.sdk.disabled': true,
    ...(folder !== undefined && {
      'apicurio.datasource.url': `jdbc:h2:file:${join(folder, 'registry')};WRITE_DELAY=0`,
    }),
  }
  const java = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
  const properties = Object.entries(settings).map(([name, value]) => `-D${name}=${String(value)}`)
  const child = spawn('java', [...java, ...properties, '-jar', join(cache, jar)], {
    stdio: 'ignore',
  })
  const url = `http://127.0.0.1:${String(port)}/apis/ccompat/v7`
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  const deadline = Date.now() + startTimeoutMs
  for (;;) {
    const response = await fetch(`${url}/subjects`).catch(() => undefined)
    if (response?.status === 200) return { url, [Symbol.asyncDispose]: end }
    if (Date.now() > deadline || child.exitCode !== null) {
      await end()
      throw new Error('Apicurio Registry did not start')
    }
    await delay(200)
  }
}

async function copyRegistry(): Promise<void> {
  const draft = `${cache}.${String(process.pid)}`
  await mkdir(draft, { recursive: true })
  try {
    await maven(['dependency:copy', `-Dartifact=${artifact}`], draft)
    const archive = join(draft, `apicurio-registry-app-${version}-all.tar.gz`)
    await run('tar', ['-xzf', archive, '-C', draft])
    await rm(archive)
    await rename(draft, cache)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}
