import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  encodeMessage,
  JsonLinesDecoder,
  parseLine,
  stateType,
  type AirbyteMessage,
  type JsonLine,
} from '../../protocol/index.ts'

function messageOf(value: unknown): AirbyteMessage {
  const line = parseLine(JSON.stringify(value))
  if (line.kind !== 'message') throw new TypeError(JSON.stringify(line))
  return line.message
}

const messages: readonly object[] = [
  {
    type: 'RECORD',
    record: {
      stream: 'users',
      namespace: '',
      data: { id: 1, nested: { a: [null] } },
      emitted_at: 1764030000123,
      meta: {
        changes: [{ field: 'a', change: 'NULLED', reason: 'SOURCE_RETRIEVAL_ERROR', extra: 1 }],
      },
      file_reference: {
        staging_file_url: '/tmp/f',
        source_file_relative_path: 'f',
        file_size_bytes: 3,
      },
    },
  },
  {
    type: 'STATE',
    state: {
      type: 'STREAM',
      stream: { stream_descriptor: { name: 'users' }, stream_state: { cursor: 5 } },
      id: 7,
    },
  },
  {
    type: 'STATE',
    state: { type: 'STREAM', stream: { stream_descriptor: { name: 'users' }, stream_state: null } },
  },
  {
    type: 'STATE',
    state: {
      type: 'GLOBAL',
      global: { stream_states: [{ stream_descriptor: { name: 'a', namespace: 'n' } }] },
    },
  },
  { type: 'STATE', state: { type: 'LEGACY', data: { any: 'thing' } } },
  { type: 'STATE', state: { data: { any: 'thing' } } },
  { type: 'LOG', log: { level: 'INFO', message: 'hello', stack_trace: 'at …' } },
  {
    type: 'SPEC',
    spec: {
      connectionSpecification: { type: 'object' },
      advanced_auth: { auth_flow_type: 'oauth2.0', oauth_config_specification: {} },
    },
  },
  { type: 'CONNECTION_STATUS', connectionStatus: { status: 'FAILED', message: 'no' } },
  {
    type: 'CATALOG',
    catalog: {
      streams: [{ name: 's', json_schema: {}, supported_sync_modes: ['full_refresh'], new: 1 }],
    },
  },
  {
    type: 'TRACE',
    trace: {
      type: 'ERROR',
      emitted_at: 1,
      error: { message: 'm', internal_message: null, failure_type: 'config_error' },
    },
  },
  {
    type: 'TRACE',
    trace: {
      type: 'ESTIMATE',
      emitted_at: 1,
      estimate: { name: 's', type: 'STREAM', row_estimate: 5 },
    },
  },
  {
    type: 'TRACE',
    trace: {
      type: 'STREAM_STATUS',
      emitted_at: 1,
      stream_status: {
        stream_descriptor: { name: 's' },
        status: 'RUNNING',
        reasons: [{ type: 'RATE_LIMITED', rate_limited: { quota_reset: 99 } }],
      },
    },
  },
  {
    type: 'TRACE',
    trace: { type: 'ANALYTICS', emitted_at: 1, analytics: { type: 't', value: 'v' } },
  },
  {
    type: 'CONTROL',
    control: {
      type: 'CONNECTOR_CONFIG',
      emitted_at: 1,
      connectorConfig: { config: { token: 'x' } },
    },
  },
  {
    type: 'DESTINATION_CATALOG',
    destination_catalog: {
      operations: [{ object_name: 'o', sync_mode: 'append', json_schema: {} }],
    },
  },
]

describe('a message', () => {
  it.each(messages)('survives reading and writing, unknown properties too: %j', (value) => {
    const message = messageOf({ ...value, unknown_property: { kept: true } })
    expect(message).toEqual({ ...value, unknown_property: { kept: true } })
    expect(messageOf(JSON.parse(encodeMessage(message)))).toEqual(message)
  })

  it('keeps the numbers of a record and of a state', () => {
    const record =
      '{"type":"RECORD","record":{"stream":"s","data":{"id":9007199254740993,"x":0.1000000000000000055},"emitted_at":1}}'
    const state =
      '{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"s"},"stream_state":{"lsn":9007199254740993}}}}'
    for (const text of [record, state]) {
      const line = parseLine(text)
      expect(line.kind === 'message' && encodeMessage(line.message)).toBe(`${text}\n`)
    }
  })

  it('with a state has its counts written as doubles', () => {
    const text =
      '{"type":"STATE","state":{"data":{"count":3},"sourceStats":{"recordCount":3},"destinationStats":{"recordCount":2.0,"rejectedRecordCount":1}}}'
    const line = parseLine(text)
    expect(line.kind === 'message' && encodeMessage(line.message)).toBe(
      '{"type":"STATE","state":{"data":{"count":3},"sourceStats":{"recordCount":3.0},"destinationStats":{"recordCount":2.0,"rejectedRecordCount":1.0}}}\n',
    )
  })

  it('with a state without a type is a legacy one', () => {
    const message = messageOf({ type: 'STATE', state: { data: {} } })
    expect(message.type === 'STATE' && stateType(message.state)).toBe('LEGACY')
  })

  it.each([
    [
      'RECORD',
      { type: 'RECORD', record: { stream: 's', data: 'secret', emitted_at: 1 } },
      /record\.data/,
    ],
    ['STATE', { type: 'STATE', state: { type: 'STREAM', stream: {} } }, /stream_descriptor/],
    ['STATE', { type: 'STATE', state: { type: 'GLOBAL', global: {} } }, /stream_states/],
    ['TRACE', { type: 'TRACE', trace: { type: 'SECRET', emitted_at: 1 } }, /trace/],
    ['LOG', { type: 'LOG' }, /log/],
  ])(
    'of type %s that breaks the protocol is reported without its contents',
    (type, value, reason) => {
      const line = parseLine(JSON.stringify(value))
      expect(line).toMatchObject({ kind: 'invalid', type })
      expect(line.kind === 'invalid' && line.reason).toMatch(reason)
      expect(JSON.stringify(line)).not.toMatch(/secret/i)
    },
  )

  it.each([
    'Starting up …',
    '{"level":"INFO"}',
    '{"type":"SOMETHING_ELSE"}',
    '{broken',
    '[1]',
    'null',
  ])('is not found in the line %j', (text) => {
    expect(parseLine(text)).toEqual({ kind: 'text', text })
  })
})

describe('the decoder of lines', () => {
  function decode(chunks: readonly Uint8Array[], maxLineBytes?: number): JsonLine[] {
    const decoder = new JsonLinesDecoder(maxLineBytes === undefined ? {} : { maxLineBytes })
    return [...chunks.flatMap((chunk) => decoder.push(chunk)), ...decoder.end()]
  }

  it('gives the same lines wherever the chunks are cut', () => {
    const text = messages
      .map((message) => `${JSON.stringify(message)}\n`)
      .join('Zürich 東京 😀\r\n\n')
    const bytes = Buffer.from(text)
    const whole = decode([bytes])
    expect(whole.filter((line) => line.kind === 'message')).toHaveLength(messages.length)
    expect(whole.filter((line) => line.kind === 'text')).toHaveLength(messages.length - 1)
    fc.assert(
      fc.property(fc.array(fc.nat({ max: bytes.length })), (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end))
        expect(decode(chunks)).toEqual(whole)
      }),
      { numRuns: 50 },
    )
  })

  it('gives the last line although it does not end', () => {
    expect(decode([Buffer.from('one\ntwo')])).toEqual([
      { kind: 'text', text: 'one' },
      { kind: 'text', text: 'two' },
    ])
  })

  it('may be given the same buffer again', () => {
    const buffer = Buffer.from('abc')
    const decoder = new JsonLinesDecoder()
    decoder.push(buffer)
    buffer.write('xyz')
    decoder.push(buffer)
    expect(decoder.end()).toEqual([{ kind: 'text', text: 'abcxyz' }])
  })

  it('lets go of a line that is too long, and goes on', () => {
    const chunks = ['12345678', '9012345\nshort\n', '123456789012\n'].map((text) =>
      Buffer.from(text),
    )
    expect(decode(chunks, 10)).toEqual([
      { kind: 'oversized', bytes: 15 },
      { kind: 'text', text: 'short' },
      { kind: 'oversized', bytes: 12 },
    ])
  })
})

it('a property that must not be null counts as absent, but not inside of what only the source understands', () => {
  const state = {
    type: 'STREAM',
    stream: {
      stream_descriptor: { name: 'orders', namespace: null },
      stream_state: { cursor: null },
    },
    sourceStats: null,
  }
  expect(messageOf({ type: 'STATE', state })).toEqual({
    type: 'STATE',
    state: {
      type: 'STREAM',
      stream: { stream_descriptor: { name: 'orders' }, stream_state: { cursor: null } },
    },
  })
  const record = { stream: 'orders', namespace: null, data: { id: null }, emitted_at: 1 }
  expect(messageOf({ type: 'RECORD', record })).toEqual({
    type: 'RECORD',
    record: { stream: 'orders', data: { id: null }, emitted_at: 1 },
  })
})
