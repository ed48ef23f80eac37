import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BinaryRows, ReadTask } from '../../connectors/connector.ts'
import { postgresConnector } from '../../connectors/postgres/connector.ts'
import { BlockEncoder } from '../../protocol/avro/block-encoder.ts'
import {
  columnsOf,
  streamIdOf,
  type AirbyteStream,
  type ConfiguredAirbyteStream,
} from '../../protocol/index.ts'
import { damaged, nothing, row, tagOf, type CopyDamage } from '../support/damaged-copy.ts'
import { messageOf, messageProxy, type MessageProxy } from '../support/message-proxy.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { Collected, contextOf, discovered, fullRefreshOf, incrementalOf } from './collected.ts'
import { usuallyThird } from '../support/long.ts'

let db: TestDatabase
let proxy: MessageProxy
beforeAll(async () => {
  db = await testDatabase()
  proxy = await messageProxy(db.address.port)
  await db.query(
    `CREATE TABLE things (id int PRIMARY KEY, small int2, large int8, real float8, yes bool, day date,
       at timestamptz, clock time, u uuid, exact numeric, document jsonb, note text);
     INSERT INTO things SELECT n, n, n, n, true, '2026-01-01', '2026-01-01', '12:00', gen_random_uuid(), n + 0.5,
       '{"a": 1}', 'note ' || n FROM generate_series(1, 1000) n`,
  )
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await db[Symbol.asyncDispose]()
})

/** Takes lines as the engine does. */
class Encoded extends Collected {
  readonly #encoder: BlockEncoder

  constructor(source: AirbyteStream) {
    super(source)
    const columns = columnsOf(source.json_schema)
    this.#encoder = new BlockEncoder({ columns, maxRecordBytes: 1000 })
  }

  override async copyText(lines: Uint8Array): Promise<void> {
    this.#encoder.copyText(lines, 0, 0)
    return Promise.resolve()
  }
}

/** Takes binary rows, and only counts them. */
class Counted extends Collected {
  count = 0

  async copyBinary({ count }: BinaryRows): Promise<void> {
    this.count += count
    return Promise.resolve()
  }
}

const config = (more: Record<string, unknown> = {}) => ({
  ...db.address,
  port: proxy.port,
  ...more,
})

interface Read {
  readonly out: Counted | Collected
  readonly error: unknown
}

const outputs = { binary: Counted, text: Collected, 'encoded text': Encoded }

let stateRows = 50_000

async function read(
  damage: CopyDamage,
  { format = 'binary', more = {}, stream, state }: ReadOptions = {},
): Promise<Read> {
  proxy.changes = damaged({})
  const source = await discovered(postgresConnector, config(more), 'things')
  const configured = stream?.(source) ?? fullRefreshOf(source)
  const Output = outputs[format]
  const out = new Output(source)
  await using session = await postgresConnector.openRead(config(more), contextOf(), [
    streamIdOf(source),
  ])
  const [slice] = await session.plan(configured, new Map())
  if (slice === undefined) throw new Error('no slice')
  proxy.changes = damaged(damage)
  const task: ReadTask = {
    // A session that was used before would go by the changes of its own time.
    config: config({ state_rows: ++stateRows, ...more }),
    stream: configured,
    slice: slice.slice,
    state: state ?? slice.state,
    session: session.shared,
  }
  try {
    await postgresConnector.read(task, out, contextOf())
    return { out, error: undefined }
  } catch (error) {
    return { out, error }
  }
}

interface ReadOptions {
  readonly format?: keyof typeof outputs
  readonly more?: Record<string, unknown>
  readonly stream?: (source: Parameters<typeof fullRefreshOf>[0]) => ConfiguredAirbyteStream
  readonly state?: ReadTask['state']
}

/** Before row 500. */
const before500 = (message: Buffer): CopyDamage => ({
  row: (n, payload) => (n === 500 ? Buffer.concat([message, row(payload)]) : undefined),
})

const inRow500 = (change: (payload: Buffer) => Buffer): CopyDamage => ({
  row: (n, payload) => (n === 500 ? row(change(Buffer.from(payload))) : undefined),
})

const of32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const header = (type: string, size: number): Buffer =>
  Buffer.concat([Buffer.from(type, 'latin1'), of32(size)])

const inBoth: readonly (readonly [string, CopyDamage])[] = [
  ['rows are left out', { row: (n) => (n > 500 && n < 600 ? nothing : undefined) }],
  ['all rows after one are left out', { row: (n) => (n > 500 ? nothing : undefined) }],
  ['the tag has fewer rows', { tag: () => tagOf('COPY 900') }],
  ['the tag has more rows', { tag: () => tagOf('COPY 1001') }],
  ['the tag is of another command', { tag: () => tagOf('SELECT 1000') }],
  ['there is no tag', { tag: () => nothing }],
  ['the tag comes twice', { tag: (tag) => Buffer.concat([tagOf(tag), tagOf(tag)]) }],
  ['there is no CopyDone', { done: () => nothing }],
  ['ReadyForQuery comes in the middle', before500(messageOf('Z', Buffer.from('T')))],
  ['the tag comes in the middle', before500(tagOf('COPY 1000'))],
  ['columns of another query come', before500(messageOf('T', Buffer.alloc(2)))],
  ['a row of another query comes', before500(messageOf('D', Buffer.alloc(2)))],
  [
    'columns of another query come at the end',
    { done: () => Buffer.concat([messageOf('c', nothing), messageOf('T', Buffer.alloc(2))]) },
  ],
  [
    'a row of another query comes at the end',
    { done: () => Buffer.concat([messageOf('c', nothing), messageOf('D', Buffer.alloc(2))]) },
  ],
  ['a message of an unknown type comes', before500(messageOf('\xfe', Buffer.from('zz')))],
  ['a message of a negative size comes', before500(header('d', -5))],
  ['a message without room for its size comes', before500(header('d', 2))],
  ['a message of 2 GiB comes', before500(header('d', 2 ** 31 - 1))],
  ['a message without a row comes', before500(row(nothing))],
  [
    'a row comes in two messages',
    {
      row: (n, p) =>
        n === 500 ? Buffer.concat([row(p.subarray(0, 9)), row(p.subarray(9))]) : undefined,
    },
  ],
  ['the COPY begins twice', before500(messageOf('H', Buffer.alloc(27)))],
  ['the COPY goes both ways', { response: (payload) => messageOf('W', payload) }],
  [
    'the COPY has another format',
    {
      response: (p) =>
        messageOf('H', Buffer.concat([Buffer.from([1 - (p[0] ?? 0)]), p.subarray(1)])),
    },
  ],
  [
    'a column has another format',
    {
      response: (p) =>
        messageOf(
          'H',
          Buffer.concat([p.subarray(0, 3), Buffer.from([0, 1 - (p[0] ?? 0)]), p.subarray(5)]),
        ),
    },
  ],
  [
    'the COPY has another number of columns',
    {
      response: (p) =>
        messageOf('H', Buffer.concat([p.subarray(0, 1), Buffer.from([0, 2]), p.subarray(3, 7)])),
    },
  ],
]

/** Where the fields of a row begin: at their lengths. */
function fieldAt(payload: Buffer, index: number): number {
  let position = 2
  for (let field = 0; field < index; field++)
    position += 4 + Math.max(0, payload.readInt32BE(position))
  return position
}

const names = 'id small large real yes day at clock u exact document note'.split(' ')

function withField(name: string, value: Buffer): CopyDamage {
  return inRow500((payload) => {
    const position = fieldAt(payload, names.indexOf(name))
    const rest = payload.subarray(position + 4 + payload.readInt32BE(position))
    return Buffer.concat([payload.subarray(0, position), of32(value.length), value, rest])
  })
}

function withLength(name: string, length: number): CopyDamage {
  return inRow500((payload) => {
    payload.writeInt32BE(length, fieldAt(payload, names.indexOf(name)))
    return payload
  })
}

function withCount(count: number): CopyDamage {
  return inRow500((payload) => {
    payload.writeInt16BE(count)
    return payload
  })
}

const inHeader = (position: number): CopyDamage => ({
  header: (own) => {
    const changed = Buffer.from(own)
    changed[position] = 1
    return changed
  },
})

const inBinary: readonly (readonly [string, CopyDamage])[] = [
  ['there is no trailer', { trailer: () => nothing }],
  ['the trailer comes early', before500(row(Buffer.from([0xff, 0xff])))],
  [
    'the trailer comes before a row',
    inRow500((p) => Buffer.concat([Buffer.from([0xff, 0xff]), p])),
  ],
  ['a trailer comes twice', { trailer: (p) => Buffer.concat([row(p), row(p)]) }],
  ['the header is another', inHeader(0)],
  ['the header has an unknown flag', inHeader(12)],
  ['the header has an extension', inHeader(18)],
  ...[0, 3, 8].map((n) => [`an int4 has ${n} bytes`, withField('id', Buffer.alloc(n))] as const),
  ['an int2 has 4 bytes', withField('small', Buffer.alloc(4))],
  ['an int8 has 4 bytes', withField('large', Buffer.alloc(4))],
  ['a float8 has 4 bytes', withField('real', Buffer.alloc(4))],
  ['a bool has 2 bytes', withField('yes', Buffer.alloc(2))],
  ['a date has 8 bytes', withField('day', Buffer.alloc(8))],
  ['a timestamp has 4 bytes', withField('at', Buffer.alloc(4))],
  ['a time has 12 bytes', withField('clock', Buffer.alloc(12))],
  ['a uuid has 17 bytes', withField('u', Buffer.alloc(17))],
  [
    'a number has fewer digits than it says',
    withField('exact', Buffer.from([0, 5, 0, 0, 0, 0, 0, 0, 0, 1])),
  ],
  ['a number is cut', withField('exact', Buffer.alloc(6))],
  ['a number goes on', withField('exact', Buffer.alloc(10))],
  ['a document has no version', withField('document', nothing)],
  ['a document has an unknown version', withField('document', Buffer.from('\x02{}'))],
  ['a length is -2', withLength('note', -2)],
  ['a length is the least', withLength('id', -(2 ** 31))],
  ['a length is the largest', withLength('note', 2 ** 31 - 1)],
  ['a length is one more', withLength('note', 9)],
  ['a length is one less', withLength('note', 7)],
  ['a row has one field less', withCount(11)],
  ['a row has one field more', withCount(13)],
  ['a row has no fields', withCount(0)],
  ['a row has -2 fields', withCount(-2)],
  ['a row is cut', inRow500((p) => p.subarray(0, -7))],
  ['a row goes on', inRow500((p) => Buffer.concat([p, Buffer.alloc(3)]))],
]

function expectDamage({ out, error }: Read): void {
  expect(error).toMatchObject({
    code: 'source_rows_damaged',
    details: { stream: 'public.things', reason: expect.any(String) as string },
  })
  expect(out.states).toEqual([])
}

describe.each(['binary', 'text'] as const)('a read in %s', (format) => {
  test('through the proxy without changes is complete', async () => {
    const { out, error } = await read({}, { format })
    expect(error).toBeUndefined()
    expect(out instanceof Counted ? out.count : out.rows.length).toBe(1000)
    expect(out.lastState).toMatchObject({ done: true })
  })

  test.each(usuallyThird(0, inBoth))('fails if %s', async (_, damage) => {
    expectDamage(await read(damage, { format }))
  })
})

test.each(usuallyThird(0, inBinary))('a read in binary fails if %s', async (_, damage) => {
  expectDamage(await read(damage))
})

const inText: readonly (readonly [string, CopyDamage])[] = [
  ['a line has no end', inRow500((p) => p.subarray(0, -1))],
  ['a line has one field more', inRow500((p) => Buffer.concat([Buffer.from('1\t'), p]))],
  ['a line has one field less', inRow500((p) => p.subarray(p.indexOf('\t') + 1))],
]

test.each(usuallyThird(0, inText))('a read in text fails if %s', async (_, damage) => {
  expectDamage(await read(damage, { format: 'encoded text' }))
})

describe('rows that are missing before a state', () => {
  const leftOut: CopyDamage = { row: (n) => (n === 100 ? nothing : undefined) }
  const more = { state_rows: 1 }
  // Chunks are large: rows must be, for a state before the end.
  beforeAll(async () => {
    await db.query(`UPDATE things SET note = repeat('x', 2000)`)
  })

  test.each([
    ['a full refresh', undefined],
    ['an incremental read', (source) => incrementalOf(source, 'id')],
  ] satisfies [string, ReadOptions['stream']][])(
    'end %s for good, also that of the next run',
    async (_, stream) => {
      const options = { format: 'text', more, ...(stream && { stream }) } as const
      const { out, error } = await read(leftOut, options)
      const refusal = { code: 'source_state_invalid' }
      expect(error).toMatchObject(refusal)
      expect(out.states.length).toBeGreaterThan(1)
      expect(out.lastState).toMatchObject({ incomplete: true })
      expect(out.covered.length).toBe(out.rows.length)
      const next = await read({}, { ...options, state: out.lastState })
      expect(next.error).toMatchObject(refusal)
      expect(next.out.rows).toEqual([])
    },
  )
})
