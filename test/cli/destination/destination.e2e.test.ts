import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { airbyteMessage, type AirbyteMessage, type JsonObject } from '../../../protocol/index.ts'
import { newFolder } from '../../support/new-folder.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { builtProgram } from '../../support/program.ts'

interface Call {
  readonly command: 'spec' | 'check' | 'write'
  readonly config?: object
  readonly catalog?: object
  readonly messages?: readonly object[]
}

async function destination({ command, messages = [], ...files }: Call): Promise<{
  code: number | null
  messages: readonly AirbyteMessage[]
}> {
  const folder = await newFolder('destination')
  const args: string[] = []
  for (const [name, document] of Object.entries(files)) {
    const path = join(folder, `${name}.json`)
    await writeFile(path, JSON.stringify(document))
    args.push(`--${name}`, path)
  }
  const child = spawn(
    process.execPath,
    [builtProgram(), 'connect', 'destination', command, '--type', 'postgres', ...args],
    { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env.PATH } },
  )
  child.stdin.on('error', () => undefined)
  child.stdin.end(messages.map((message) => `${JSON.stringify(message)}\n`).join(''))
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [code, out, errors] = await Promise.all([closed, text(child.stdout), text(child.stderr)])
  const lines = out.split('\n').filter((line) => line !== '')
  if (errors !== '') throw new Error(errors)
  return { code, messages: lines.map((line) => airbyteMessage.parse(JSON.parse(line))) }
}

const stream = (name: string): object => ({
  name,
  json_schema: {
    type: 'object',
    properties: { id: { type: 'integer' }, item: { type: ['null', 'string'] } },
  },
  supported_sync_modes: ['full_refresh', 'incremental'],
  source_defined_cursor: true,
  default_cursor_field: ['id'],
  source_defined_primary_key: [['id']],
})

function catalogOf(names: readonly string[], modes: object): object {
  return { streams: names.map((name) => ({ stream: stream(name), ...modes })) }
}

const append = { sync_mode: 'incremental', destination_sync_mode: 'append', cursor_field: ['id'] }
const overwrite = { sync_mode: 'full_refresh', destination_sync_mode: 'overwrite' }

const record = (name: string, id: number): object => ({
  type: 'RECORD',
  record: { stream: name, data: { id, item: `item ${id}` }, emitted_at: 1_767_225_600_000 },
})
const state = (name: string, next: number, count: number): object => ({
  type: 'STATE',
  state: {
    type: 'STREAM',
    stream: { stream_descriptor: { name }, stream_state: { next } },
    sourceStats: { recordCount: count },
  },
})
const status = (name: string, to: string): object => ({
  type: 'TRACE',
  trace: {
    type: 'STREAM_STATUS',
    emitted_at: 1,
    stream_status: { stream_descriptor: { name }, status: to },
  },
})

/** Records `from` … `to` - 1, with a state after every ten. */
function records(name: string, from: number, to: number): readonly object[] {
  const messages: object[] = []
  for (let id = from; id < to; id += 1) {
    messages.push(record(name, id))
    if ((id + 1 - from) % 10 === 0) messages.push(state(name, id + 1, 10))
  }
  return messages
}

function configOf(database: TestDatabase): JsonObject {
  const { host, port, user, password, database: name } = database.address
  return { host, port, user, password, database: name, schema: 'copy', connection: 'c' }
}

async function rowsOf(database: TestDatabase, table: string): Promise<unknown> {
  const [row] = await database.query(
    `SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM copy.${table}`,
  )
  return row
}

function statesOf(messages: readonly AirbyteMessage[]): readonly unknown[] {
  return messages.flatMap((message) =>
    message.type === 'STATE' && message.state.type === 'STREAM'
      ? [[message.state.stream.stream_descriptor.name, message.state.stream.stream_state]]
      : [],
  )
}

describe.concurrent('the Airbyte destination', { timeout: 120_000 }, () => {
  test('describes itself, and checks', async () => {
    const spec = await destination({ command: 'spec' })
    expect(spec).toMatchObject({ code: 0, messages: [{ type: 'SPEC' }] })
    await using database = await testDatabase()
    const right = await destination({ command: 'check', config: configOf(database) })
    expect(right.messages).toMatchObject([{ connectionStatus: { status: 'SUCCEEDED' } }])
    const config = { ...configOf(database), port: 1 }
    const wrong = await destination({ command: 'check', config })
    expect(wrong.messages.at(-1)).toMatchObject({ connectionStatus: { status: 'FAILED' } })
  })

  test('loads streams that come mixed, and returns each state when it is committed', async () => {
    await using database = await testDatabase()
    const config = configOf(database)
    const catalog = catalogOf(['a', 'b'], append)
    const [a, b] = [records('a', 0, 30), records('b', 0, 20)]
    const mixed = a.flatMap((message, index) => [message, ...b.slice(index, index + 1)])
    const messages = [...mixed, status('a', 'COMPLETE'), status('b', 'COMPLETE')]
    const first = await destination({ command: 'write', config, catalog, messages })
    expect(first.code, JSON.stringify(first.messages)).toBe(0)
    expect(await rowsOf(database, 'a')).toEqual({ rows: 30, ids: 30 })
    expect(await rowsOf(database, 'b')).toEqual({ rows: 20, ids: 20 })
    const states = statesOf(first.messages)
    expect(states).toHaveLength(5)
    expect(states).toContainEqual(['a', { next: 30 }])
    expect(states).toContainEqual(['b', { next: 20 }])
    const more = [...records('a', 30, 40), status('a', 'COMPLETE'), status('b', 'COMPLETE')]
    const next = await destination({ command: 'write', config, catalog, messages: more })
    expect(next.code, JSON.stringify(next.messages)).toBe(0)
    expect(await rowsOf(database, 'a')).toEqual({ rows: 40, ids: 40 })
  })

  test('replaces a table only when the source has completed the stream', async () => {
    await using database = await testDatabase()
    const config = configOf(database)
    const catalog = catalogOf(['a'], overwrite)
    const whole = [...records('a', 0, 20), status('a', 'COMPLETE')]
    const first = await destination({ command: 'write', config, catalog, messages: whole })
    expect(first.code, JSON.stringify(first.messages)).toBe(0)
    const part = records('a', 0, 10)
    const cut = await destination({ command: 'write', config, catalog, messages: part })
    expect(cut.code).toBe(1)
    expect(cut.messages.at(-1)).toMatchObject({ type: 'TRACE', trace: { type: 'ERROR' } })
    expect(await rowsOf(database, 'a')).toEqual({ rows: 20, ids: 20 })
    const again = [...records('a', 0, 30), status('a', 'COMPLETE')]
    const last = await destination({ command: 'write', config, catalog, messages: again })
    expect(last.code, JSON.stringify(last.messages)).toBe(0)
    expect(await rowsOf(database, 'a')).toEqual({ rows: 30, ids: 30 })
  })

  test('loads nothing of a source that ends in the middle but what its states cover', async () => {
    await using database = await testDatabase()
    const config = configOf(database)
    const catalog = catalogOf(['a'], append)
    const messages = records('a', 0, 25)
    const cut = await destination({ command: 'write', config, catalog, messages })
    expect(cut.code).toBe(1)
    expect(await rowsOf(database, 'a')).toEqual({ rows: 20, ids: 20 })
    expect(statesOf(cut.messages).at(-1)).toEqual(['a', { next: 20 }])
    const rest = [...records('a', 20, 40), status('a', 'COMPLETE')]
    const next = await destination({ command: 'write', config, catalog, messages: rest })
    expect(next.code, JSON.stringify(next.messages)).toBe(0)
    expect(await rowsOf(database, 'a')).toEqual({ rows: 40, ids: 40 })
  })
})
