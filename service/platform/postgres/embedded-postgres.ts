import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { openCluster, serverEnvironment, type Credentials } from './cluster.ts'
import { dataFolder, takeDataFolder, type DataFolder } from './data-folder.ts'
import { writePasswordFile } from './embedded-login.ts'
import { endWithThisProcess } from './end-with-this-process.ts'
import { freePort } from './free-port.ts'
import {
  embeddedPostgresError,
  serverAccount,
  serverBinaries,
  type ServerAccount,
} from './server-binaries.ts'

export interface EmbeddedPostgresOptions {
  /** A folder for the cluster, its password and its log. Created if missing; existing contents are used. */
  readonly dataDir: string
  /** Default: a free port. */
  readonly port?: number
  /** Settings as in postgresql.conf, for this start only. */
  readonly settings?: Readonly<Record<string, string>>
  /** Default: postgres. */
  readonly superuser?: string
  /** Default: random, and stored in the data folder. An existing cluster keeps its password. */
  readonly password?: string
}

export interface EmbeddedPostgres extends AsyncDisposable {
  readonly address: {
    readonly host: '127.0.0.1'
    readonly port: number
    readonly user: string
    readonly password: string
    readonly database: 'postgres'
    readonly ssl: 'disable'
  }
  readonly url: string
  /** The postmaster. */
  readonly pid: number
  /**
   * Resolves when the signal is aborted. Throws `embedded_postgres_failed` if the server ends before that
   * without a `stop`.
   */
  watch(signal: AbortSignal): Promise<void>
  /** Ends all sessions and shuts down (committed data is on disk). Resolves when the process is gone. */
  stop(): Promise<void>
  /** A crash: SIGKILL. Resolves when the postmaster is gone. */
  kill9(): Promise<void>
}

/** Recovery after a crash replays the write-ahead log, so this is generous. */
const startTimeoutMs = 120_000
const portAttempts = 10

/**
 * Starts a PostgreSQL server as a child process, on 127.0.0.1 only, and resolves when it accepts connections.
 *
 * The server ends with this process, however that ends: a watchdog holds a pipe that closes with us. A data
 * folder of a program that was killed is recovered; one that a living program uses is refused
 * (`embedded_postgres_in_use`).
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const account = await serverAccount()
  const binaries = await serverBinaries(account)
  const folder = dataFolder(resolve(options.dataDir))
  await takeDataFolder(folder, account)
  const credentials = await openCluster({
    folder,
    binaries,
    account,
    user: options.superuser,
    password: options.password,
    sync: options.settings?.fsync !== 'off',
  })
  await writePasswordFile(folder, credentials)
  const { child, port } = await startServer({
    executable: binaries.postgres,
    folder,
    account,
    port: options.port,
    settings: options.settings ?? {},
  })
  const server = serverHandle(child, { ...credentials, port, log: folder.log })
  try {
    await connectOnce(server.url)
  } catch (error) {
    await server.stop()
    throw error
  }
  return server
}

interface ServerStart {
  readonly executable: string
  readonly folder: DataFolder
  readonly account: ServerAccount | undefined
  readonly port: number | undefined
  readonly settings: Readonly<Record<string, string>>
}

/**
 * Tries again if that can help: another program took the port, or backends of a crashed server are still
 * ending.
 */
async function startServer(start: ServerStart): Promise<{ child: ChildProcess; port: number }> {
  const deadline = Date.now() + startTimeoutMs
  for (let attempt = 1; ; attempt += 1) {
    const port = start.port ?? (await freePort())
    const logStart = await sizeOf(start.folder.log)
    const child = await spawnServer(start, port)
    if (await isReady(child, start.folder, deadline)) return { child, port }
    const log = await textFrom(start.folder.log, logStart)
    const portTaken = start.port === undefined && log.includes('Address already in use')
    const stillEnding = log.includes('pre-existing shared memory block')
    if (!(portTaken && attempt < portAttempts) && !(stillEnding && Date.now() < deadline)) {
      throw embeddedPostgresError(lastLines(log))
    }
    await delay(100)
  }
}

async function spawnServer(start: ServerStart, port: number): Promise<ChildProcess> {
  const { folder, account } = start
  const settings = {
    // The log must not contain the contents of rows: no failing statements, no DETAIL lines.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    ...start.settings,
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const log = await open(folder.log, 'a', 0o600)
  try {
    const child = spawn(start.executable, ['-D', folder.cluster, ...flags], {
      cwd: '/',
      env: serverEnvironment,
      stdio: ['ignore', log.fd, log.fd],
      // Ctrl-C in a terminal reaches the whole process group, but the program must be able to drain first.
      detached: true,
      ...(account !== undefined && { uid: account.uid, gid: account.gid }),
    })
    await once(child, 'spawn')
    child.unref()
    endWithThisProcess(child, 'INT')
    return child
  } finally {
    await log.close()
  }
}

/** PostgreSQL writes to postmaster.pid when it accepts connections (line 8). False if it ended instead. */
async function isReady(
  child: ChildProcess,
  folder: DataFolder,
  deadline: number,
): Promise<boolean> {
  const pidFile = `${folder.cluster}/postmaster.pid`
  while (!hasEnded(child)) {
    const lines = (await readFile(pidFile, 'utf8').catch(() => '')).split('\n')
    if (lines[0] === String(child.pid) && lines[7]?.trim() === 'ready') return true
    if (Date.now() > deadline) {
      await end(child, ['SIGQUIT', 'SIGKILL'])
      throw embeddedPostgresError(`it was not ready after ${startTimeoutMs / 1000} seconds`)
    }
    await delay(10)
  }
  return false
}

function serverHandle(
  child: ChildProcess,
  place: Credentials & { readonly port: number; readonly log: string },
): EmbeddedPostgres {
  const { user, password, port, log } = place
  const stop = async (): Promise<void> => end(child, ['SIGINT', 'SIGQUIT', 'SIGKILL'])
  return {
    address: { host: '127.0.0.1', port, user, password, database: 'postgres', ssl: 'disable' },
    url: `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`,
    pid: child.pid ?? 0,
    watch: async (signal) => watch(child, log, signal),
    stop,
    kill9: async () => end(child, ['SIGKILL']),
    [Symbol.asyncDispose]: stop,
  }
}

async function watch(child: ChildProcess, log: string, signal: AbortSignal): Promise<void> {
  if (!hasEnded(child) && !signal.aborted)
    await once(child, 'exit', { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
  if (signal.aborted) return
  const how = String(child.exitCode ?? child.signalCode)
  throw embeddedPostgresError(`it ended by itself (${how}): ${lastLines(await textFrom(log, 0))}`)
}

/**
 * Sends the signals one after the other, each if the previous one did not end the server within 30 seconds.
 */
async function end(child: ChildProcess, signals: readonly NodeJS.Signals[]): Promise<void> {
  for (const signal of signals) {
    if (hasEnded(child)) return
    const ended = once(child, 'exit', { signal: AbortSignal.timeout(30_000) })
    child.ref()
    child.kill(signal)
    await ended.catch(() => undefined) // not in time: the next signal
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function connectOnce(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 30_000 })
  try {
    await client.connect()
  } catch (error) {
    throw embeddedPostgresError(error instanceof Error ? error.message : String(error), error)
  } finally {
    await client.end()
  }
}

async function sizeOf(path: string): Promise<number> {
  const stats = await stat(path).catch(() => undefined)
  return stats?.size ?? 0
}

async function textFrom(path: string, start: number): Promise<string> {
  return (await readFile(path)).subarray(start).toString('utf8')
}

function lastLines(log: string): string {
  return log.trim().split('\n').slice(-5).join(' | ')
}
