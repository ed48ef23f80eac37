import { describe, expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import type { RunStream } from '../../../service/runs/schema.ts'
import type { NewLogLine } from '../../../service/runs/contract.ts'
import { newConnection, newInstance, newRun, openTestStore } from '../../support/open-test-store.ts'

function stream(name: string, change: Partial<RunStream> = {}): RunStream {
  return {
    name,
    namespace: null,
    status: 'running',
    read: 0,
    readAgain: 0,
    readBytes: 0,
    loaded: 0,
    rejected: 0,
    nulled: 0,
    cut: 0,
    bottleneck: null,
    error: null,
    warnings: [],
    tableChanges: [],
    ...change,
  }
}
const failure = new ConnectError('source_refused', { details: { reason: 'no' } }).toJSON()
/** No beat is that old; every beat is. */
const never = 3_600_000
const always = 0

describe('runs', () => {
  test('an absent namespace, an empty one and others are streams of their own', async () => {
    await using opened = await openTestStore()
    const { runs } = opened.store
    const made = await newRun(opened.store)
    await runs.claim(made.id, 'a', never)
    const streams = [
      stream('b.c', { namespace: 'a', loaded: 1 }),
      stream('c', { namespace: 'a.b', loaded: 2 }),
      stream('c', { namespace: '', loaded: 3 }),
      stream('c', { loaded: 4 }),
    ]
    for (const each of streams) await runs.progress(made.id, 'a', [each])
    expect(await runs.find(made.id)).toMatchObject({ streams, loaded: 10 })
    const more = streams.map((each) => ({ ...each, loaded: each.loaded * 10 }))
    await runs.progress(made.id, 'a', more)
    expect(await runs.find(made.id)).toMatchObject({ streams: more, loaded: 100 })
  })

  test('a run is queued, claimed, beats and ends', async () => {
    await using opened = await openTestStore()
    const { runs } = opened.store
    const made = await newRun(opened.store)
    expect(made).toMatchObject({
      connection: 'shop-to-mart',
      status: 'queued',
      trigger: 'manual',
      attempts: 0,
      retryOf: null,
      streams: [],
      warnings: [],
      startedAt: null,
    })
    expect(made.id).toMatch(/^run_[0-9A-Z]{26}$/)
    const claimed = await runs.claim(made.id, 'a', never)
    expect(claimed).toMatchObject({
      status: 'running',
      attempts: 1,
      cancelRequested: false,
      fruitlessAttempts: 0,
    })
    const orders = stream('orders', {
      read: 5,
      loaded: 4,
      rejected: 1,
      nulled: 3,
      cut: 2,
      warnings: ['w'],
      tableChanges: [{ kind: 'widened', column: 'a', type: 'text', was: 'bigint' }],
    })
    const users = stream('users', { namespace: 'public', read: 2 })
    expect(await runs.progress(made.id, 'a', [users, orders])).toBe('continue')
    expect(await runs.find(made.id)).toMatchObject({ read: 7, streams: [users, orders] })
    expect(await runs.progress(made.id, 'a', [])).toBe('continue')
    const loaded = { ...users, loaded: 2, nulled: 1, status: 'complete' } as const
    expect(await runs.progress(made.id, 'a', [loaded])).toBe('continue')
    expect(await runs.find(made.id)).toMatchObject({ read: 7, loaded: 6, rejected: 1 })
    const ended = await runs.end(made.id, 'a', {
      status: 'partial',
      streams: [{ ...orders, status: 'failed', error: failure }],
      warnings: ['a stream is gone', 'so is another\0'],
      error: failure,
    })
    expect(ended?.warnings).toEqual(['a stream is gone', 'so is another\uFFFD'])
    expect(ended).toMatchObject({ status: 'partial', error: failure, read: 7, loaded: 6 })
    expect(ended?.streams).toEqual([loaded, { ...orders, status: 'failed', error: failure }])
    expect(ended?.endedAt).not.toBeNull()
    expect(await runs.get('shop-to-mart', made.id)).toEqual(ended)
  })

  test('a connection has one active run', async () => {
    await using opened = await openTestStore()
    const { runs } = opened.store
    const first = await newRun(opened.store)
    const again = async (): Promise<unknown> =>
      runs.create({ connection: 'shop-to-mart', trigger: 'retry', retryOf: first.id })
    const refused = {
      code: 'run_active',
      details: { connection: 'shop-to-mart', run: first.id },
      suggestedFix: expect.stringContaining(`runs cancel shop-to-mart ${first.id}`) as unknown,
    }
    await expect(again()).rejects.toMatchObject(refused)
    await runs.claim(first.id, 'a', never)
    await expect(again()).rejects.toMatchObject(refused)
    await runs.end(first.id, 'a', { status: 'failed', streams: [], warnings: [], error: failure })
    const gone = { connection: 'shop-to-mart', trigger: 'retry', retryOf: 'run_gone' } as const
    await expect(runs.create(gone)).rejects.toMatchObject({ code: 'run_not_found' })
    expect(await again()).toMatchObject({ retryOf: first.id, trigger: 'retry' })
    await expect(runs.create({ connection: 'x', trigger: 'manual' })).rejects.toMatchObject({
      code: 'connection_not_found',
    })
  })

  test('an owner that stopped beating loses the run and can write no more', async () => {
    await using opened = await openTestStore()
    const { runs } = opened.store
    const { id } = await newRun(opened.store)
    await runs.claim(id, 'a', never)
    expect(await runs.claim(id, 'b', never)).toBeNull()
    expect(await runs.claim(id, 'b', always)).toMatchObject({ attempts: 2, fruitlessAttempts: 1 })
    const before = await runs.find(id)
    expect(await runs.progress(id, 'a', [stream('orders', { read: 9 })])).toBe('lost')
    expect(await runs.progress(id, 'a', [])).toBe('lost')
    expect(
      await runs.end(id, 'a', { status: 'complete', streams: [], warnings: [], error: null }),
    ).toBeNull()
    expect(
      await runs.requeue(id, 'a', {
        streams: [],
        warnings: [],
        error: null,
        progressed: true,
        delayMs: 0,
      }),
    ).toBeNull()
    expect(await runs.find(id)).toEqual(before)
    expect(await runs.progress(id, 'b', [])).toBe('continue')
  })

  test('an attempt that died counts as fruitless unless it loaded something', async () => {
    await using opened = await openTestStore()
    const { runs } = opened.store
    const { id } = await newRun(opened.store)
    await runs.claim(id, 'a', never)
    expect(await runs.claim(id, 'b', always)).toMatchObject({ fruitlessAttempts: 1 })
    await runs.progress(id, 'b', [stream('orders', { loaded: 1 })])
    expect(await runs.claim(id, 'c', always)).toMatchObject({ fruitlessAttempts: 0 })
    expect(await runs.claim(id, 'd', always)).toMatchObject({ fruitlessAttempts: 1, attempts: 4 })
  })

  test('a run that goes back into the queue counts attempts that moved no checkpoint', async () => {
    await using opened = await openTestStore()
    const { runs } = opened.store
    const { id } = await newRun(opened.store)
    const again = { streams: [], warnings: [], error: failure, progressed: false, delayMs: 60_000 }
    await runs.claim(id, 'a', never)
    expect(await runs.requeue(id, 'a', again)).toMatchObject({ status: 'queued', error: failure })
    expect(await runs.findStale(0, 10)).toEqual([])
    expect(await runs.claim(id, 'a', never)).toMatchObject({ fruitlessAttempts: 1, attempts: 2 })
    await runs.requeue(id, 'a', { ...again, progressed: true, delayMs: 0 })
    expect(await runs.findStale(0, 10)).toEqual([{ id, connection: 'shop-to-mart' }])
    expect(await runs.claim(id, 'a', never)).toMatchObject({ fruitlessAttempts: 0, attempts: 3 })
  })

  test('a queued run is cancelled at once, a running one is asked to', async () => {
    await using opened = await openTestStore()
    const { runs } = opened.store
    const first = await newRun(opened.store)
    const cancelled = await runs.cancel('shop-to-mart', first.id)
    expect(cancelled.status).toBe('cancelled')
    expect(cancelled.endedAt).not.toBeNull()
    expect(await runs.claim(first.id, 'a', always)).toBeNull()
    await expect(runs.cancel('shop-to-mart', first.id)).rejects.toMatchObject({
      code: 'run_ended',
      details: { connection: 'shop-to-mart', run: first.id },
    })
    const { id } = await runs.create({ connection: 'shop-to-mart', trigger: 'manual' })
    await runs.claim(id, 'a', never)
    expect(await runs.cancel('shop-to-mart', id)).toMatchObject({ status: 'running' })
    expect(await runs.progress(id, 'a', [])).toBe('cancel')
    expect(await runs.claim(id, 'b', always)).toMatchObject({ cancelRequested: true })
    const again = { streams: [], warnings: [], error: failure, progressed: false, delayMs: 0 }
    expect(await runs.requeue(id, 'b', again)).toMatchObject({ status: 'cancelled' })
    await expect(runs.cancel('shop-to-mart', 'run_x')).rejects.toMatchObject({
      code: 'run_not_found',
    })
    await expect(runs.cancel('other', id)).rejects.toMatchObject({ code: 'run_not_found' })
  })

  test('runs that nobody works on are found', async () => {
    await using opened = await openTestStore()
    const { runs } = opened.store
    const { id, connection } = await newRun(opened.store)
    expect(await runs.findStale(never, 10)).toEqual([])
    expect(await runs.findStale(always, 10)).toEqual([{ id, connection }])
    await runs.claim(id, 'a', never)
    expect(await runs.findStale(never, 10)).toEqual([])
    expect(await runs.findStale(always, 10)).toEqual([{ id, connection }])
    expect(await runs.findStale(always, 0)).toEqual([])
    await runs.end(id, 'a', { status: 'complete', streams: [], warnings: [], error: null })
    expect(await runs.findStale(always, 10)).toEqual([])
  })

  test('text that PostgreSQL cannot hold is kept as near as it can be', async () => {
    await using opened = await openTestStore()
    const { runs } = opened.store
    const { id } = await newRun(opened.store)
    await runs.claim(id, 'a', never)
    const odd = 'a\0b\ud800c\\u0000d\\\\'
    const plain = 'a\uFFFDb\uFFFDc\\u0000d\\\\'
    const error = new ConnectError('source_refused', { details: { reason: odd } }).toJSON()
    const stored = stream(odd, { namespace: odd, bottleneck: odd, warnings: [odd], error })
    await runs.progress(id, 'a', [stored])
    const ended = await runs.end(id, 'a', {
      status: 'failed',
      streams: [stored],
      warnings: [],
      error,
    })
    expect(ended?.error?.details).toEqual({ reason: odd })
    expect(ended?.streams).toMatchObject([
      { name: plain, namespace: plain, bottleneck: plain, warnings: [plain] },
    ])
    await runs.appendLog(id, [
      { atMs: 0, level: 'info', message: odd, fields: { odd, [odd]: 1 } },
      { atMs: 0, level: 'info', message: 'x'.repeat(10_000), fields: { x: 'x'.repeat(20_000) } },
    ])
    const [line, long] = await runs.log(id, 0, 10)
    expect(line).toMatchObject({ message: plain, fields: { odd, [odd]: 1 } })
    expect(long?.message).toHaveLength(4_000)
    expect(Object.keys(long?.fields ?? {})).toEqual(['left_out'])
  })
})

describe('the log of a run', () => {
  test('lines are numbered in the order in which they came, and the newest stay', async () => {
    await using opened = await openTestStore({ retention: { logLinesPerRun: 5 } })
    const { runs } = opened.store
    const { id } = await newRun(opened.store)
    const line = (message: string): NewLogLine => ({
      atMs: 1_000.5,
      level: 'warn',
      message,
      fields: {},
    })
    await runs.appendLog(id, ['1', '2', '3'].map(line))
    await runs.appendLog(id, [])
    await runs.appendLog(id, ['4', '5', '6', '7'].map(line))
    const lines = await runs.log(id, 0, 10)
    expect(lines.map(({ seq, message }) => [seq, message])).toEqual(
      [3, 4, 5, 6, 7].map((seq) => [seq, String(seq)]),
    )
    expect(lines[0]).toMatchObject({ at: '1970-01-01T00:00:01.000Z', level: 'warn', fields: {} })
    expect((await runs.log(id, 5, 1)).map(({ seq }) => seq)).toEqual([6])
    await runs.appendLog(
      id,
      Array.from({ length: 8 }, (_, index) => line(`n${index}`)),
    )
    expect((await runs.log(id, 0, 10)).map(({ message }) => message)).toEqual([
      'n3',
      'n4',
      'n5',
      'n6',
      'n7',
    ])
    await runs.appendLog('run_gone', [line('x')])
  })

  test('a reader that follows misses no line of several writers', async () => {
    await using opened = await openTestStore()
    const { runs } = opened.store
    const { id } = await newRun(opened.store)
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (let count = 0; count < 30; count++) {
        const message = `${writer}.${count}`
        await runs.appendLog(id, [{ atMs: 0, level: 'info', message, fields: {} }])
      }
    })
    const seen: number[] = []
    while (seen.length < 180) {
      const lines = await runs.log(id, seen.at(-1) ?? 0, 7)
      seen.push(...lines.map(({ seq }) => seq))
    }
    await Promise.all(writers)
    expect(seen).toEqual(Array.from({ length: 180 }, (_, index) => index + 1))
  })
})

describe('lists of runs', () => {
  test('the newest come first, by status too', async () => {
    await using opened = await openTestStore()
    const { runs } = opened.store
    await newInstance(opened.store)
    await newConnection(opened.store, 'c')
    expect(await runs.list('c', {})).toEqual({ items: [], next: null })
    await expect(runs.list('d', {})).rejects.toMatchObject({ code: 'connection_not_found' })
    const ids: string[] = []
    for (let count = 0; count < 5; count++) {
      const { id } = await runs.create({ connection: 'c', trigger: 'manual' })
      ids.unshift(id)
      await runs.claim(id, 'a', never)
      const status = count % 2 === 0 ? 'failed' : 'complete'
      await runs.end(id, 'a', { status, streams: [], warnings: [], error: null })
    }
    const first = await runs.list('c', { limit: 3 })
    const second = await runs.list('c', { limit: 3, cursor: first.next ?? '' })
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids)
    expect(second.next).toBeNull()
    const failed = await runs.list('c', { status: 'failed' })
    expect(failed.items.map(({ id }) => id)).toEqual([ids[0], ids[2], ids[4]])
    await expect(runs.list('c', { cursor: 'x' })).rejects.toMatchObject({ code: 'cursor_invalid' })
  })
})
