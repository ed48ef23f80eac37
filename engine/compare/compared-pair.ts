import type { SourceRows } from '../../connectors/connector.ts'
import type { ComparedRows, HashFacts, KeyRange, RowComparison } from '../../protocol/comparison.ts'
import { ConnectError, primaryKey, streamLabel } from '../../protocol/index.ts'
import type { TableRows } from '../../sinks/sink.ts'
import type { PlannedStream } from '../run-types.ts'
import type { Snapshots } from './snapshots.ts'

/** The rows of a stream on both sides, and how they are compared. */
export interface ComparedPair extends AsyncDisposable {
  readonly source: ComparedRows
  readonly destination: ComparedRows
  readonly sourceRows: SourceRows
  readonly table: TableRows
  readonly comparison: RowComparison
}

/** Throws if a side cannot be read, or if there is nothing to compare. */
export async function openPair(
  planned: PlannedStream,
  { source, destination }: Snapshots,
): Promise<ComparedPair> {
  await using opened = new AsyncDisposableStack()
  const table = opened.use(await destination.openRows(planned))
  const key = keyOf(planned)
  const isMerged = planned.mode === 'append_dedup' || planned.mode === 'overwrite_dedup'
  const sourceRows = opened.use(
    await source.openRows({
      stream: planned.source?.stream ?? planned.stream,
      rules: planned.source?.rules,
      table: table.fields,
      key,
      mergesKeys: isMerged || planned.mode === 'append',
      leavesDeletedOut: isMerged,
    }),
  )
  const hash = hashOf(source.hashFacts, destination.hashFacts)
  const comparison = agree(planned, { rows: sourceRows, key, hash })
  const hidden = opened.move()
  return {
    source: sourceRows.comparing(comparison),
    destination: table.comparing(comparison, sourceRows.orderedKey),
    sourceRows,
    table,
    comparison,
    [Symbol.asyncDispose]: () => hidden.disposeAsync(),
  }
}

/** The fields of the key at the destination; empty if there is none, or one inside of a column. */
export function keyOf({ stream }: Pick<PlannedStream, 'stream'>): readonly string[] {
  const paths = primaryKey(stream) ?? []
  return paths.every(({ length }) => length === 1) ? paths.flatMap(([field]) => field ?? []) : []
}

function agree(
  { stream, rules }: PlannedStream,
  {
    rows: { fields },
    key,
    hash,
  }: {
    readonly rows: SourceRows
    readonly key: readonly string[]
    readonly hash: RowComparison['hash']
  },
): RowComparison {
  if (fields.length === 0) {
    const details = {
      subject: `stream ${streamLabel(stream.stream)}`,
      problem: 'none of its columns has the same form on both sides',
      fix: 'Look at the columns of its table: their types are others than those of the source.',
    }
    throw new ConnectError('comparison_refused', { details })
  }
  const compared = new Set(fields.map(({ field }) => field))
  const isUsable = key.every(
    (field) => compared.has(field) && rules?.masked.includes(field) !== true,
  )
  return { fields, key: isUsable ? key : [], hash }
}

function hashOf(source: HashFacts, destination: HashFacts): RowComparison['hash'] {
  return source.probe === destination.probe && source.encoding === destination.encoding
    ? 'fast'
    : 'md5'
}

/** The ranges between bounds of the key, which are ascending. */
export function rangesBetween(bounds: readonly string[]): readonly KeyRange[] {
  return [null, ...bounds].map((from, index) => ({ from, to: bounds[index] ?? null }))
}
