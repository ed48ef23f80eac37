import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fakerConnector } from '../../connectors/faker/connector.ts'
import { columnsOf, type JsonObject } from '../../protocol/index.ts'
import {
  contextOf,
  discovered,
  fullRefreshOf,
  incrementalOf,
  readAll,
  rowsOf,
  statesOf,
} from './collected.ts'
import { newFolder } from '../support/new-folder.ts'

const config = (stream: JsonObject, seed = 1) => ({
  seed,
  streams: [{ name: 's', rows: 2000, ...stream }],
})
const streamOf = async (faker: JsonObject) => discovered(fakerConnector, faker, 's')

async function rowsFor(faker: JsonObject) {
  return rowsOf(
    await readAll(fakerConnector, faker, { stream: fullRefreshOf(await streamOf(faker)) }),
  )
}

test('a record depends on the seed, the stream and its number only', async () => {
  const whole = await rowsFor(config({}))
  expect(await rowsFor(config({ slices: 7 }))).toEqual(whole)
  expect(await rowsFor(config({ state_every: 13 }))).toEqual(whole)
  expect(await rowsFor(config({}, 2))).not.toEqual(whole)
})

test('a row is about as large as a row of a business table, and as `row_bytes` says', async () => {
  const average = async (faker: JsonObject) => {
    const rows = await rowsFor(config(faker))
    return rows.reduce((sum, row) => sum + Buffer.byteLength(JSON.stringify(row)), 0) / rows.length
  }
  expect(await average({})).toBeGreaterThan(300)
  expect(await average({})).toBeLessThan(400)
  const padded = await average({ row_bytes: 2000 })
  expect(Math.abs(padded - 2000)).toBeLessThan(300) // one row in seven has no text to pad
})

test('the columns have the kinds that their values have, and some values are null', async () => {
  const stream = await streamOf(config({}))
  expect(columnsOf(stream.json_schema).map(({ kind }) => kind)).toEqual([
    'integer',
    'string',
    'string',
    'string',
    'number',
    'double',
    'boolean',
    'boolean',
    'date',
    'timestamptz',
    'timestamptz',
    'json',
  ])
  const rows = await rowsFor(config({}))
  for (const name of ['notes', 'score', 'verified', 'born']) {
    const nulls = rows.filter((row) => row[name] === null).length
    expect(nulls, name).toBeGreaterThan(100)
    expect(nulls, name).toBeLessThan(1000)
  }
})

test('wherever a full refresh is stopped, what follows is exactly the rest', async () => {
  const faker = config({ state_every: 100 })
  const stream = fullRefreshOf(await streamOf(faker))
  const whole = await rowsFor(faker)
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 2000 }), async (stopAfter) => {
      const first = await readAll(fakerConnector, faker, { stream, stopAfter })
      const rest = await readAll(fakerConnector, faker, { stream, states: statesOf(first) })
      expect([...rowsOf(first), ...rowsOf(rest)]).toEqual(whole)
    }),
    { numRuns: 20 },
  )
})

test.each([1, 3])(
  'an incremental read of %i slices goes on with the rows that were added',
  async (slices) => {
    const stream = incrementalOf(await streamOf(config({})), 'updated_at')
    const first = await readAll(fakerConnector, config({ slices }), { stream })
    const more = await readAll(fakerConnector, config({ slices, rows: 2600 }), {
      stream,
      states: statesOf(first),
    })
    expect(rowsOf(more).map(({ id }) => id)).toEqual(
      Array.from({ length: 600 }, (_, i) => 2001 + i),
    )
  },
)

test('`rows_per_second` slows it down, and a stop does not wait', async () => {
  const faker = config({ rows_per_second: 1000, rows: 1_000_000 })
  const stream = fullRefreshOf(await streamOf(faker))
  const started = performance.now()
  const [run] = await readAll(fakerConnector, faker, { stream, stopAfter: 1000 })
  expect(run?.outcome).toBe('stopped')
  // All rows take a quarter of an hour: it ends only because it was stopped. That it is not quicker than it
  // may be is the promise.
  expect(performance.now() - started).toBeGreaterThan(400)
})

describe('a failure that was asked for', () => {
  test.each([
    ['error', 'simulated_failure', true],
    ['config_error', 'simulated_config_error', false],
  ])('of kind %s comes at its row, after the rows before it', async (kind, code, retryable) => {
    const faker = config({ state_every: 100, fail: { at_row: 1234, kind } })
    const stream = fullRefreshOf(await streamOf(faker))
    await expect(readAll(fakerConnector, faker, { stream })).rejects.toMatchObject({
      code,
      retryable,
      details: { row: 1234 },
    })
    const from = new Map([['', { next: 1234, to: null }]])
    await expect(readAll(fakerConnector, faker, { stream, states: from })).rejects.toMatchObject({
      code,
    })
    const after = new Map([['', { next: 1235, to: null }]])
    expect(rowsOf(await readAll(fakerConnector, faker, { stream, states: after })).length).toBe(765)
  })

  test('happens as often as it says', async () => {
    const folder = await newFolder('faker')
    const faker = config({
      fail: { at_row: 10, kind: 'error', times: 2, counter_file: join(folder, 'count') },
    })
    await expect(rowsFor(faker)).rejects.toMatchObject({ code: 'simulated_failure' })
    await expect(rowsFor(faker)).rejects.toMatchObject({ code: 'simulated_failure' })
    expect((await rowsFor(faker)).length).toBe(2000)
  })

  test.each([
    ['exit', 'exited with 86'],
    ['out_of_memory', 'ERR_WORKER_OUT_OF_MEMORY'],
  ])('of kind %s ends the worker thread and not the process', async (kind, end) => {
    const faker = config({ fail: { at_row: 10, kind } })
    const task = {
      config: faker,
      stream: fullRefreshOf(await streamOf(faker)),
      slice: '',
      state: null,
      session: null,
    }
    const registry = new URL('../../connectors/registry.ts', import.meta.url).href
    const code = `
      import { workerData } from 'node:worker_threads'
      const { connectorOf } = await import(${JSON.stringify(registry)})
      const out = { records: async () => {}, state: async () => {} }
      await (await connectorOf('faker')).read(workerData, out, { signal: new AbortController().signal, now: Date.now })`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
      workerData: task,
      resourceLimits: { maxOldGenerationSizeMb: 32 },
    })
    const ended = await new Promise<string>((resolve) => {
      worker.on('error', (error: Error & { code?: string }) => {
        resolve(error.code ?? error.message)
      })
      worker.on('exit', (exit) => {
        resolve(`exited with ${exit}`)
      })
    })
    expect(ended).toBe(end)
  })

  test('needs a file for its count, and the configuration says so', async () => {
    const faker = config({ fail: { at_row: 10, kind: 'error', times: 2 } })
    const status = await fakerConnector.check(faker, contextOf())
    expect(status.message).toContain('`streams.0.fail.counter_file`: is needed with `times`')
  })

  test('counts its failures among the temporary files only', async () => {
    for (const path of ['/etc/hosts', join(tmpdir(), '..', 'elsewhere'), 'count']) {
      const faker = config({ fail: { at_row: 10, kind: 'error', times: 2, counter_file: path } })
      const status = await fakerConnector.check(faker, contextOf())
      expect(status.status).toBe('FAILED')
      expect(status.message).toContain('must be in the folder for temporary files')
    }
  })
})
