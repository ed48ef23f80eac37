import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runSource } from '../../../cli/source/source-command.ts'
import type { SourceArguments } from '../../../cli/source/source-arguments.ts'
import {
  airbyteMessage,
  type AirbyteMessage,
  type AirbyteStream,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import { importFake } from '../../support/airbyte-process.ts'
import { newFolder } from '../../support/new-folder.ts'
import { testDatabase } from '../../support/postgres.ts'
import { neverAborted } from '../../support/signal.ts'

interface Call {
  readonly command: 'spec' | 'check' | 'discover' | 'read'
  readonly type: string
  readonly config?: JsonObject
  readonly catalog?: object
  readonly state?: JsonValue
  readonly catalogFolder?: string
}

/** The command in this process; every line is checked by the schema of the protocol. */
async function source(call: Call): Promise<{ code: number; messages: readonly AirbyteMessage[] }> {
  const folder = await newFolder('source')
  const write = async (name: string, document: unknown): Promise<string | undefined> => {
    if (document === undefined) return undefined
    const path = join(folder, `${name}.json`)
    await writeFile(path, JSON.stringify(document))
    return path
  }
  const options: SourceArguments = {
    command: call.command,
    type: call.type,
    config: await write('config', call.config),
    catalog: await write('catalog', call.catalog),
    state: await write('state', call.state),
    manifest: undefined,
    stream: undefined,
    writeCatalog: undefined,
    writeSchema: false,
    force: false,
    logLevel: 'warn',
    pages: '1',
    slices: '1',
    resolved: false,
    json: false,
  }
  let out = ''
  const code = await runSource(options, {
    write: (text) => Promise.resolve(void (out += text)),
    signal: neverAborted(),
    allowedNetworks: ['127.0.0.1/32'],
    catalogFolder: call.catalogFolder ?? folder,
    allowsProcesses: true,
    now: Date.now,
  })
  const lines = out.split('\n').filter((line) => line !== '')
  return { code, messages: lines.map((line) => airbyteMessage.parse(JSON.parse(line))) }
}

function streamsOf(messages: readonly AirbyteMessage[]): readonly AirbyteStream[] {
  return messages.flatMap((message) => (message.type === 'CATALOG' ? message.catalog.streams : []))
}

function recordsOf(messages: readonly AirbyteMessage[], stream: string) {
  return messages.flatMap((message) =>
    message.type === 'RECORD' && message.record.stream === stream ? [message.record.data] : [],
  )
}

/** The last state of each stream, as a client stores them. */
function lastStates(messages: readonly AirbyteMessage[]): JsonValue {
  const states = messages.flatMap((message) =>
    message.type === 'STATE' && message.state.type === 'STREAM' ? [message.state] : [],
  )
  const byStream = new Map(states.map((state) => [state.stream.stream_descriptor.name, state]))
  return JSON.parse(JSON.stringify([...byStream.values()])) as JsonValue
}

function countsOf(messages: readonly AirbyteMessage[]): number {
  return messages.reduce(
    (sum, message) =>
      sum + (message.type === 'STATE' ? (message.state.sourceStats?.recordCount ?? 0) : 0),
    0,
  )
}

function configured(streams: readonly AirbyteStream[], mode: string): object {
  return {
    streams: streams.map((stream) => ({
      stream,
      sync_mode: mode,
      destination_sync_mode: 'append',
      ...(mode === 'incremental' && {
        cursor_field: stream.default_cursor_field ?? ['updated_at'],
      }),
    })),
  }
}

describe('a native connector as an Airbyte source', { timeout: 120_000 }, () => {
  test('describes itself, and goes on from each of its states', async () => {
    const spec = await source({ command: 'spec', type: 'faker' })
    expect(spec.messages[0]).toMatchObject({ type: 'SPEC' })
    const stream = { name: 's', rows: 100, slices: 2, state_every: 20 }
    const config = { streams: [stream] }
    const call = { type: 'faker', config }
    const checked = await source({ ...call, command: 'check' })
    expect(checked.messages).toMatchObject([{ connectionStatus: { status: 'SUCCEEDED' } }])
    const streams = streamsOf((await source({ ...call, command: 'discover' })).messages)
    const catalog = configured(streams, 'incremental')
    const first = await source({ ...call, command: 'read', catalog })
    expect(first.code).toBe(0)
    expect(recordsOf(first.messages, 's')).toHaveLength(100)
    expect(countsOf(first.messages)).toBe(100)
    for (const [index, message] of first.messages.entries()) {
      if (message.type !== 'STATE') continue
      const state = lastStates(first.messages.slice(0, index + 1))
      const rest = await source({ ...call, command: 'read', catalog, state })
      const before = recordsOf(first.messages.slice(0, index), 's').length
      expect(recordsOf(rest.messages, 's')).toHaveLength(100 - before)
    }
    const grown = { streams: [{ ...stream, rows: 107 }] }
    const state = lastStates(first.messages)
    const next = await source({ ...call, config: grown, command: 'read', catalog, state })
    expect(recordsOf(next.messages, 's')).toHaveLength(7)
  })

  test('of PostgreSQL gives values as they are, and the next read what is new', async () => {
    await using database = await testDatabase()
    await database.query(
      'CREATE TABLE orders (id int PRIMARY KEY, price numeric, tags text[], at timestamptz, updated_at timestamp)',
    )
    const insert = (from: number, to: number): Promise<unknown> =>
      database.query(
        `INSERT INTO orders SELECT n, 1.50, ARRAY['a'], '2026-01-01T00:00:00Z', '2026-01-01'::timestamp + n * interval '1 second' FROM generate_series(${from}, ${to}) n`,
      )
    await insert(1, 1_000)
    const { address } = database
    const config = { ...address, password: address.password, schemas: ['public'] }
    const call = { type: 'postgres', config: JSON.parse(JSON.stringify(config)) as JsonObject }
    const discovered = streamsOf((await source({ ...call, command: 'discover' })).messages)
    const streams = discovered.map((stream) => ({
      ...stream,
      default_cursor_field: ['updated_at'],
    }))
    const catalog = configured(streams, 'incremental')
    const first = await source({ ...call, command: 'read', catalog })
    expect(first.code, JSON.stringify(first.messages)).toBe(0)
    const records = recordsOf(first.messages, 'orders')
    expect(records).toHaveLength(1_000)
    expect(records.find(({ id }) => id === 7)).toMatchObject({
      price: 1.5,
      tags: ['a'],
      at: expect.stringMatching(/^2026-01-01T00:00:00/) as unknown,
    })
    expect(countsOf(first.messages)).toBe(1_000)
    await insert(1_001, 1_010)
    const state = lastStates(first.messages)
    const next = await source({ ...call, command: 'read', catalog, state })
    const fresh = recordsOf(next.messages, 'orders').map(({ id }) => Number(id))
    expect(fresh.filter((id) => id > 1_000).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 10 }, (_, index) => 1_001 + index),
    )
    expect(fresh.length).toBeLessThan(20)
    const full = await source({
      ...call,
      command: 'read',
      catalog: configured(streams, 'full_refresh'),
    })
    expect(recordsOf(full.messages, 'orders')).toHaveLength(1_010)
  })

  test('of changes of PostgreSQL reads its streams together, and goes on from their states', async () => {
    await using database = await testDatabase()
    for (const table of ['goods', 'sales']) {
      await database.query(`CREATE TABLE ${table} (id int PRIMARY KEY, name text)`)
      await database.query(`INSERT INTO ${table} SELECT n, 'n' FROM generate_series(1, 50) n`)
    }
    const slot = `source_${database.address.database}`
    const config = JSON.parse(
      JSON.stringify({ ...database.address, replication: 'cdc', slot, schemas: ['public'] }),
    ) as JsonObject
    const call = { type: 'postgres', config }
    const streams = streamsOf((await source({ ...call, command: 'discover' })).messages)
    const catalog = configured(streams, 'incremental')
    const first = await source({ ...call, command: 'read', catalog })
    expect(first.code, JSON.stringify(first.messages.slice(-3))).toBe(0)
    expect(recordsOf(first.messages, 'goods')).toHaveLength(50)
    expect(recordsOf(first.messages, 'sales')).toHaveLength(50)
    await database.query("UPDATE goods SET name = 'changed' WHERE id = 7")
    await database.query('DELETE FROM sales WHERE id = 8')
    const state = lastStates(first.messages)
    const next = await source({ ...call, command: 'read', catalog, state })
    expect(next.code, JSON.stringify(next.messages.slice(-3))).toBe(0)
    expect(recordsOf(next.messages, 'goods')).toMatchObject([{ id: 7, name: 'changed' }])
    expect(recordsOf(next.messages, 'sales')).toMatchObject([
      { id: 8, _ab_cdc_deleted_at: expect.any(String) as unknown },
    ])
    const last = await source({
      ...call,
      command: 'read',
      catalog,
      state: lastStates(next.messages),
    })
    expect(recordsOf(last.messages, 'goods')).toHaveLength(0)
    // The reader waits some seconds for the commits of a destination.
    const active = (): Promise<unknown> =>
      database.query('SELECT active FROM pg_replication_slots WHERE slot_name = $1', [slot])
    await expect.poll(active, { timeout: 20_000 }).toEqual([{ active: false }])
    await database.query(`SELECT pg_drop_replication_slot('${slot}')`)
  })

  test('fails as the protocol says: no secret, the stream named, exit code 1', async () => {
    const config = {
      host: '127.0.0.1',
      port: 1,
      database: 'x',
      user: 'u',
      password: 'very-secret-1',
    }
    const call = { type: 'postgres', config }
    const checked = await source({ ...call, command: 'check' })
    expect(checked).toMatchObject({
      code: 0,
      messages: [{ connectionStatus: { status: 'FAILED' } }],
    })
    const failed = await source({ ...call, command: 'discover' })
    expect(failed.code).toBe(1)
    expect(failed.messages.at(-1)).toMatchObject({ type: 'TRACE', trace: { type: 'ERROR' } })
    expect(JSON.stringify(failed.messages)).not.toContain('very-secret-1')
  })

  test('may be an external connector', async () => {
    const catalogFolder = await newFolder('catalog')
    importFake(catalogFolder)
    const call = { type: 'fake', config: { rows: 30, api_key: 'k-1234567' }, catalogFolder }
    const streams = streamsOf((await source({ ...call, command: 'discover' })).messages)
    const catalog = configured(
      streams.filter(({ name }) => name === 'orders'),
      'incremental',
    )
    const first = await source({ ...call, command: 'read', catalog })
    expect(recordsOf(first.messages, 'orders')).toHaveLength(30)
    const state = lastStates(first.messages)
    const next = await source({ ...call, command: 'read', catalog, state })
    expect(recordsOf(next.messages, 'orders')).toHaveLength(0)
  })
})
