import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { freePort } from '../../../../service/platform/postgres/free-port.ts'
import { join } from 'node:path'
import pg from 'pg'
import { beforeEach, expect, test } from 'vitest'
import { startEmbeddedPostgres } from '../../../../service/platform/postgres/embedded-postgres.ts'
import { neverAborted } from '../../../support/signal.ts'
import { newFolderInMemory } from '../../../support/new-folder.ts'
import { longTest, usually } from '../../../support/long.ts'

let dataDir = ''

beforeEach(async () => {
  dataDir = await newFolderInMemory('embedded')
})

test('an embedded server takes connections with its random password only, and on 127.0.0.1 only', async () => {
  await using server = await startEmbeddedPostgres({ dataDir })
  expect(await query(server.url, 'SHOW listen_addresses')).toEqual([
    { listen_addresses: '127.0.0.1' },
  ])
  expect(await query(server.url, 'SHOW unix_socket_directories')).toEqual([
    { unix_socket_directories: '' },
  ])
  const { port, password } = server.address
  expect(password.length).toBeGreaterThanOrEqual(32)
  for (const file of ['owner.pid', 'pgpass', 'superuser.json', 'server.log']) {
    const { mode } = await stat(join(dataDir, file))
    expect(mode & 0o777, file).toBe(0o600)
  }
  await expect(
    query(`postgres://postgres:guess@127.0.0.1:${port}/postgres`, 'SELECT 1'),
  ).rejects.toMatchObject({
    code: '28P01',
  })
})

test('what was committed, and the password, outlive the server', async () => {
  const first = await startEmbeddedPostgres({ dataDir })
  await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
  await first.stop()
  await using second = await startEmbeddedPostgres({ dataDir })
  expect(second.address.password).toBe(first.address.password)
  expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
})

longTest(
  'an embedded server has the settings, user, password and port that it is given',
  async () => {
    const port = await freePort()
    await using server = await startEmbeddedPostgres({
      dataDir,
      port,
      superuser: 'owner',
      password: 'p@ss/word',
      settings: { work_mem: '7MB' },
    })
    expect(server.address).toMatchObject({ port, user: 'owner', password: 'p@ss/word' })
    expect(await query(server.url, 'SHOW work_mem')).toEqual([{ work_mem: '7MB' }])
  },
)

test('a server that is killed recovers, also over the pid file of another program', async () => {
  const crashed = await startEmbeddedPostgres({ dataDir })
  await query(crashed.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
  await crashed.kill9()
  const pidFile = join(dataDir, 'pgdata/postmaster.pid')
  const lines = (await readFile(pidFile, 'utf8')).split('\n')
  const other = spawn('sleep', ['600'])
  await once(other, 'spawn')
  await writeFile(pidFile, [String(other.pid), ...lines.slice(1)].join('\n'))
  try {
    await using server = await startEmbeddedPostgres({ dataDir })
    expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  } finally {
    other.kill()
  }
})

test('a watcher hears of a server that ended by itself, and nothing of one that is stopped', async () => {
  await using server = await startEmbeddedPostgres({ dataDir })
  const watching = new AbortController()
  const quiet = server.watch(watching.signal)
  watching.abort()
  await expect(quiet).resolves.toBeUndefined()
  const watched = server.watch(neverAborted())
  const heard = expect(watched).rejects.toThrow('it ended by itself (SIGKILL)')
  await server.kill9()
  await heard
})

longTest('a data folder in use is refused, and its server goes on', async () => {
  await using server = await startEmbeddedPostgres({ dataDir })
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({
    code: 'embedded_postgres_in_use',
    details: { pid: process.pid },
  })
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
})

longTest('a taken port is named as the reason, and no server stays', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const address = taken.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await expect(startEmbeddedPostgres({ dataDir, port })).rejects.toMatchObject({
    code: 'embedded_postgres_failed',
    message: expect.stringContaining('Address already in use') as string,
  })
  taken.close()
})

longTest('a start makes the cluster again if making it was killed half-way', async () => {
  const child = spawn(process.execPath, [program, dataDir, 'hang'], { stdio: 'ignore' })
  await expect
    .poll(async () => (await readdir(dataDir)).join(), { timeout: 20_000, interval: 2 })
    .toContain('pgdata.new-')
  child.kill('SIGKILL')
  await once(child, 'exit')
  await using server = await startEmbeddedPostgres({ dataDir })
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  expect((await readdir(dataDir)).join()).not.toContain('pgdata.new-')
})

longTest('a program that just ends takes its server with it', async () => {
  const { child, serverPid } = await startProgram('exit')
  if (child.exitCode === null) await once(child, 'exit')
  expect(child.exitCode).toBe(0)
  await untilGone(serverPid)
})

for (const signal of usually(1, ['SIGKILL', 'SIGINT', 'SIGTERM'])) {
  test(`a program that is ended by ${signal} takes its server with it, and the folder can be used again`, async () => {
    const { child, serverPid } = await startProgram('hang')
    child.kill(signal)
    await once(child, 'exit')
    // At once: the abandoned server may still be shutting down.
    await using server = await startEmbeddedPostgres({ dataDir })
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    await untilGone(serverPid)
  })
}

const program = join(import.meta.dirname, 'start-and-hang.ts')

async function startProgram(
  then: 'hang' | 'exit',
): Promise<{ child: ChildProcess; serverPid: number }> {
  const child = spawn(process.execPath, [program, dataDir, then], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let line = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    line += text
  })
  await expect.poll(() => line, { timeout: 30_000, interval: 10 }).toMatch(/^\d+\n$/)
  return { child, serverPid: Number(line) }
}

async function untilGone(pid: number): Promise<void> {
  const isAlive = (): boolean => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }
  await expect.poll(isAlive, { timeout: 20_000 }).toBe(false)
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(url)
  try {
    await client.connect()
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}
