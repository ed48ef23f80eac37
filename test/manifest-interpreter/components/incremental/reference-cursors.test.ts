import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { buildCursor } from '../../../../manifest-interpreter/components/incremental/build-cursor.ts'
import { get, has, isDict, isPlainDict } from '../../../../manifest-interpreter/value/dict.ts'
import { dumpJson } from '../../../../manifest-interpreter/value/json-dumps.ts'
import { parseJson } from '../../../../manifest-interpreter/value/json.ts'
import { StreamSlice } from '../../../../manifest-interpreter/value/stream-slice.ts'
import { str } from '../../../../manifest-interpreter/value/text.ts'
import { cursorBuilder } from './cursor-builder.ts'
import type { Cursor, PartitionRouter } from '../../../../manifest-interpreter/contracts.ts'
import type { Dict, PlainDict, Value } from '../../../../manifest-interpreter/value/value.ts'

// The results of the cursors of airbyte-cdk 7.39.1 for random definitions, states and records at
// 2024-03-15T12:34:56.789012Z.
const vectors = readFileSync(new URL('reference-cursors.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line, index) => ({
    name: `${String(index)} ${line.slice(0, 200)}`,
    vector: dict(parseJson(line)),
  }))

const MOST_SLICES = 10

function dict(value: Value | undefined): PlainDict {
  if (value !== undefined && isPlainDict(value)) return value
  throw new TypeError('Expected an object')
}

function list(value: Value | undefined): Value[] {
  return Array.isArray(value) ? value : []
}

function valueOf(value: Value | undefined): Value {
  return value ?? null
}

/** Each partition comes with the state that its parents had then. */
function routerOf(vector: PlainDict): PartitionRouter | null {
  if (!has(vector, 'partitions')) return null
  const parentStates = list(vector.parent_states)
  let parentState: Dict | null = null
  return {
    async *slices() {
      for (const [index, partition] of list(vector.partitions).entries()) {
        const state = parentStates[index]
        parentState = state === undefined ? null : dict(state)
        yield await Promise.resolve(new StreamSlice({ partition: dict(partition) }))
      }
    },
    parentState: () => parentState,
    parents: () => [],
    headers: () => ({}),
    params: () => ({}),
    bodyData: () => ({}),
    bodyJson: () => ({}),
  }
}

interface Run {
  readonly vector: PlainDict
  readonly cursor: Cursor
  readonly slices: readonly StreamSlice[]
  readonly emitted: readonly Dict[]
}

async function begin(vector: PlainDict): Promise<Run> {
  const emitted: Dict[] = []
  const cursor = buildCursor({
    builder: cursorBuilder(),
    definition: dict(vector.definition),
    stream: {},
    streamName: 'items',
    partitionRouter: routerOf(vector),
    state: dict(vector.state),
    emitState: (state) => emitted.push(state),
  })
  if (has(vector, 'state_before')) expectSame(cursor.state(), vector.state_before)
  const slices: StreamSlice[] = []
  for await (const slice of cursor.slices()) {
    slices.push(slice)
    if (slices.length === MOST_SLICES) break
  }
  return { vector, cursor, slices, emitted }
}

/** Equal as Python's values are; the states of partitions in any order. */
function expectSame(actual: Value, expected: Value | undefined): void {
  expect(dumpJson(sorted(actual), { sortKeys: true })).toBe(
    dumpJson(sorted(valueOf(expected)), { sortKeys: true }),
  )
}

function sorted(value: Value): Value {
  if (!isDict(value)) return value
  const states = get(value, 'states')
  if (!Array.isArray(states)) return value
  const order = (state: Value): string => dumpJson(state, { sortKeys: true })
  return {
    ...dict(value),
    states: [...states].sort((left, right) => (order(left) < order(right) ? -1 : 1)),
  }
}

/** An end without bound has no form in JSON. */
function shown(slice: StreamSlice): Value {
  const end = get(slice.cursorSlice, 'end')
  const cursor =
    end === Infinity ? { ...dict(slice.cursorSlice), end: str(end) } : slice.cursorSlice
  return { partition: slice.partition, cursor }
}

function sliceAt({ slices }: Run, index: Value | undefined): StreamSlice {
  return slices[Number(index)] ?? StreamSlice.empty
}

function checkSlices(run: Run): void {
  expectSame(run.slices.map(shown), run.vector.slices)
  for (const entry of list(run.vector.synced)) {
    const synced = list(entry)
    const slice = synced.length === 3 ? sliceAt(run, synced[1]) : StreamSlice.empty
    const record = { updated: valueOf(synced[0]) }
    expect(run.cursor.shouldBeSynced(record, slice)).toBe(synced.at(-1))
  }
}

function readRecords(run: Run, entry: readonly Value[]): StreamSlice {
  const slice = sliceAt(run, entry[0])
  for (const value of list(entry[1])) run.cursor.observe({ updated: value }, slice)
  return slice
}

/** Slices are read one after the other, some of them not to their end. */
function checkReads(run: Run): void {
  for (const entry of list(run.vector.reads).map(list)) {
    const [, , isClosed, reduced, state] = entry
    const slice = readRecords(run, entry)
    if (isPlainDict(reduced)) expectSame(shown(run.cursor.reduceRange?.(slice) ?? slice), reduced)
    if (isClosed === true) run.cursor.closeSlice(slice)
    expectSame(run.cursor.state(), state)
  }
  const halves = run.slices[0] && run.cursor.splitWindow?.(run.slices[0], null)
  if (has(run.vector, 'split')) expectSame(halves?.map(shown) ?? null, run.vector.split)
}

function checkPartitions(run: Run): void {
  for (const entry of list(run.vector.reads).map(list))
    run.cursor.closeSlice(readRecords(run, entry))
  expectSame(run.cursor.state(), run.vector.state_reads)
  run.cursor.ensureStateEmitted()
  expectSame(valueOf(run.emitted.at(-1)), run.vector.state_after)
}

describe('a cursor', () => {
  it.each(vectors)('does what the reference does: $name', async ({ vector }) => {
    if (has(vector, 'error')) {
      await expect(
        begin(vector).then((run) => {
          checkSlices(run)
          checkReads(run)
        }),
      ).rejects.toThrow()
      return
    }
    const run = await begin(vector)
    checkSlices(run)
    if (vector.kind === 'partitions') checkPartitions(run)
    else checkReads(run)
  })
})
