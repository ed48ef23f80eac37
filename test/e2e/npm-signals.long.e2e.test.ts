import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { freePort } from '../../service/platform/postgres/free-port.ts'
import { metadataTemplate, testDatabase } from '../support/postgres.ts'
import { newFolder } from '../support/new-folder.ts'

interface StartedScript {
  readonly npm: ChildProcess
  /** Both outputs so far. */
  readonly output: () => string
}

/** `npm …` as a supervisor or a terminal starts it: in a group of processes of its own. */
function startNpm(argv: readonly string[], environment: Record<string, string>): StartedScript {
  const npm = spawn('npm', argv, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
  })
  let output = ''
  for (const stream of [npm.stdout, npm.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  return { npm, output: () => output }
}

/** Whatever is left of it. */
function endGroup({ npm }: StartedScript): void {
  try {
    if (npm.pid !== undefined) process.kill(-npm.pid, 'SIGKILL')
  } catch {
    // Nothing is.
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function expectPassedOn(
  { npm, output }: StartedScript,
  { signal, started, port }: { signal: NodeJS.Signals; started: string; port: number },
): Promise<void> {
  const within = { timeout: 60_000, interval: 100 }
  await vi.waitFor(() => {
    expect(output()).toContain(started)
  }, within)
  expect(await listens(port)).toBe(true)
  const ended = once(npm, 'close')
  // A supervisor knows only npm; a closed terminal signals every process that it started.
  const { pid = 0 } = npm
  process.kill(signal === 'SIGHUP' ? -pid : pid, signal)
  await ended
  // Closed when npm has ended: the outputs, which what it started would hold open, and the port.
  expect(await listens(port)).toBe(false)
}

test.each([
  [['start', '--'], 'SIGTERM'],
  [['run', 'reactor', '--', 'connect', 'serve'], 'SIGTERM'],
  [['start', '--'], 'SIGHUP'],
] as const)(
  'npm %j passes %s on to the service, which drains',
  async (argv, signal) => {
    await using metadata = await testDatabase(metadataTemplate)
    const folder = await newFolder('npm')
    const port = await freePort()
    const started = startNpm(
      [...argv, '--data-dir', folder, '--bind', `127.0.0.1:${String(port)}`],
      {
        REACTOR_CONNECT_DATABASE_URL: metadata.url,
        REACTOR_CONNECT_DATA_DATABASE_URL: metadata.url,
      },
    )
    try {
      await expectPassedOn(started, { signal, started: 'Reactor Connect listens on', port })
      expect(started.output()).toContain('the service has drained')
    } finally {
      endGroup(started)
    }
  },
  90_000,
)

test('npm run kafka passes SIGTERM on to the broker', async () => {
  const folder = await newFolder('npm')
  const port = await freePort()
  const started = startNpm(
    ['run', 'kafka', '--', '--data', join(folder, 'kafka'), '--port', String(port)],
    {},
  )
  try {
    await expectPassedOn(started, { signal: 'SIGTERM', started: 'KAFKA_BROKERS=', port })
  } finally {
    endGroup(started)
  }
}, 90_000)
