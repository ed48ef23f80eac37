import fc from 'fast-check'
import type { Metadata, SyncMode } from '../../../sinks/sink.ts'

/**
 * A source table in two versions, with what was synced of the first and how: a state of a connection before a
 * sandbox.
 */
export interface Pair {
  /** How the stream is synced from now on. */
  readonly mode: SyncMode
  readonly syncMode: 'full_refresh' | 'incremental'
  /** How it was synced before; undefined if it never was: there is no table. */
  readonly before: SyncMode | undefined
  readonly metadata: Metadata
  /** A key that the database keeps, one that only the stream has (with NULLs and repetitions), or none. */
  readonly key: 'primary' | 'loose' | 'none'
  /** A view at the destination reads the first column. */
  readonly isViewed: boolean
  readonly columns: readonly PairColumn[]
  readonly rows: readonly PairRow[]
}

export interface PairColumn {
  readonly type: string
  /** In which versions the source has it. */
  readonly in: 'both' | 'first' | 'second'
  /** Its type in the second version, if another, and how a value of the first is one of the second. */
  readonly changed?: { readonly type: string; readonly cast: string }
}

export interface PairRow {
  /** The value of a loose key. */
  readonly loose: number | null
  readonly fate: 'stays' | 'changes' | 'changes unseen' | 'goes' | 'comes'
  /** One for each column, by version: SQL. */
  readonly first: readonly string[]
  readonly second: readonly string[]
}

const values: Readonly<Record<string, fc.Arbitrary<string>>> = {
  integer: fc.integer({ min: -9, max: 9 }).map(String),
  bigint: fc.constantFrom('1', '2', '9007199254740993', '-5'),
  numeric: fc.constantFrom('1.5', '2', '-0.25', '12345678901234567890.5'),
  'double precision': fc.constantFrom('0.5', '2', '-1e10'),
  text: fc.constantFrom(`'a'`, `'b'`, `''`, `E'line\\nbreak\\ttab\\\\'`, `'ü"''x'`),
  boolean: fc.constantFrom('true', 'false'),
  date: fc.constantFrom(`'2024-02-29'`, `'1999-12-31'`),
  timestamptz: fc.constantFrom(`'2024-01-01 00:00:00+00'`, `'2024-06-01 12:30:00.123456+02'`),
  timestamp: fc.constantFrom(`'2024-01-01 00:00:00'`, `'2020-02-02 02:02:02.5'`),
  jsonb: fc.constantFrom(`'{"a": 1}'`, `'[1, 2]'`, `'"text"'`),
  uuid: fc.constantFrom(`'00000000-0000-0000-0000-000000000001'`),
  bytea: fc.constantFrom(`'\\x00ff'`, `'\\x'`),
}

const changes: readonly { readonly from: string; readonly type: string; readonly cast: string }[] =
  [
    { from: 'integer', type: 'text', cast: '::text' },
    { from: 'integer', type: 'numeric', cast: '::numeric' },
    { from: 'bigint', type: 'numeric', cast: '::numeric' },
    { from: 'numeric', type: 'double precision', cast: '::double precision' },
    { from: 'numeric', type: 'text', cast: '::text' },
    { from: 'boolean', type: 'text', cast: '::text' },
    { from: 'date', type: 'timestamptz', cast: `::timestamp AT TIME ZONE 'UTC'` },
    { from: 'date', type: 'timestamp', cast: '::timestamp' },
    { from: 'timestamptz', type: 'text', cast: '::text' },
    { from: 'uuid', type: 'text', cast: '::text' },
    { from: 'jsonb', type: 'text', cast: '::text' },
  ]

const column: fc.Arbitrary<PairColumn> = fc
  .record({
    type: fc.constantFrom(...Object.keys(values)),
    in: fc.constantFrom('both', 'both', 'both', 'first', 'second'),
    change: fc.nat(),
  })
  .map(({ type, in: versions, change }) => {
    const possible = changes.filter(({ from }) => from === type)
    const changed = versions === 'both' ? possible[change % (possible.length * 2)] : undefined
    return { type, in: versions, ...(changed && { changed }) } as const
  })

function value(type: string): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: values[type] ?? fc.constant('NULL') },
    { weight: 1, arbitrary: fc.constant('NULL') },
  )
}

function row(columns: readonly PairColumn[]): fc.Arbitrary<PairRow> {
  const cells = (version: 'first' | 'second') =>
    fc.tuple(
      ...columns.map(({ type, changed }) =>
        value(version === 'second' && changed ? changed.type : type),
      ),
    )
  return fc.record({
    loose: fc.option(fc.integer({ min: 0, max: 4 }), { freq: 6 }),
    fate: fc.constantFrom('stays', 'stays', 'changes', 'changes unseen', 'goes', 'comes'),
    first: cells('first'),
    second: cells('second'),
  })
}

const modes: readonly SyncMode[] = ['append', 'append_dedup', 'overwrite', 'overwrite_dedup']

export const pair: fc.Arbitrary<Pair> = fc
  .array(column, { minLength: 1, maxLength: 5 })
  .chain((columns) =>
    fc.record({
      mode: fc.constantFrom(...modes),
      syncMode: fc.constantFrom('full_refresh' as const, 'incremental' as const),
      history: fc.constantFrom('same', 'same', 'same', 'other', 'none'),
      other: fc.constantFrom(...modes),
      metadata: fc.constantFrom('full' as const, 'minimal' as const, 'none' as const),
      isViewed: fc.nat({ max: 5 }).map((dice) => dice === 0),
      key: fc.constantFrom(
        'primary' as const,
        'primary' as const,
        'loose' as const,
        'none' as const,
      ),
      columns: fc.constant(columns),
      rows: fc.oneof(
        { weight: 1, arbitrary: fc.constant([]) },
        { weight: 8, arbitrary: fc.array(row(columns), { maxLength: 12 }) },
      ),
    }),
  )
  .map(({ history, other, mode, key, metadata, ...rest }) => {
    const possible = (wanted: SyncMode): SyncMode =>
      key === 'none' ? (wanted.startsWith('append') ? 'append' : 'overwrite') : wanted
    const before = history === 'none' ? undefined : possible(history === 'same' ? mode : other)
    const isDedup = [possible(mode), before].some((some) => some?.endsWith('dedup') === true)
    return {
      ...rest,
      key,
      mode: possible(mode),
      before,
      metadata: metadata === 'none' && isDedup ? 'minimal' : metadata,
    }
  })
