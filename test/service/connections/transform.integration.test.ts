import { describe, expect, test } from 'vitest'
import {
  functionsServer,
  mapping,
  type CalledFunction,
  type FunctionsServer,
} from '../../fakes/functions-service.ts'
import { dumpOf } from '../../support/all-texts.ts'
import { runToEnd, testService, type TestService } from '../../support/test-service.ts'

const config = { streams: ['a', 'b'].map((name) => ({ name, rows: 100, columns: 'narrow' })) }
const shop = { name: 'shop', from: 'fake', destination: 'data:shop', activate: true } as const
const transformed = [{ name: 'a', transform: 'function:clean' }, { name: 'b' }]
const retries = { maxFruitless: 0, firstDelayMs: 10, maxDelayMs: 10 }

async function serviceWith(
  functions: FunctionsServer,
  environment: Readonly<Record<string, string>> = {},
): Promise<TestService> {
  return testService({
    logLevel: 'trace',
    isOneDatabase: true,
    environment: {
      REACTOR_CONNECT_FUNCTIONS_URL: functions.url,
      REACTOR_CONNECT_FUNCTIONS_API_KEY: functions.apiKey,
      ...environment,
    },
  })
}

/** Rejects one record, and names the key of the service. */
const rejectsOne =
  (key: () => string): CalledFunction =>
  (call) => {
    let count = 0
    return mapping((record) => (count++ === 3 ? `the key is ${key()}` : record))(call)
  }

describe('a connection with a transformation', () => {
  test('runs through the function, and stores the key of the service nowhere', async () => {
    await using functions = await functionsServer(rejectsOne(() => functions.apiKey))
    await using test = await serviceWith(functions)
    const { instances, connections, runs, sandboxes } = test.service
    await instances.create({ name: 'fake', type: 'faker', config })
    const made = await connections.create({ ...shop, streams: transformed })
    expect(made.streams).toEqual(transformed)
    const sandbox = await sandboxes.run('shop', { limitRows: 10, principal: 'key_1' })
    expect(sandbox.report.streams).toMatchObject([
      { name: 'a', read: 10, rejected: 1 },
      { name: 'b', read: 10, rejected: 0 },
    ])
    test.work({ retries })
    const run = await runToEnd(runs, await runs.start('shop'))
    expect(run).toMatchObject({ status: 'partial', loaded: 199, rejected: 1 })
    expect(run.streams[0]?.warnings.join()).toContain('function:clean: the key is ***')
    expect(new Set(functions.calls.map(({ name }) => name))).toEqual(new Set(['clean']))
    expect(functions.calls[0]?.text).toMatch(/^\{"stream":\{"name":"a","namespace":null\},/)
    const texts = [await dumpOf(test.metadata), await dumpOf(test.data), test.logged.join('\n')]
    for (const text of [...texts, JSON.stringify([made, sandbox, run])])
      expect(text).not.toContain(functions.apiKey)
    expect(texts[0]).toContain('function:clean')
  })

  test('can be given one later, another one, and none', async () => {
    await using functions = await functionsServer(mapping((record) => record))
    await using test = await serviceWith(functions)
    const { instances, connections } = test.service
    await instances.create({ name: 'fake', type: 'faker', config })
    await connections.create({ ...shop, streams: [{ name: 'a' }] })
    const changed = await connections.update('shop', { streams: transformed })
    expect(changed.streams).toEqual(transformed)
    const cleared = await connections.update('shop', { streams: [{ name: 'a' }] })
    expect(cleared.streams).toEqual([{ name: 'a' }])
  })

  test('fails with the code of what the function did', async () => {
    await using functions = await functionsServer(() => ({ status: 403, body: '' }))
    await using test = await serviceWith(functions)
    const { instances, connections, runs } = test.service
    await instances.create({ name: 'fake', type: 'faker', config })
    await connections.create({ ...shop, streams: transformed })
    test.work({ retries })
    const run = await runToEnd(runs, await runs.start('shop'))
    expect(run.status).toBe('partial')
    expect(run.streams).toMatchObject([
      { name: 'a', status: 'failed', error: { code: 'transform_refused' } },
      { name: 'b', status: 'complete', loaded: 100 },
    ])
  })

  test('is refused if no Functions service is set', async () => {
    await using test = await testService({ isOneDatabase: true })
    const { instances, connections } = test.service
    await instances.create({ name: 'fake', type: 'faker', config })
    const refusal: unknown = expect.objectContaining({
      code: 'transform_not_available',
      details: { stream: 'a', function: 'clean' },
    })
    await expect(connections.create({ ...shop, streams: transformed })).rejects.toEqual(refusal)
    await connections.create({ ...shop, streams: [{ name: 'a' }] })
    await expect(connections.update('shop', { streams: transformed })).rejects.toEqual(refusal)
    // The setting was removed after the connection had been made.
    await test.store.connections.update('shop', { streams: transformed })
    const { runs } = test.service
    test.work({ retries })
    const run = await runToEnd(runs, await runs.start('shop'))
    expect(run.streams).toMatchObject([
      { name: 'a', status: 'failed', error: { code: 'transform_not_available' } },
      { name: 'b', status: 'complete' },
    ])
  })
})
