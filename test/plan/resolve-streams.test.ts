import { describe, expect, test } from 'vitest'
import { findStream } from '../../plan/streams/find-stream.ts'
import { resolveStreams } from '../../plan/streams/resolve-streams.ts'
import type { StreamSelection } from '../../plan/streams/stream-selection.ts'
import type { AirbyteCatalog } from '../../protocol/index.ts'

const catalog: AirbyteCatalog = {
  streams: [
    {
      name: 'customers',
      namespace: 'public',
      json_schema: {
        type: 'object',
        properties: {
          id: { type: 'integer' },
          email: { type: 'string' },
          updated_at: { type: 'string', format: 'date-time' },
        },
      },
      supported_sync_modes: ['full_refresh', 'incremental'],
      source_defined_primary_key: [['id']],
    },
    {
      name: 'events',
      namespace: 'public',
      json_schema: {
        type: 'object',
        properties: { at: { type: 'string' }, body: { type: 'object' } },
      },
      supported_sync_modes: ['full_refresh', 'incremental'],
    },
    {
      name: 'countries',
      namespace: 'public',
      json_schema: { type: 'object', properties: { code: { type: 'string' } } },
      supported_sync_modes: ['full_refresh'],
    },
    {
      name: 'changes',
      namespace: 'cdc',
      json_schema: {
        type: 'object',
        properties: { id: { type: 'integer' }, lsn: { type: 'integer' } },
      },
      supported_sync_modes: ['full_refresh', 'incremental'],
      source_defined_cursor: true,
      default_cursor_field: ['lsn'],
      source_defined_primary_key: [['id']],
    },
    {
      name: 'twin',
      namespace: 'a',
      json_schema: { properties: {} },
      supported_sync_modes: ['full_refresh'],
    },
    {
      name: 'twin',
      namespace: 'b',
      json_schema: { properties: {} },
      supported_sync_modes: ['full_refresh'],
    },
  ],
}

function resolve(
  selection: Partial<StreamSelection>,
  source = catalog,
): ReturnType<typeof resolveStreams> {
  return resolveStreams(source, {
    connection: 'shop',
    streams: 'all',
    defaults: {},
    metadata: 'full',
    ...selection,
  })
}

function modes(selection: Partial<StreamSelection>): readonly string[] {
  const { streams, problems } = resolve(selection)
  expect(problems).toEqual([])
  return streams.map((sink) =>
    [
      sink.stream.stream.name,
      sink.stream.sync_mode,
      sink.mode,
      sink.stream.cursor_field?.join() ?? '-',
    ].join(' '),
  )
}

describe('rules of a stream', () => {
  const people: AirbyteCatalog = {
    streams: [
      {
        name: 'people',
        namespace: 'crm',
        json_schema: {
          type: 'object',
          properties: {
            id: { type: 'integer' },
            email: { type: 'string' },
            total: { type: 'number' },
            extra: { type: 'object' },
            updated_at: { type: 'string', format: 'date-time' },
          },
          required: ['id', 'email'],
        },
        supported_sync_modes: ['full_refresh', 'incremental'],
        default_cursor_field: ['updated_at'],
        source_defined_primary_key: [['id'], ['email']],
      },
    ],
  }
  const resolved = (
    fields: object,
    more: Partial<StreamSelection> = {},
  ): ReturnType<typeof resolve> =>
    resolve({ streams: [{ name: 'people', ...fields }], ...more }, people)

  test('keep the source’s names for the read, and give the new ones to the destination', () => {
    const { streams, problems } = resolved(
      {
        columns: { exclude: ['extra'] },
        rename: { email: 'person', updated_at: 'changed_at' },
        mask: { email: 'hash', total: null },
        where: 'total > 1',
      },
      { table: 'raw_{namespace}_{stream}' },
    )
    expect(problems).toEqual([])
    const [stream] = streams
    expect(stream).toMatchObject({
      columns: [
        { name: 'id', kind: 'integer' },
        { name: 'person', kind: 'string' },
        { name: 'total', kind: 'number' },
        { name: 'changed_at', kind: 'timestamptz' },
      ],
      stream: {
        primary_key: [['id'], ['person']],
        cursor_field: ['changed_at'],
        destination_object_name: 'raw_crm_people',
        stream: {
          json_schema: { required: ['id'] },
          source_defined_primary_key: [['id'], ['person']],
        },
      },
      source: {
        stream: { primary_key: [['id'], ['email']], cursor_field: ['updated_at'] },
        rules: { excluded: ['extra'], passesUndeclared: true },
      },
      rules: {
        masked: ['person', 'total'],
        mark: expect.stringMatching(/^[0-9a-f]{16}$/) as unknown,
      },
    })
    const other = resolved({ where: 'total > 2' }).streams[0]?.rules?.mark
    expect(other).not.toBe(resolved({ where: 'total > 1' }).streams[0]?.rules?.mark)
    expect(resolved({ where: 'total>1' }).streams[0]?.rules).toEqual(
      resolved({ where: 'total > 1.0' }).streams[0]?.rules,
    )
    expect(resolved({}).streams[0]).not.toHaveProperty('source')
  })

  test.each<readonly [object, string, string, string]>([
    [{ columns: ['id', 'emial'] }, 'streams.0.columns.1', 'has no column "emial"', '`email`'],
    [{ columns: { exclude: ['emial'] } }, 'streams.0.columns.exclude.0', '"emial"', '`email`'],
    [
      { columns: { exclude: ['email'] } },
      'streams.0.columns',
      '"email" is left out',
      'Remove email from `exclude`',
    ],
    [
      { columns: { include: ['id'], exclude: ['id'] } },
      'streams.0.columns',
      'exclude each other',
      'one of them',
    ],
    [{ columns: {} }, 'streams.0.columns', 'selects no columns', 'one of them'],
    [{ rename: { emial: 'mail' } }, 'streams.0.rename.emial', 'no column "emial"', '`email`'],
    [
      { rename: { total: 'email' } },
      'streams.0.rename.total',
      'name of column "email" too',
      'another name',
    ],
    [
      { rename: { id: 'x', email: 'x' } },
      'streams.0.rename.id',
      '"x" is the name of column "email" too',
      'another name',
    ],
    [{ rename: { id: '_ab_cdc_id' } }, 'streams.0.rename.id', '_ab_cdc_', 'Remove'],
    [
      { columns: ['id', 'email', 'updated_at'], mask: { total: null } },
      'streams.0.mask.total',
      'left out',
      'select it',
    ],
    [{ mask: { totals: null } }, 'streams.0.mask.totals', 'no column "totals"', '`total`'],
    [
      { mask: { updated_at: null } },
      'streams.0.mask.updated_at',
      'is the cursor',
      '`cursor_field`',
    ],
    [{ mask: { id: null } }, 'streams.0.mask.id', 'primary key', '`id: hash`'],
    [{ mask: { extra: 'hash' } }, 'streams.0.mask.extra', 'JSON', '`null`'],
    [{ mask: { total: { keep_last: 4 } } }, 'streams.0.mask.total', 'neither a text', '`hash`'],
    [
      { where: "emial = 'a'" },
      'streams.0.where',
      'character 1: the stream has no column "emial"',
      '`email`',
    ],
  ])('%o is refused at %s', (fields, path, problem, fix) => {
    const { streams, problems } = resolved(fields)
    expect(streams).toEqual([])
    const shown = problems.map((found) => ({ ...found, path: found.path.join('.') }))
    expect(shown[0]).toMatchObject({
      path,
      problem: expect.stringContaining(problem) as unknown,
      fix: expect.stringContaining(fix) as unknown,
    })
  })

  test('exchange two names', () => {
    const { streams, problems } = resolved({ rename: { id: 'total', total: 'id' } })
    expect(problems).toEqual([])
    expect(streams[0]?.columns.map(({ name }) => name)).toEqual([
      'total',
      'email',
      'id',
      'extra',
      'updated_at',
    ])
  })
})

describe('deletes', () => {
  const withDeletes: AirbyteCatalog = {
    streams: catalog.streams.map((stream) =>
      stream.name === 'changes'
        ? {
            ...stream,
            json_schema: {
              properties: {
                id: { type: 'integer' },
                lsn: { type: 'integer' },
                _ab_cdc_deleted_at: {},
              },
            },
          }
        : stream,
    ),
  }
  const advice = 'To remove deleted rows from a table, load it with overwrite or overwrite_dedup.'

  test('that are asked for and cannot be seen are noted, with the streams', () => {
    expect(resolve({ deletes: 'soft' }).notes).toEqual([
      `deletes: soft has no effect on any stream: the source does not show which rows were deleted. ${advice}`,
    ])
    expect(resolve({ deletes: 'hard' }, withDeletes).notes).toEqual([
      `deletes: hard has no effect on public.customers, public.events, public.countries and 2 more: the source does not show which rows were deleted. ${advice}`,
    ])
    expect(resolve({ deletes: 'hard', streams: ['changes'] }, withDeletes).notes).toEqual([])
  })

  test('that nobody asked for are hard, and no note', () => {
    const { notes, streams } = resolve({})
    expect(notes).toEqual([])
    expect(new Set(streams.map(({ deletes }) => deletes))).toEqual(new Set(['hard']))
  })
})

describe('how a stream is read and loaded', () => {
  test('a mode that nobody chose, or that could not be kept to, is marked as the default', () => {
    const marked = (selection: Partial<StreamSelection>): readonly unknown[] =>
      resolve(selection).streams.map(({ isDefaultMode }) => isDefaultMode)
    const name = 'events'
    expect(marked({ streams: [{ name }] })).toEqual([true])
    expect(marked({ streams: [{ name, destination_sync_mode: 'append' }] })).toEqual([undefined])
    const defaults = { destination_sync_mode: 'append' } as const
    expect(marked({ streams: [{ name }], defaults })).toEqual([undefined])
    const dedup = { destination_sync_mode: 'append_dedup' } as const
    expect(marked({ streams: [{ name }], defaults: dedup })).toEqual([true])
  })

  test('without a word, a stream with a cursor and a key of the source is incremental, the others are refreshed', () => {
    expect(modes({})).toEqual([
      'customers full_refresh overwrite -',
      'events full_refresh overwrite -',
      'countries full_refresh overwrite -',
      'changes incremental append_dedup lsn',
      'twin full_refresh overwrite -',
      'twin full_refresh overwrite -',
    ])
  })

  test('without metadata, streams that are merged have the minimum, and those without any other column', () => {
    const { streams } = resolve({ metadata: 'none' })
    expect(streams.map(({ stream, metadata }) => [stream.stream.name, metadata])).toEqual([
      ['customers', 'none'],
      ['events', 'none'],
      ['countries', 'none'],
      ['changes', 'minimal'],
      ['twin', 'minimal'],
      ['twin', 'minimal'],
    ])
  })

  test('a cursor in the file makes a stream incremental: dedup with a key, append without one', () => {
    const streams = [
      { name: 'customers', cursor_field: 'updated_at' },
      { name: 'events', cursor_field: 'at' },
    ]
    expect(modes({ streams })).toEqual([
      'customers incremental append_dedup updated_at',
      'events incremental append at',
    ])
  })

  test('a primary key in the file goes before the source’s', () => {
    const { streams } = resolve({
      streams: [{ name: 'events', cursor_field: 'at', primary_key: ['at'] }],
    })
    expect(streams).toMatchObject([{ mode: 'append_dedup', stream: { primary_key: [['at']] } }])
  })

  test('what is half said is filled in', () => {
    const namesOf = (fields: object): readonly string[] =>
      modes({ streams: [{ name: 'customers', ...fields }] })
    expect(namesOf({ sync_mode: 'full_refresh' })).toEqual(['customers full_refresh overwrite -'])
    expect(namesOf({ destination_sync_mode: 'append_dedup' })).toEqual([
      'customers full_refresh append_dedup -',
    ])
    expect(namesOf({ destination_sync_mode: 'overwrite_dedup' })).toEqual([
      'customers full_refresh overwrite_dedup -',
    ])
    expect(namesOf({ destination_sync_mode: 'append', cursor_field: 'updated_at' })).toEqual([
      'customers incremental append updated_at',
    ])
  })

  test('overwrite_dedup is overwrite in the protocol', () => {
    const { streams } = resolve({
      streams: [{ name: 'customers', destination_sync_mode: 'overwrite_dedup' }],
    })
    expect(streams).toMatchObject([
      { mode: 'overwrite_dedup', stream: { destination_sync_mode: 'overwrite' } },
    ])
  })

  test('defaults apply where the stream can, and step back with a note where it cannot', () => {
    const defaults = {
      sync_mode: 'incremental',
      destination_sync_mode: 'append_dedup',
      cursor_field: 'updated_at',
    } as const
    const selection = { defaults, streams: ['customers', 'events'] }
    expect(modes(selection)).toEqual([
      'customers incremental append_dedup updated_at',
      'events full_refresh overwrite -',
    ])
    expect(resolve(selection).notes).toEqual([
      "public.events: it has no cursor for an incremental read: full_refresh and overwrite instead of the file's defaults",
    ])
  })

  test('a default cursor that a stream lacks is noted, unless nobody wants it', () => {
    const defaults = { cursor_field: 'changed' }
    expect(resolve({ defaults, streams: ['events'] }).notes).toEqual([
      'public.events: it has no column changed to read it incrementally by: full_refresh and overwrite',
    ])
    const name = 'events'
    expect(resolve({ defaults, streams: [{ name, sync_mode: 'full_refresh' }] }).notes).toEqual([])
  })

  test('chosen columns keep the source’s order', () => {
    const { streams } = resolve({ streams: [{ name: 'customers', columns: ['email', 'id'] }] })
    expect(streams[0]?.columns).toEqual([
      { name: 'id', kind: 'integer' },
      { name: 'email', kind: 'string' },
    ])
    expect(Object.keys(streams[0]?.stream.stream.json_schema.properties ?? {})).toEqual([
      'id',
      'email',
    ])
  })

  test('a namespace tells streams of one name apart', () => {
    expect(modes({ streams: ['a.twin', 'public.customers'] })).toHaveLength(2)
  })
})

describe('names that join to one text', () => {
  const stream = (name: string, namespace?: string): AirbyteCatalog['streams'][number] => ({
    name,
    json_schema: { properties: {} },
    supported_sync_modes: ['full_refresh'],
    ...(namespace !== undefined && { namespace }),
  })
  const dotted: AirbyteCatalog = {
    streams: [stream('b.c', 'a'), stream('c', 'a.b'), stream('b', 'a'), stream('a.b'), stream('d')],
  }
  const found = (name: string, namespace?: string): unknown =>
    findStream(dotted, { name, namespace })

  test('are ambiguous, and the message lists what can be written', () => {
    expect(found('a.b.c')).toEqual({
      problem: '"a.b.c" may mean several streams',
      fix: 'Write one of them: a."b.c" or "a.b".c.',
    })
    expect(found('a.b')).toMatchObject({ fix: 'Write one of them: "a"."b" or "a.b".' })
  })

  test.each<[string, number]>([
    ['a."b.c"', 0],
    ['"a.b".c', 1],
    ['"a"."b"', 2],
    ['"a.b"', 3],
    ['b.c', 0],
    ['"b.c"', 0],
    ['d', 4],
  ])('%s is one stream', (name, index) => {
    expect(found(name)).toEqual({ stream: dotted.streams[index] })
  })

  test('a stream that the source lists twice is read once, and a note says so', () => {
    const listed = { streams: [stream('b', 'a'), stream('b', 'a'), stream('c')] }
    const all = resolve({}, listed)
    expect(all.streams.map(({ stream: { stream: each } }) => each.name)).toEqual(['b', 'c'])
    expect(all.notes[0]).toBe('a.b: the source lists it twice, the first one is read')
    expect(resolve({ streams: ['b'] }, listed).streams).toHaveLength(1)
  })

  test('a namespace that is given makes the name a name', () => {
    expect(found('b.c', 'a')).toEqual({ stream: dotted.streams[0] })
    expect(found('b', 'a.b')).toMatchObject({ problem: 'the source has no stream "a.b".b' })
    expect(found('.d')).toMatchObject({ problem: 'the source has no stream ".d"' })
  })
})

describe('what is wrong about a stream', () => {
  const cases: readonly {
    readonly name: string
    readonly streams: StreamSelection['streams']
    readonly code: string
    readonly path: readonly (string | number)[]
    readonly problem: RegExp
    readonly fix: RegExp
  }[] = [
    {
      name: 'a stream the source does not have',
      streams: ['custmers'],
      code: 'stream_not_found',
      path: ['streams', 0],
      problem: /no stream "custmers"/,
      fix: /Did you mean `customers`\?.*public\.events/,
    },
    {
      name: 'the same in a list of fields',
      streams: [{ name: 'nope' }],
      code: 'stream_not_found',
      path: ['streams', 0, 'name'],
      problem: /no stream/,
      fix: /The source has: public\.customers/,
    },
    {
      name: 'a name that several streams have',
      streams: ['twin'],
      code: 'stream_not_found',
      path: ['streams', 0],
      problem: /"twin" may mean several streams/,
      fix: /Write one of them: a\.twin or b\.twin/,
    },
    {
      name: 'a stream that is listed twice',
      streams: ['customers', 'public.customers'],
      code: 'stream_listed_twice',
      path: ['streams', 1],
      problem: /listed twice/,
      fix: /Keep one/,
    },
    {
      name: 'a cursor that is no column',
      streams: [{ name: 'customers', cursor_field: 'updated' }],
      code: 'stream_column_not_found',
      path: ['streams', 0, 'cursor_field'],
      problem: /no column "updated"/,
      fix: /id, email or updated_at/,
    },
    {
      name: 'a key that is no column',
      streams: [{ name: 'customers', primary_key: ['id', 'idd'] }],
      code: 'stream_column_not_found',
      path: ['streams', 0, 'primary_key', 1],
      problem: /no column "idd"/,
      fix: /Did you mean `id`\?/,
    },
    {
      name: 'a selection without the key',
      streams: [{ name: 'customers', columns: ['email'] }],
      code: 'stream_column_not_found',
      path: ['streams', 0, 'columns'],
      problem: /"id" is left out/,
      fix: /Add id/,
    },
    {
      name: 'dedup without a key',
      streams: [{ name: 'events', destination_sync_mode: 'append_dedup' }],
      code: 'stream_primary_key_missing',
      path: ['streams', 0, 'destination_sync_mode'],
      problem: /needs a primary key/,
      fix: /primary_key: \[COLUMN\]/,
    },
    {
      name: 'incremental without a cursor',
      streams: [{ name: 'events', sync_mode: 'incremental' }],
      code: 'stream_cursor_missing',
      path: ['streams', 0, 'sync_mode'],
      problem: /needs a cursor/,
      fix: /Add `cursor_field`/,
    },
    {
      name: 'a sync mode the stream does not support',
      streams: [{ name: 'countries', sync_mode: 'incremental' }],
      code: 'stream_mode_unsupported',
      path: ['streams', 0, 'sync_mode'],
      problem: /does not support incremental/,
      fix: /Use full_refresh/,
    },
    {
      name: 'a cursor where the stream cannot use it',
      streams: [{ name: 'countries', cursor_field: 'code' }],
      code: 'stream_mode_unsupported',
      path: ['streams', 0, 'cursor_field'],
      problem: /cannot be read incrementally/,
      fix: /Remove/,
    },
    {
      name: 'a cursor where the source has its own',
      streams: [{ name: 'changes', cursor_field: 'id' }],
      code: 'stream_mode_unsupported',
      path: ['streams', 0, 'cursor_field'],
      problem: /cursor of its own/,
      fix: /Remove/,
    },
    {
      name: 'an incremental overwrite',
      streams: [{ name: 'changes', sync_mode: 'incremental', destination_sync_mode: 'overwrite' }],
      code: 'stream_mode_unsupported',
      path: ['streams', 0, 'destination_sync_mode'],
      problem: /only what changed/,
      fix: /append_dedup/,
    },
  ]

  test.each(cases)(
    '$name is told with its place and a fix',
    ({ streams, code, path, problem, fix }) => {
      const { problems } = resolve({ streams })
      expect(problems).toHaveLength(1)
      expect(problems[0]).toMatchObject({ code, path })
      expect(problems[0]?.problem).toMatch(problem)
      expect(problems[0]?.fix).toMatch(fix)
    },
  )

  test('all wrong streams are told at once', () => {
    expect(
      resolve({ streams: ['nope', 'customers', { name: 'events', sync_mode: 'incremental' }] })
        .problems,
    ).toHaveLength(2)
  })

  test('a source without streams is a problem', () => {
    const selection = {
      connection: 'c',
      streams: 'all',
      defaults: {},
      metadata: 'full',
      deletes: 'hard',
    } as const
    expect(resolveStreams({ streams: [] }, selection).problems).toMatchObject([
      { code: 'stream_not_found' },
    ])
  })
})
