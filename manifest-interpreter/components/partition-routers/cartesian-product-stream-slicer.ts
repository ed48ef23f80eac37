import { dictOf, emptyDict, get, has, isDict, isEmpty, keys } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { PartitionRouter, RequestOptions, RequestScope } from '../../contracts.ts'
import type { Dict, Value } from '../../value/value.ts'

/** A list of partition routers: a partition for each combination of their partitions. */
export function cartesianProductStreamSlicer(
  definitions: Value[],
  builder: Builder,
  context: BuildContext,
): PartitionRouter {
  const routers = builder.buildAll('partitionRouter', definitions, context)
  const parents = routers.flatMap((router) => router.parents())
  if (parents.length > 0)
    builder.environment.logger.warn(
      { stream: context.streamName },
      'the states of parent streams are not saved if several partition routers are combined',
    )
  return {
    ...combinedOptions(routers),
    slices: async function* () {
      const pools: StreamSlice[][] = []
      for (const router of routers) pools.push(await collect(router.slices()))
      for (const slices of combinations(pools)) yield combine(slices)
    },
    parentState: () => null,
    parents: () => parents,
  }
}

/** All combinations, the last list the fastest. */
function* combinations(pools: readonly (readonly StreamSlice[])[]): Iterable<StreamSlice[]> {
  const [first, ...rest] = pools
  if (first === undefined) {
    yield []
    return
  }
  for (const slice of first) for (const others of combinations(rest)) yield [slice, ...others]
}

function combine(slices: readonly StreamSlice[]): StreamSlice {
  const cursorSlices = slices
    .map(({ cursorSlice }) => cursorSlice)
    .filter((cursorSlice) => !isEmpty(cursorSlice))
  if (cursorSlices.length > 1)
    throw valueError('There should only be a single cursor slice. Found several.')
  return new StreamSlice({
    partition: chained(slices.map(({ partition }) => partition)),
    cursorSlice: cursorSlices[0] ?? emptyDict(),
    extraFields: chained(slices.map(({ extraFields }) => extraFields)),
  })
}

/**
 * Merges several dicts, as Python's ChainMap: the first dict wins, and the keys of the last dict come first.
 */
function chained(dicts: readonly Dict[]): Dict {
  const names = dicts.toReversed().flatMap((dict) => keys(dict))
  return dictOf(names.map((name) => [name, firstValue(dicts, name)]))
}

function firstValue(dicts: readonly Dict[], name: Value): Value {
  const holder = dicts.find((dict) => has(dict, name))
  return holder === undefined ? null : (get(holder, name) ?? null)
}

function combinedOptions(routers: readonly PartitionRouter[]): RequestOptions {
  const combined = (part: keyof RequestOptions) => (scope: RequestScope) =>
    chained(routers.map((router) => router[part](scope)).filter(isDict))
  return {
    headers: combined('headers'),
    params: combined('params'),
    bodyData: combined('bodyData'),
    bodyJson: combined('bodyJson'),
  }
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}
