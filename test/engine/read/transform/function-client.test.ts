import { describe, expect, test } from 'vitest'
import {
  FunctionClient,
  type FunctionClientOptions,
} from '../../../../engine/read/transform/function-client.ts'
import {
  functionsServer,
  unchanged,
  type CalledFunction,
  type FunctionResponse,
  type FunctionsServer,
} from '../../../fakes/functions-service.ts'

const never = new AbortController().signal

function clientOf(
  { url, apiKey }: Pick<FunctionsServer, 'url' | 'apiKey'>,
  options: Partial<FunctionClientOptions> = {},
): FunctionClient {
  return new FunctionClient({
    service: { url: `${url}/`, apiKey },
    name: 'clean',
    stream: { namespace: 'public', name: 'orders' },
    stop: never,
    now: Date.now,
    onPause: () => undefined,
    pauseMs: () => 1,
    ...options,
  })
}

/** The responses one after the other; then the records as they came. */
const responding =
  (...responses: readonly (FunctionResponse | undefined)[]): CalledFunction =>
  (call) =>
    call.number <= responses.length ? responses[call.number - 1] : unchanged(call)

describe('a function that transforms', () => {
  test('is called with the stream and the records, digit by digit', async () => {
    await using server = await functionsServer(unchanged)
    const results = await clientOf(server).transform(['{"id":9007199254740993}', '{}'], never)
    expect(results).toEqual([{ record: { id: 9007199254740993n } }, { record: {} }])
    expect(server.calls).toEqual([
      {
        name: 'clean',
        number: 1,
        text: '{"stream":{"name":"orders","namespace":"public"},"records":[{"id":9007199254740993},{}]}',
      },
    ])
  })

  test.each([
    ['a lost connection', undefined],
    ['429', { status: 429, body: '' }],
    ['408', { status: 408, body: '' }],
    ['500', { status: 500, body: 'oops' }],
    ['503', { status: 503, body: '' }],
  ])('is called again after %s', async (_what, response) => {
    await using server = await functionsServer(responding(response, response))
    expect(await clientOf(server).transform(['{"id":1}'], never)).toEqual([{ record: { id: 1 } }])
    expect(server.calls).toHaveLength(3)
  })

  test('is called again if it does not respond in time', async () => {
    const held = Promise.withResolvers<undefined>()
    await using server = await functionsServer((call) =>
      call.number === 1 ? held.promise : unchanged(call),
    )
    const client = clientOf(server, { timeoutMs: 100 })
    expect(await client.transform(['{"id":1}'], never)).toEqual([{ record: { id: 1 } }])
    held.resolve(undefined)
  })

  test('has failed after five attempts', async () => {
    await using server = await functionsServer(() => ({ status: 503, body: 'secret text' }))
    await expect(clientOf(server).transform(['{}'], never)).rejects.toMatchObject({
      code: 'transform_failed',
      retryable: true,
      message:
        'The function clean did not transform the records of stream public.orders: it responded with status 503',
    })
    expect(server.calls).toHaveLength(5)
  })

  test('gets the pause that it asks for, and the others wait too', async () => {
    const limited = { status: 429, headers: { 'retry-after': '1' }, body: '' }
    const times: number[] = []
    await using server = await functionsServer((call) => {
      times.push(Date.now())
      return responding(limited)(call)
    })
    const pauses: number[] = []
    const client = clientOf(server, { onPause: (untilMs) => pauses.push(untilMs) })
    const started = Date.now()
    const first = client.transform(['{}'], never)
    await expect.poll(() => pauses.length).toBe(1)
    await client.transform(['{"id":2}'], never)
    await first
    expect(Date.now() - started).toBeGreaterThanOrEqual(990)
    expect(times.slice(1).every((time) => time - (times[0] ?? 0) >= 990)).toBe(true)
    expect(times).toHaveLength(3)
    expect(pauses[0]).toBeGreaterThanOrEqual(started + 1_000)
  })

  test('has failed at once if it asks for a long pause', async () => {
    const limited = { status: 503, headers: { 'retry-after': '3600' }, body: '' }
    await using server = await functionsServer(() => limited)
    await expect(clientOf(server).transform(['{}'], never)).rejects.toMatchObject({
      code: 'transform_failed',
    })
    expect(server.calls).toHaveLength(1)
  })

  test.each([
    [401, ''],
    [404, ''],
    [302, ''],
  ])('is not called again after status %i', async (status, body) => {
    await using server = await functionsServer(() => ({ status, body }))
    await expect(clientOf(server).transform(['{}'], never)).rejects.toMatchObject({
      code: 'transform_refused',
      retryable: false,
      details: { reason: `it responded with status ${String(status)}` },
    })
    expect(server.calls).toHaveLength(1)
  })

  test('must return a result for each record, and not too many bytes', async () => {
    await using short = await functionsServer(() => ({ body: '{"results":[]}' }))
    await expect(clientOf(short).transform(['{}'], never)).rejects.toMatchObject({
      code: 'transform_invalid',
      retryable: false,
    })
    expect(short.calls).toHaveLength(1)
    await using large = await functionsServer(() => ({ body: ' '.repeat(5 * 1024 * 1024) }))
    await expect(clientOf(large).transform(['{}'], never)).rejects.toMatchObject({
      code: 'transform_invalid',
      details: { reason: 'its response is too large' },
    })
  })

  test('is not called again when the run is stopped', async () => {
    await using server = await functionsServer(() => ({ status: 500, body: '' }))
    const stop = new AbortController()
    const client = clientOf(server, { stop: stop.signal, pauseMs: () => 60_000 })
    const transforming = client.transform(['{}'], never)
    await expect.poll(() => server.calls.length).toBe(1)
    stop.abort()
    await expect(transforming).rejects.toMatchObject({ code: 'transform_failed' })
    expect(server.calls).toHaveLength(1)
  })

  test('that cannot be reached has failed, and no error has the key', async () => {
    const client = clientOf({ url: 'http://127.0.0.1:1', apiKey: 'geheim-42' })
    const error: unknown = await client.transform(['{}'], never).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'transform_failed' })
    expect(JSON.stringify(error)).not.toContain('geheim')
  })
})
