import { expect, test } from 'vitest'
import type { ErrorCodeName, JsonObject } from '../../../protocol/index.ts'
import type { Service } from '../../../service/service.ts'
import { runToEnd, testService } from '../../support/test-service.ts'
import { longTest } from '../../support/long.ts'

const append = { syncMode: 'incremental', destinationSyncMode: 'append' } as const

function fakerConfig(rows: number): JsonObject {
  return { streams: ['a', 'b'].map((name) => ({ name, rows, columns: 'narrow' })) }
}

async function makeShop({ instances, connections }: Service): Promise<void> {
  await instances.create({ name: 'fake', type: 'faker', config: fakerConfig(100) })
  await connections.create({
    name: 'shop',
    from: 'fake',
    destination: 'data:shop',
    activate: true,
    streams: [
      { name: 'a', ...append },
      { name: 'b', ...append },
    ],
  })
}

function refusal(code: ErrorCodeName): Error {
  return expect.objectContaining({ code }) as Error
}

test('what is wrong with a connection is said before it is made', async () => {
  await using test = await testService()
  const { instances, connections } = test.service
  await instances.create({ name: 'fake', type: 'faker', config: fakerConfig(1) })
  const good = { name: 'shop', from: 'fake', destination: 'data:shop' }
  const wrong: readonly (readonly [object, ErrorCodeName])[] = [
    [{ streams: [{ name: 'c' }] }, 'stream_not_found'],
    [{ streams: [{ name: 'a', primaryKey: ['nothing'] }] }, 'stream_column_not_found'],
    [{ from: 'nobody' }, 'instance_not_found'],
    [{ destination: 'postgres:away' }, 'destination_unreachable'],
    [{ destination: 's3:bucket' }, 'destination_not_available'],
    [{ schedule: { cron: 'often' } }, 'schedule_invalid'],
    [{ options: { log: 'kafka' } }, 'log_not_available'],
  ]
  for (const [part, code] of wrong)
    await expect(connections.create({ ...good, ...part }), code).rejects.toThrow(refusal(code))
  expect(await connections.list({})).toMatchObject({ items: [] })
  const made = await connections.create({ ...good, schedule: { cron: '0 6 * * *' } })
  expect(made).toMatchObject({ streams: null, status: 'inactive', nextRunAt: null, lastRun: null })
  await expect(connections.create(good)).rejects.toThrow(refusal('name_taken'))
  const unnamed = await connections.create({ name: 'shop-eu', from: 'fake' })
  expect(unnamed.destination).toBe('data:shop_eu')
})

test('a paused connection has no next run, and its schedule holds from when it goes on', async () => {
  await using test = await testService()
  const { connections } = test.service
  await makeShop(test.service)
  expect((await connections.get('shop')).nextRunAt).toBeNull()
  const scheduled = await connections.update('shop', { schedule: { cron: '0 6 * * *' } })
  expect(scheduled.nextRunAt).toMatch(/T06:00:00.000Z$/)
  const paused = await connections.setPaused('shop', true)
  expect(paused).toMatchObject({ status: 'paused', nextRunAt: null })
  const changed = await connections.update('shop', { schedule: { cron: '0 7 * * *' } })
  expect(changed.nextRunAt).toBeNull()
  await expect(connections.update('shop', { schedule: { cron: 'x' } })).rejects.toThrow(
    refusal('schedule_invalid'),
  )
  const resumed = await connections.setPaused('shop', false)
  expect(resumed).toMatchObject({ status: 'active', schedule: { cron: '0 7 * * *' } })
  expect(resumed.nextRunAt).toMatch(/T07:00:00.000Z$/)
  expect((await connections.update('shop', { schedule: null })).nextRunAt).toBeNull()
})

test('a description is kept, changed and taken away, and changes nothing else', async () => {
  await using test = await testService()
  const { connections } = test.service
  await makeShop(test.service)
  const before = await connections.get('shop')
  expect(before.description).toBeNull()
  const text = 'Orders — for the dashboard.\nAsk Ada 🦊 first.'
  const described = await connections.update('shop', { description: text })
  expect(described).toEqual({
    ...before,
    description: text,
    version: before.version + 1,
    updatedAt: described.updatedAt,
  })
  expect((await connections.get('shop')).description).toBe(text)
  expect((await connections.update('shop', { description: null })).description).toBeNull()
})

longTest('a reset stream is read from its beginning, the others go on', async () => {
  await using test = await testService()
  const { connections, runs } = test.service
  await makeShop(test.service)
  const first = await runs.start('shop')
  await expect(connections.reset('shop')).rejects.toThrow(refusal('connection_has_active_run'))
  test.work()
  expect(await runToEnd(runs, first)).toMatchObject({ status: 'complete', loaded: 200 })
  expect(await runToEnd(runs, await runs.start('shop'))).toMatchObject({ loaded: 0 })
  await expect(connections.reset('shop', ['c'])).rejects.toThrow(refusal('stream_not_found'))
  await connections.reset('shop', ['b'])
  const again = await runToEnd(runs, await runs.start('shop'))
  expect(again.streams).toMatchObject([
    { name: 'a', loaded: 0 },
    { name: 'b', loaded: 100 },
  ])
  await connections.reset('shop')
  expect(await runToEnd(runs, await runs.start('shop'))).toMatchObject({ loaded: 200 })
  // Its tables are not for another connection, unless both only append.
  const other = { name: 'other', from: 'fake', destination: 'data:shop' }
  const refused = connections.create({ ...other, streams: [{ name: 'a' }] })
  await expect(refused).rejects.toThrow(refusal('destination_table_shared'))
  await connections.create({ ...other, streams: [{ name: 'a', ...append }] })
})

longTest('a connection that is made anew knows nothing of the one before it', async () => {
  await using test = await testService()
  const { connections, runs } = test.service
  await makeShop(test.service)
  test.work()
  expect(await runToEnd(runs, await runs.start('shop'))).toMatchObject({ loaded: 200 })
  await connections.delete('shop')
  await connections.create({
    name: 'shop',
    from: 'fake',
    destination: 'data:shop',
    activate: true,
    streams: [{ name: 'a', ...append }],
  })
  expect(await runToEnd(runs, await runs.start('shop'))).toMatchObject({ loaded: 100 })
  expect(await test.data.query('SELECT count(*)::int AS count FROM shop.a')).toEqual([
    { count: 200 },
  ])
})
