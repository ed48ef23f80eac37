import { describe, expect, test } from 'vitest'
import { newConnection, newInstance, openTestStore } from '../../support/open-test-store.ts'

const schedule = { cron: '*/15 * * * *', timezone: 'Europe/Berlin', catchUp: 'once' } as const

describe('connections', () => {
  test('a connection is kept as it was given', async () => {
    await using opened = await openTestStore()
    await newInstance(opened.store)
    const input = {
      streams: [{ name: 'orders', primaryKey: ['id'] }],
      schedule,
      options: { deletes: 'soft' },
      nextRunAt: '2030-01-01T00:00:00.123Z',
    } as const
    const made = await newConnection(opened.store, 'c', input)
    expect(made).toMatchObject({ ...input, name: 'c', from: 'shop', status: 'active', version: 1 })
    expect(made.lastRun).toBeNull()
    expect(await opened.store.connections.get('c')).toEqual(made)
    await expect(newConnection(opened.store, 'c')).rejects.toMatchObject({
      code: 'name_taken',
      details: { kind: 'connection' },
    })
  })

  test('an update changes the fields that it names, and no others', async () => {
    await using opened = await openTestStore()
    const { connections } = opened.store
    await newInstance(opened.store)
    const streams = [{ name: 'orders' }]
    const made = await newConnection(opened.store, 'c', { streams, schedule })
    const paused = await connections.update('c', { status: 'paused' }, 1)
    expect(paused).toMatchObject({ status: 'paused', streams, schedule, version: 2 })
    const cleared = await connections.update('c', { streams: null, schedule: null })
    expect(cleared).toMatchObject({ streams: null, schedule: null, status: 'paused', version: 3 })
    await expect(connections.update('c', {}, made.version)).rejects.toMatchObject({
      code: 'version_conflict',
    })
    await expect(connections.update('d', {})).rejects.toMatchObject({
      code: 'connection_not_found',
    })
  })

  test('a connection with an active run stays; else its runs and their logs go with it', async () => {
    await using opened = await openTestStore()
    const { connections, runs } = opened.store
    await newInstance(opened.store)
    await newConnection(opened.store, 'c')
    const run = await runs.create({ connection: 'c', trigger: 'manual' })
    await runs.appendLog(run.id, [{ atMs: 0, level: 'info', message: 'm', fields: {} }])
    await expect(connections.delete('c')).rejects.toMatchObject({
      code: 'connection_has_active_run',
      details: { connection: 'c', run: run.id },
    })
    await runs.cancel('c', run.id)
    await expect(connections.delete('c', 7)).rejects.toMatchObject({ code: 'version_conflict' })
    expect((await connections.delete('c', 1)).lastRun).toMatchObject({ status: 'cancelled' })
    await expect(runs.find(run.id)).rejects.toMatchObject({ code: 'run_not_found' })
    expect(await runs.log(run.id, 0, 10)).toEqual([])
    await expect(connections.delete('c')).rejects.toMatchObject({ code: 'connection_not_found' })
  })

  test('a run is not made of a connection that is being deleted', async () => {
    await using opened = await openTestStore()
    const { connections, runs } = opened.store
    await newInstance(opened.store)
    for (let round = 0; round < 20; round++) {
      await newConnection(opened.store, 'c')
      const [deleted, made] = await Promise.allSettled([
        connections.delete('c'),
        runs.create({ connection: 'c', trigger: 'manual' }),
      ])
      const codes = [deleted, made].map((result) =>
        result.status === 'rejected' ? (result.reason as { code: string }).code : 'done',
      )
      expect([
        ['done', 'connection_not_found'],
        ['connection_has_active_run', 'done'],
      ]).toContainEqual(codes)
      if (made.status === 'rejected') continue
      await runs.cancel('c', made.value.id)
      await connections.delete('c')
    }
  })

  test('the time of the next run moves only if nobody else has moved it', async () => {
    await using opened = await openTestStore()
    const { connections } = opened.store
    await newInstance(opened.store)
    const [first, second] = ['2030-01-01T00:00:00.001Z', '2030-01-01T00:15:00.000Z']
    const { id } = await newConnection(opened.store, 'c', { nextRunAt: first })
    expect(await connections.moveNextRun(id, second, first)).toBe(false)
    expect(await connections.moveNextRun(id, first, second)).toBe(true)
    expect(await connections.moveNextRun(id, first, second)).toBe(false)
    expect(await connections.get('c')).toMatchObject({ nextRunAt: second, version: 1 })
    await connections.update('c', { status: 'paused' })
    expect(await connections.moveNextRun(id, second, null)).toBe(false)
    await connections.update('c', { status: 'active' })
    expect(await connections.moveNextRun(id, second, null)).toBe(true)
    expect(await connections.moveNextRun(id, null, first)).toBe(true)
  })

  test('each connection shows its last run', async () => {
    await using opened = await openTestStore()
    const { connections, runs } = opened.store
    await newInstance(opened.store)
    for (const name of ['a', 'b', 'c']) await newConnection(opened.store, name)
    const first = await runs.create({ connection: 'b', trigger: 'manual' })
    await runs.cancel('b', first.id)
    const second = await runs.create({ connection: 'b', trigger: 'schedule' })
    const { items } = await connections.list({})
    expect(items.map(({ lastRun }) => lastRun?.id)).toEqual([undefined, second.id, undefined])
    const whole = await connections.get('b')
    expect(items[1]).not.toHaveProperty('streams')
    expect({ ...items[1], streams: whole.streams }).toEqual(whole)
    expect(await runs.get('b', second.id)).toMatchObject(items[1]?.lastRun ?? {})
  })
})
