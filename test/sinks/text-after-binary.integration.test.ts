import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ColumnKind, RecordData, RecordValue } from '../../protocol/index.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { begin, blockOf, commit, openLane, sinkStream, sync } from './loading.ts'
import { usually } from '../support/long.ts'

const deletedAt = '_ab_cdc_deleted_at'
const time = '2024-01-02T03:04:05Z'
const cdc = {
  id: 'integer',
  v: 'integer',
  big: 'string',
  day: 'date',
  [deletedAt]: 'timestamptz',
} as const
/** Binary COPY has no encoding for it here: from this row on the lane sends text. */
const beforeChrist = '0044-03-15 BC'

/** One commit; each record is a block of its own, which is sent once. */
async function loadInBlocks(
  db: TestDatabase,
  sink: SinkStream,
  records: readonly RecordData[],
): Promise<void> {
  await using lane = await openLane(db, await begin(db, sink))
  for (const [seq, record] of records.entries()) {
    await lane.write(blockOf(sink.columns, [record], { seq }))
  }
  await commit(lane, records.length)
}

describe('what was seen of a batch counts, also of the rows before the one for which binary COPY gives way to text', () => {
  test.each(usually(1, ['hard', 'soft'] as const))(
    'such as a %s delete and a missing field',
    async (deletes) => {
      await using db = await testDatabase()
      const sink = sinkStream(cdc, { mode: 'append_dedup', key: ['id'], cursor: 'v', deletes })
      await sync(db, sink, [
        { id: 1, v: 1, big: 'one', day: null, [deletedAt]: null },
        { id: 2, v: 1, big: 'two', day: null, [deletedAt]: null },
        { id: 3, v: 1, big: 'three', day: null, [deletedAt]: null },
      ])
      await loadInBlocks(db, sink, [
        { id: 1, v: 2, [deletedAt]: time },
        { id: 2, v: 2, day: '2024-01-01', [deletedAt]: null },
        { id: 3, v: 2, big: 'three', day: beforeChrist, [deletedAt]: null },
      ])
      const rows = await db.query(
        `SELECT id::int, big, day::text, ${deletedAt} IS NOT NULL AS deleted FROM things ORDER BY id`,
      )
      expect(rows).toEqual([
        ...(deletes === 'soft' ? [{ id: 1, big: 'one', day: null, deleted: true }] : []),
        { id: 2, big: 'two', day: '2024-01-01', deleted: false },
        { id: 3, big: 'three', day: beforeChrist, deleted: false },
      ])
    },
  )

  test.each(usually(1, ['full', 'minimal'] as const))(
    'such as a note of a changed value, with %s metadata',
    async (metadata) => {
      await using db = await testDatabase()
      const options = { mode: 'append_dedup', key: ['id'], metadata } as const
      const sink = sinkStream(
        { id: 'integer', s: 'string', day: 'date', _ab_cdc_lsn: 'integer' },
        options,
      )
      await sync(db, sink, [{ id: 1, s: 'a', day: null }])
      await loadInBlocks(db, sink, [
        { id: 1, s: 'nul\0', day: '2024-01-01' },
        { id: 2, s: 'b', day: beforeChrist },
      ])
      expect(
        await db.query(
          `SELECT id::int, s, coalesce(jsonb_array_length(_airbyte_meta->'changes'), 0) AS n FROM things ORDER BY id`,
        ),
      ).toEqual([
        { id: 1, s: 'nul', n: 1 },
        { id: 2, s: 'b', n: 0 },
      ])
    },
  )

  test('such as a null in one field of the key', async () => {
    await using db = await testDatabase()
    const sink = sinkStream(
      { id: 'integer', part: 'integer', s: 'string', day: 'date', _ab_cdc_lsn: 'integer' },
      { mode: 'append_dedup', key: ['id', 'part'] },
    )
    await sync(db, sink, [{ id: null, part: 1, s: 'first', day: null }])
    await loadInBlocks(db, sink, [
      { id: null, part: 1, day: null },
      { id: 1, part: 1, s: 'a', day: beforeChrist },
    ])
    expect(await db.query('SELECT id::int, s FROM things ORDER BY id')).toEqual([
      { id: 1, s: 'a' },
      { id: null, s: 'first' },
    ])
  })
})

const columns = {
  id: 'integer',
  v: 'integer',
  s: 'string',
  n: 'number',
  doc: 'json',
  day: 'date',
  [deletedAt]: 'timestamptz',
} as const satisfies Readonly<Record<string, ColumnKind>>

/** Some need text, some are noted, some are refused by the server. */
const optional = (value: fc.Arbitrary<RecordValue>): fc.Arbitrary<RecordValue | undefined> =>
  fc.option(fc.option(value, { freq: 4 }), { freq: 3, nil: undefined })
const recordArbitrary = fc.record({
  id: fc.option(fc.integer({ min: 0, max: 6 }), { freq: 8 }),
  v: fc.integer({ min: 0, max: 5 }),
  s: optional(fc.constantFrom<RecordValue>('plain', 'nul\0', '', { a: 1 })),
  n: optional(fc.constantFrom<RecordValue>(1, 0.5, 'NaN', '1e5', 'no number')),
  doc: optional(fc.constantFrom<RecordValue>({ a: 1 }, [1, 'x\0'], '\ud83d', 7)),
  day: optional(
    fc.constantFrom<RecordValue>('2024-01-01', beforeChrist, 'today', '2024-02-31', 'infinity'),
  ),
  [deletedAt]: fc.constantFrom<RecordValue>(null, null, null, time),
})
const batches = fc.array(fc.array(recordArbitrary, { minLength: 1, maxLength: 12 }), {
  minLength: 1,
  maxLength: 3,
})

/** The lane sends text from the first row on if the first row needs it. */
async function loadAll(
  db: TestDatabase,
  {
    stream,
    first,
    given,
  }: {
    readonly stream: ReturnType<typeof sinkStream>
    readonly first: RecordData
    readonly given: readonly (readonly RecordData[])[]
  },
): Promise<unknown> {
  await using lane = await openLane(db, await begin(db, stream))
  let seq = 0
  const counts: { readonly loaded: number; readonly nulled: number; readonly cut: number }[] = []
  for (const records of [[first], ...given]) {
    for (const record of records) {
      await lane.write(blockOf(stream.columns, [record], { seq }))
      seq += 1
    }
    const { loaded, nulled, cut } = await commit(lane, seq)
    counts.push({ loaded, nulled, cut })
  }
  const rows = await db.query(
    `SELECT (to_jsonb(t) - '_airbyte_raw_id' - '_airbyte_meta')::text AS row, _airbyte_meta->'changes' AS changes
       FROM ${stream.stream.stream.name} t WHERE id IS DISTINCT FROM $1 ORDER BY 1, 2`,
    [first.id],
  )
  if (stream.mode === 'append') {
    const [noted] = await db.query(
      `SELECT count(*)::int AS changes FROM ${stream.stream.stream.name}, jsonb_array_elements(_airbyte_meta->'changes')`,
    )
    const counted = counts.reduce((total, { nulled, cut }) => total + nulled + cut, 0)
    expect(noted).toEqual({ changes: counted })
  }
  return { counts, rows }
}

test.each(
  usually(1, [
    { mode: 'append', deletes: 'hard' },
    { mode: 'append_dedup', deletes: 'hard' },
    { mode: 'append_dedup', deletes: 'soft' },
  ] as const),
)(
  'a load that begins in binary ends in the same table as one in text alone: $mode, $deletes deletes',
  async ({ mode, deletes }) => {
    await using db = await testDatabase()
    let round = 0
    const property = fc.asyncProperty(batches, async (given) => {
      round += 1
      const options = { mode, deletes, ...(mode === 'append' ? {} : { key: ['id'], cursor: 'v' }) }
      const streams = ['binary', 'text'].map((name) =>
        sinkStream(columns, { ...options, name: `${name}_${String(round)}` }),
      )
      const results: unknown[] = []
      for (const [index, stream] of streams.entries()) {
        const first = { id: 100, v: 1, day: index === 0 ? null : beforeChrist, [deletedAt]: null }
        results.push(await loadAll(db, { stream, first, given }))
      }
      expect(results[0]).toEqual(results[1])
    })
    await fc.assert(property, { numRuns: 6 })
  },
)
