import { list } from '../../definition.ts'
import { emptyDict, dictOf, isEmpty, isPlainDict, set } from '../../value/dict.ts'
import { typeError, valueError } from '../../value/python-error.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { str } from '../../value/text.ts'
import { compileGlob, find, type Glob } from '../transformations/dpath.ts'
import { LAZY_PAGE_FIELD, LazyPage } from './lazy-first-page.ts'
import { parentStream, type ParentStream } from './parent-stream.ts'
import { routedOptions } from './routed-options.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { PartitionRouter } from '../../contracts.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/** SubstreamPartitionRouter: a partition for each record of the parent streams. */
export function substreamPartitionRouter(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): PartitionRouter {
  const parents = list(definition, 'parent_stream_configs')
    .filter(isPlainDict)
    .map((parent) => parentStream(parent, builder, context))
  if (parents.length === 0)
    throw valueError('SubstreamPartitionRouter needs at least 1 parent stream')
  return {
    ...routedOptions(
      parents.map(({ partitionField, requestOption }) => ({
        field: partitionField,
        option: requestOption,
      })),
    ),
    slices: async function* () {
      for (const parent of parents) yield* slicesOf(parent)
    },
    parentState: () => stateOf(parents),
    parents: () => parents.map(({ stream }) => stream),
  }
}

function stateOf(parents: readonly ParentStream[]): Dict {
  const states = emptyDict()
  for (const { incrementalDependency, stream } of parents)
    if (incrementalDependency) set(states, stream.name, stream.cursor.state())
  return states
}

/**
 * The parent's cursor observes a record before its slice is given, and closes the parent's slice before the
 * slice of its last record is given: the state of the parent that belongs to a child's slice has that record
 * in it.
 */
async function* slicesOf(parent: ParentStream): AsyncIterable<StreamSlice> {
  const { cursor, retriever } = parent.stream
  const toSlice = slicer(parent)
  for await (const [parentSlice, isLast] of withLast(parent.stream.slices())) {
    let held: Dict | undefined
    for await (const records of retriever.read(parentSlice)) {
      for (const record of records) {
        const slice = held === undefined ? null : toSlice(held, parentSlice)
        if (slice !== null) yield slice
        held = record
      }
    }
    const slice = held === undefined ? null : toSlice(held, parentSlice)
    cursor.closeSlice(parentSlice)
    if (isLast) cursor.ensureStateEmitted()
    if (slice !== null) yield slice
  }
}

/** Observes a record of the parent and returns its slice; null for a record without the key. */
function slicer(parent: ParentStream): (record: Dict, slice: StreamSlice) => StreamSlice | null {
  const { cursor } = parent.stream
  const key = compileGlob(pathOf(parent.key()))
  const partitionField = parent.partitionField()
  const extraFields = parent.extraFields().map((path) => [nameOf(path), compileGlob(path)] as const)
  const pointer = parent.lazyReadPointer === null ? null : compileGlob(parent.lazyReadPointer())
  return (record, slice) => {
    cursor.observe(record, slice)
    const value = find(record, key) ?? null
    if (value === null) return null
    return new StreamSlice({
      partition: dictOf([
        [partitionField, value],
        ['parent_slice', isEmpty(slice.partition) ? emptyDict() : slice.partition],
      ]),
      extraFields: extraFieldsOf(record, extraFields, pointer),
    })
  }
}

function extraFieldsOf(
  record: Dict,
  paths: readonly (readonly [name: string, path: Glob])[],
  pointer: Glob | null,
): Dict {
  const extra: [string, Value][] = []
  if (pointer !== null) extra.push([LAZY_PAGE_FIELD, new LazyPage(find(record, pointer) ?? [])])
  for (const [name, path] of paths) extra.push([name, find(record, path) ?? null])
  return dictOf(extra)
}

/** The keys of a path that is written with slashes. */
function pathOf(path: Value): readonly string[] {
  if (typeof path !== 'string') throw typeError('The parent_key of a parent stream must be text.')
  return path === '' || path === '/' ? [] : path.replace(/^\/+/, '').split('/')
}

function nameOf(path: readonly Value[]): string {
  if (!path.every((part) => typeof part === 'string'))
    throw typeError('The extra_fields of a parent stream must be lists of texts.')
  return path.map(str).join('.')
}

/** The items, each with whether it is the last. Takes one item ahead. */
async function* withLast<Item>(
  items: AsyncIterable<Item>,
): AsyncIterable<readonly [item: Item, isLast: boolean]> {
  let held: readonly [Item] | undefined
  for await (const item of items) {
    if (held !== undefined) yield [held[0], false]
    held = [item]
  }
  if (held !== undefined) yield [held[0], true]
}
