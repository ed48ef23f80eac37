import type { CursorBounds } from '../../connectors/connector.ts'
import type { RowCells, RowComparison, RowScope } from '../../protocol/comparison.ts'
import { both } from './both.ts'
import type { ComparedPair } from './compared-pair.ts'
import type { CompareOptions } from './compare-options.ts'
import type { RowExample, StreamComparison } from './comparison-report.ts'
import type { RowDifference } from './merge-rows.ts'
import type { PlannedStream } from '../run-types.ts'

export interface FoundDifferences extends Pick<
  StreamComparison,
  'missing' | 'extra' | 'different' | 'explained' | 'columns' | 'examined' | 'examples'
> {
  /** The range of the cursor that has all rows that are missing or different at the destination. */
  readonly cursor: CursorBounds | undefined
}

/** Rows that are looked at by column, of each stream, and at a time. */
const mostExamined = 10_000
const examinedAtOnce = 5_000

/** The differences of a stream, and examples of them. */
export class DifferenceAccount {
  readonly #planned: PlannedStream
  readonly #comparison: RowComparison
  readonly #options: CompareOptions
  readonly #counts = { missing: 0, extra: 0, different: 0, explained: 0, examined: 0 }
  readonly #columns = new Map<string, number>()
  readonly #examples = { missing: examples(), extra: examples(), different: examples() }
  #cursor: CursorBounds | undefined

  constructor(planned: PlannedStream, comparison: RowComparison, options: CompareOptions) {
    this.#planned = planned
    this.#comparison = comparison
    this.#options = options
  }

  get found(): FoundDifferences {
    const columns = [...this.#columns].map(([name, rows]) => ({ name, rows }))
    return {
      ...this.#counts,
      columns: columns.toSorted((left, right) => right.rows - left.rows),
      examples: this.#examples,
      cursor: this.#cursor,
    }
  }

  /** `pair`: the rows in which the differences were found. */
  async add(
    pair: ComparedPair,
    {
      scope,
      differences,
    }: { readonly scope: RowScope; readonly differences: readonly RowDifference[] },
  ): Promise<void> {
    for (const { key, missing, extra, different } of differences) {
      this.#counts.missing += missing
      this.#counts.extra += extra
      this.#counts.different += different
      if (missing > 0) this.#addExample('missing', { key })
      if (extra > 0) this.#addExample('extra', { key })
    }
    const changed = differences.filter(({ different }) => different > 0)
    for (const some of chunks(changed, examinedAtOnce)) await this.#examine(pair, scope, some)
    const unloaded = differences.filter(({ missing, different }) => missing + different > 0)
    await this.#extendCursor(pair, scope, unloaded)
  }

  #addExample(kind: 'missing' | 'extra' | 'different', example: RowExample): void {
    const list = this.#examples[kind]
    if (this.#comparison.key.length > 0 && list.length < this.#options.examples) list.push(example)
  }

  async #examine(
    pair: ComparedPair,
    scope: RowScope,
    some: readonly RowDifference[],
  ): Promise<void> {
    const differences = some.slice(0, mostExamined - this.#counts.examined)
    if (differences.length === 0) return
    const ids = differences.map(({ id }) => id)
    const withValues =
      this.#options.withValues && this.#examples.different.length < this.#options.examples
    const [here, there] = await both(
      pair.source.readCells(scope, ids, { withValues }),
      pair.destination.readCells(scope, ids, { withValues }),
    )
    const [source, destination] = [byId(here), byId(there)]
    for (const difference of differences) {
      const [left, right] = [source.get(difference.id), destination.get(difference.id)]
      if (left !== undefined && right !== undefined) this.#compareCells(difference, left, right)
    }
  }

  #compareCells({ key, different }: RowDifference, left: RowCells, right: RowCells): void {
    const fields = this.#comparison.fields.map(({ field }) => field)
    const changed = fields.flatMap((name, index) =>
      left.hashes[index] === right.hashes[index] ? [] : [{ name, index }],
    )
    this.#counts.examined += 1
    if (changed.length > 0 && changed.every(({ name }) => right.noted.includes(name))) {
      this.#counts.different -= different
      this.#counts.explained += different
      return
    }
    for (const { name } of changed) this.#columns.set(name, (this.#columns.get(name) ?? 0) + 1)
    const columns = changed.map(({ name, index }) => {
      const isMasked = this.#planned.rules?.masked.includes(name) === true
      if (left.values === undefined || right.values === undefined || isMasked) return { name }
      const [source = null, destination = null] = [left.values[index], right.values[index]]
      return { name, source, destination }
    })
    this.#addExample('different', { key, columns })
  }

  async #extendCursor(
    { sourceRows }: ComparedPair,
    scope: RowScope,
    differences: readonly RowDifference[],
  ): Promise<void> {
    if (this.#planned.stream.sync_mode !== 'incremental') return
    for (const some of chunks(differences, mostExamined)) {
      const ids = some.map(({ id }) => id)
      const request = { scope, ids, known: this.#cursor }
      this.#cursor = await sourceRows.cursorBounds(this.#comparison, request)
    }
  }
}

function examples(): RowExample[] {
  return []
}

function byId(cells: readonly RowCells[]): ReadonlyMap<string, RowCells> {
  return new Map(cells.map((row) => [row.id, row]))
}

function chunks<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}
