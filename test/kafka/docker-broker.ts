import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { freePort } from '../../service/platform/postgres/free-port.ts'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { commandOutput } from './command-output.ts'
import type { KafkaBroker, KafkaBrokerOptions } from './kafka-broker.ts'

const run = promisify(execFile)
const composeFile = join(import.meta.dirname, '../../docker-compose.yml')

/** Docker may be installed without an engine that responds, or without compose. */
export function dockerWorks(): boolean {
  const engine = commandOutput('docker', ['info', '--format', '{{.ServerVersion}}'])
  return engine !== undefined && commandOutput('docker', ['compose', 'version']) !== undefined
}

/**
 * The service `kafka` of docker-compose.yml, in a compose project of its own, so that several run side by
 * side.
 */
export async function startDockerBroker(options: KafkaBrokerOptions): Promise<KafkaBroker> {
  const port = options.port ?? (await freePort())
  const project = `reactor-connect-${randomBytes(6).toString('hex')}`
  const compose = async (...args: readonly string[]): Promise<void> => {
    await run('docker', ['compose', '-p', project, '-f', composeFile, ...args], {
      env: { ...process.env, KAFKA_PORT: String(port) },
    })
  }
  await compose('up', '-d', '--wait', 'kafka')
  return {
    brokers: [`127.0.0.1:${port}`],
    stop: async () => compose('stop', 'kafka'),
    kill9: async () => compose('kill', '-s', 'SIGKILL', 'kafka'),
    restart: async () => compose('up', '-d', '--wait', 'kafka'),
    [Symbol.asyncDispose]: async () => compose('down', '--volumes'),
  }
}
