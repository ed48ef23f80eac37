import { describe, expect, it } from 'vitest'
import { httpRequester } from '../../../../manifest-interpreter/components/requesters/http-requester.ts'
import {
  SourceError,
  TransportError,
  type RequesterCall,
} from '../../../../manifest-interpreter/contracts.ts'
import type { HttpResponse } from '../../../../manifest-interpreter/http/http-response.ts'
import { StreamSlice } from '../../../../manifest-interpreter/value/stream-slice.ts'
import type { PlainDict } from '../../../../manifest-interpreter/value/value.ts'
import { scriptedSource, type Answer, type ScriptedSource } from './scripted-source.ts'

interface Run {
  readonly source: ScriptedSource
  readonly send: (call?: Partial<RequesterCall>) => Promise<HttpResponse | null>
}

function requester(
  definition: PlainDict,
  answers: readonly Answer[] = [{ status: 200 }],
  config: PlainDict = {},
): Run {
  const source = scriptedSource(answers, config)
  const built = httpRequester(
    { type: 'HttpRequester', url_base: 'https://api.test/v1', path: '/items', ...definition },
    source.builder,
    source.context,
  )
  const scope = { slice: StreamSlice.empty, nextPageToken: null }
  return { source, send: (call) => built.send({ scope, ...call }) }
}

async function errorOf(sent: Promise<unknown>): Promise<SourceError> {
  try {
    await sent
  } catch (error) {
    if (error instanceof SourceError) return error
    throw error
  }
  throw new Error('It did not fail.')
}

const handler = (definition: PlainDict): PlainDict => ({
  error_handler: { type: 'DefaultErrorHandler', ...definition },
})

describe('a request', () => {
  it('is put together from the definition, the slice, the page and the caller', async () => {
    const { source, send } = requester(
      {
        path: '/users/{{ stream_partition.id }}/items',
        request_parameters: {
          from: '{{ stream_slice.start }}',
          page: '{{ next_page_token.next_page_token }}',
          none: '{{ config.missing }}',
          list: "{{ ['a', 'b'] }}",
          extra: '{{ tenant }}',
        },
        request_headers: { 'X-Kind': '{{ config.kind }}' },
      },
      [{ status: 200 }],
      { kind: 'k' },
    )
    await send({
      scope: {
        slice: new StreamSlice({
          partition: { id: 7 },
          cursorSlice: { start: '2025-01-01' },
          extraFields: { tenant: 't1' },
        }),
        nextPageToken: { next_page_token: 3 },
      },
      params: { size: 10 },
      headers: { 'X-Page': '1' },
    })
    const [request] = source.sent
    expect(request?.url).toMatch(
      /^https:\/\/api\.test\/v1\/users\/7\/items\?from=2025-01-01&page=3&.*list=a&list=b&extra=t1&size=10$/,
    )
    expect(Object.fromEntries(request?.headers ?? [])).toEqual({ 'X-Kind': 'k', 'X-Page': '1' })
  })

  it('uses the path of the caller in place of its own, a whole URL too', async () => {
    const { source, send } = requester({ request_parameters: { page: '2' } })
    await send({ path: 'https://other.test/next?page=2&token=x' })
    await send({ path: 'other' })
    expect(source.sent.map(({ url }) => url)).toEqual([
      'https://other.test/next?page=2&token=x',
      'https://api.test/v1/other?page=2',
    ])
  })

  it('has a JSON body as Python writes it', async () => {
    const { source, send } = requester(
      {
        http_method: 'POST',
        request_body: {
          type: 'RequestBodyJsonObject',
          value: { q: '{{ config.q }}', n: { a: [1] } },
        },
      },
      [{ status: 200 }],
      { q: 'ü' },
    )
    await send()
    expect(source.sent[0]?.body).toBe('{"q": "\\u00fc", "n": {"a": [1]}}')
    expect(source.sent[0]?.headers.get('Content-Type')).toBe('application/json')
  })

  it('has a form or a text as its body', async () => {
    const form = requester({
      http_method: 'POST',
      request_body: { type: 'RequestBodyUrlEncodedForm', value: { a: 'x y', b: '{{ none }}' } },
    })
    await form.send()
    expect(form.source.sent[0]?.body).toContain('a=x+y')
    expect(form.source.sent[0]?.headers.get('Content-Type')).toBe(
      'application/x-www-form-urlencoded',
    )
    const text = requester({
      http_method: 'POST',
      request_body: { type: 'RequestBodyPlainText', value: 'plain {{ 1 + 1 }}' },
    })
    await text.send()
    expect(text.source.sent[0]?.body).toBe('plain 2')
    expect(text.source.sent[0]?.headers.has('Content-Type')).toBe(false)
  })

  it('may not have a form and JSON', async () => {
    const { send } = requester({ http_method: 'POST', request_body_data: { a: 'b' } })
    await expect(send({ bodyJson: { a: 1 } })).rejects.toThrow(/only one of/)
  })
})

describe('an error of the API', () => {
  it('fails with the message and the type of its status', async () => {
    const error = await errorOf(requester({}, [{ status: 401 }]).send())
    expect(error.message).toBe(
      'HTTP Status Code: 401. Error: Unauthorized. Please ensure you are authenticated correctly. GET https://api.test/v1/items was answered with status 401.',
    )
    expect(error.failureType).toBe('config_error')
  })

  it('is retried with growing waits, six times in all', async () => {
    const { source, send } = requester({}, [{ status: 500 }])
    const error = await errorOf(send())
    expect(source.waits).toEqual([1, 2, 4, 8, 16])
    expect(source.sent).toHaveLength(6)
    expect(error).toMatchObject({
      message:
        'Exhausted available request attempts. HTTP Status Code: 500. Error: Internal server error. GET https://api.test/v1/items was answered with status 500.',
      failureType: 'transient_error',
      stream: 'items',
    })
  })

  it('of an unknown status shows status and content, but not the query', async () => {
    const error = await errorOf(
      requester({ ...handler({ max_retries: 0 }), request_parameters: { key: 'secret' } }, [
        { status: 418, body: '{"a": 1}' },
      ]).send(),
    )
    expect(error.message).toBe(
      'Exhausted available request attempts. Response was not ok: `418 Client Error: Reason for url: https://api.test/v1/items`. Response content is: {"a": 1}',
    )
    expect(error.failureType).toBe('system_error')
  })

  it('that ends is forgotten', async () => {
    const { source, send } = requester({}, [{ status: 500 }, { status: 503 }, { status: 200 }])
    expect((await send())?.status).toBe(200)
    expect(source.waits).toEqual([1, 2])
  })

  it('is given up after the time of all retries', async () => {
    const { source, send } = requester({}, [{ status: 500 }])
    source.requestMicros = 400e6
    await errorOf(send())
    expect(source.sent).toHaveLength(3)
    expect(source.waits).toEqual([1, 2])
  })

  it('of the connection is retried, of the scheme is not', async () => {
    const cut = requester({}, [new TransportError('connection', 'cut'), { status: 200 }])
    expect((await cut.send())?.status).toBe(200)
    expect(cut.source.waits).toEqual([1])
    const error = await errorOf(requester({ url_base: 'ftp://api.test' }).send())
    expect(error.failureType).toBe('config_error')
    expect(error.message).toMatch(/^Invalid Protocol Schema/)
  })

  it('of an address that is not allowed fails at once and says so', async () => {
    const refused = new TransportError('refused-address', 'closed')
    const { source, send } = requester({}, [refused])
    expect(await errorOf(send())).toMatchObject({ message: 'closed', failureType: 'config_error' })
    expect(source.waits).toEqual([])
  })
})

describe('a rate limit', () => {
  it('is reported for each attempt and waited for', async () => {
    const { source, send } = requester({}, [{ status: 429 }, { status: 429 }, { status: 200 }])
    expect((await send())?.status).toBe(200)
    expect(source.waits).toEqual([1, 2])
    expect(source.messages).toEqual([
      { kind: 'rate-limited', stream: 'items', seconds: null },
      { kind: 'rate-limited', stream: 'items', seconds: null },
    ])
  })

  it('that does not end is a transient error', async () => {
    const error = await errorOf(requester(handler({ max_retries: 1 }), [{ status: 429 }]).send())
    expect(error).toMatchObject({
      message:
        'API rate limit exceeded. GET https://api.test/v1/items was answered with status 429.',
      failureType: 'transient_error',
    })
  })

  it('waits for what a strategy says, and a second more', async () => {
    const { source, send } = requester(
      handler({
        backoff_strategies: [{ type: 'WaitTimeFromHeader', header: 'retry-after' }],
      }),
      [{ status: 429, headers: { 'Retry-After': '30' } }, { status: 200 }],
    )
    await send()
    expect(source.waits).toEqual([31])
    expect(source.messages).toEqual([{ kind: 'rate-limited', stream: 'items', seconds: 30 }])
  })
})

describe('backoff strategies', () => {
  const now = 1_700_000_000
  it.each<[string, PlainDict, Record<string, string>, readonly number[]]>([
    ['a constant', { type: 'ConstantBackoffStrategy', backoff_time_in_seconds: 5 }, {}, [6]],
    [
      'a constant of the configuration',
      { type: 'ConstantBackoffStrategy', backoff_time_in_seconds: '{{ config.wait }}' },
      {},
      [8.5],
    ],
    ['an exponent', { type: 'ExponentialBackoffStrategy', factor: 3 }, {}, [7]],
    ['the default exponent', { type: 'ExponentialBackoffStrategy' }, {}, [11]],
    [
      'a header',
      { type: 'WaitTimeFromHeader', header: 'wait', regex: '\\d+\\.?\\d*' },
      { wait: '2.5 seconds' },
      [3.5],
    ],
    ['a header that is missing', { type: 'WaitTimeFromHeader', header: 'wait' }, {}, [1]],
    [
      'a time in a header',
      { type: 'WaitUntilTimeFromHeader', header: 'reset' },
      { reset: String(now + 60) },
      [61],
    ],
    [
      'a time that has passed',
      { type: 'WaitUntilTimeFromHeader', header: 'reset' },
      { reset: String(now - 60) },
      [1],
    ],
    [
      'at least the minimum',
      { type: 'WaitUntilTimeFromHeader', header: 'reset', min_wait: 90 },
      { reset: String(now + 60) },
      [91],
    ],
    [
      'the minimum without a header',
      { type: 'WaitUntilTimeFromHeader', header: 'reset', min_wait: '90' },
      {},
      [91],
    ],
    [
      'the body',
      { type: 'WaitTimeFromResponse', wait_time_in_seconds: '{{ response.wait * 2 }}' },
      {},
      [25],
    ],
    [
      'a body that does not fit',
      { type: 'WaitTimeFromResponse', wait_time_in_seconds: '{{ response.other.wait }}' },
      {},
      [1],
    ],
  ])('wait by %s', async (...[, strategy, headers, waits]) => {
    const { source, send } = requester(
      handler({ backoff_strategies: [strategy] }),
      [{ status: 503, headers, body: '{"wait": 12}' }, { status: 200 }],
      { wait: 7.5 },
    )
    await send()
    expect(source.waits).toEqual(waits)
  })

  it('end the stream where the wait is too long', async () => {
    const error = await errorOf(
      requester(
        handler({
          backoff_strategies: [
            { type: 'WaitTimeFromHeader', header: 'wait', max_waiting_time_in_seconds: 10 },
          ],
        }),
        [{ status: 429, headers: { wait: '10' } }],
      ).send(),
    )
    expect(error.message).toBe(
      'The rate limit wait time is longer than the connector is allowed to wait.',
    )
  })
})

describe('the filters of an error handler', () => {
  const filters = (...all: PlainDict[]): PlainDict =>
    handler({
      response_filters: all.map((filter) => ({ type: 'HttpResponseFilter', ...filter })),
      max_retries: 0,
    })

  it('ignore a response by its status', async () => {
    const { send } = requester(filters({ http_codes: [404], action: 'IGNORE' }), [{ status: 404 }])
    expect((await send())?.status).toBe(404)
  })

  it('see body, headers and URL in a predicate', async () => {
    const predicate =
      "{{ response.code == 7 and headers['x-a'] == 'b' and request_url == 'https://api.test/v1/items' }}"
    const { send } = requester(
      { ...filters({ predicate, action: 'FAIL', error_message: 'Seven: {{ response.code }}' }) },
      [{ status: 200, headers: { 'X-A': 'b' }, body: '{"code": 7}' }],
    )
    expect(await errorOf(send())).toMatchObject({
      message: 'Seven: 7. GET https://api.test/v1/items was answered with status 200.',
      failureType: 'system_error',
    })
  })

  it('find a text in the reason that the API gives', async () => {
    const definition = filters({
      error_message_contains: 'gone',
      action: 'FAIL',
      failure_type: 'config_error',
    })
    const body = '{"errors": [{"message": "It is gone"}, {"detail": "for good"}]}'
    const error = await errorOf(requester(definition, [{ status: 400, body }]).send())
    expect(error).toMatchObject({
      message:
        'HTTP Status Code: 400. Error: Bad request. Please check your request parameters. GET https://api.test/v1/items was answered with status 400: It is gone, for good',
      failureType: 'config_error',
    })
  })

  it('are asked in order, handler after handler', async () => {
    const composite = {
      error_handler: {
        type: 'CompositeErrorHandler',
        error_handlers: [
          {
            type: 'DefaultErrorHandler',
            max_retries: 1,
            response_filters: [{ type: 'HttpResponseFilter', http_codes: [403], action: 'FAIL' }],
          },
          {
            type: 'DefaultErrorHandler',
            response_filters: [{ type: 'HttpResponseFilter', http_codes: [403], action: 'RETRY' }],
            backoff_strategies: [{ type: 'ConstantBackoffStrategy', backoff_time_in_seconds: 3 }],
          },
        ],
      },
    }
    const { source, send } = requester(composite, [{ status: 403 }, { status: 200 }])
    expect((await send())?.status).toBe(200)
    expect(source.waits).toEqual([4])
  })

  it.each(['RESET_PAGINATION', 'REDUCE_PAGE_SIZE', 'SPLIT_REQUEST_WINDOW'])(
    'can ask the retriever to %s',
    async (action) => {
      const { send } = requester(
        filters({ http_codes: [400], action, error_message: 'too much' }),
        [{ status: 400 }],
      )
      await expect(send()).rejects.toMatchObject({
        name: 'RetrieverSignal',
        action,
        message: 'too much',
      })
    },
  )
})

describe('the cache of a parent stream', () => {
  it('sends equal requests once, also at the same time', async () => {
    const { source, send } = requester({ use_cache: true }, [{ status: 200, body: '[1]' }])
    const answers = await Promise.all([send(), send(), send()])
    for (const answer of answers) expect(await answer?.json()).toEqual([1])
    await send()
    expect(source.sent).toHaveLength(1)
    await send({ params: { page: 2 } })
    expect(source.sent).toHaveLength(2)
  })

  it('keeps no error', async () => {
    const { source, send } = requester({ use_cache: true }, [{ status: 500 }, { status: 200 }])
    await Promise.all([send(), send(), send()])
    expect(source.sent).toHaveLength(2)
    expect(source.waits).toEqual([1])
  })
})
