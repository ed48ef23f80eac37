import { component, flag, optionalNumber } from '../../definition.ts'
import { dictOf, emptyDict, get, keys } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { refuseRequestOptions } from './refuse-request-options.ts'
import { noOptions } from './routed-options.ts'
import { SeenValues } from './seen-values.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { PartitionRouter } from '../../contracts.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/** GroupingPartitionRouter: puts several partitions of another router into one, whose values are lists. */
export function groupingPartitionRouter(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): PartitionRouter {
  const underlying = component(definition, 'underlying_partition_router')
  const router = builder.build('partitionRouter', underlying, context)
  const groupSize = optionalNumber(definition, 'group_size') ?? 0
  if (groupSize < 1) throw valueError(`Group size must be greater than 0, got ${groupSize}`)
  refuseRequestOptions([underlying], 'GroupingPartitionRouter')
  const deduplicates = flag(definition, 'deduplicate', true)
  // The state of the parents as it was when the last group was complete.
  let parentState: Dict | null = emptyDict()
  return {
    ...noOptions,
    slices: async function* () {
      const seen = deduplicates ? new SeenValues() : null
      let group: StreamSlice[] = []
      for await (const slice of router.slices()) {
        const value = onlyValue(slice)
        if (seen?.add(value) === false) continue
        group.push(slice)
        if (group.length < groupSize) continue
        parentState = router.parentState()
        yield grouped(group)
        group = []
      }
      parentState = router.parentState()
      if (group.length > 0) yield grouped(group)
    },
    parentState: () => parentState,
    parents: () => router.parents(),
  }
}

function onlyValue({ partition }: StreamSlice): Value {
  const names = keys(partition).filter((name) => name !== 'parent_slice')
  const [name] = names
  if (name === undefined || names.length > 1)
    throw valueError(
      `GroupingPartitionRouter expects a single partition key-value pair. Got the keys ${names.map(String).join(', ')}`,
    )
  return get(partition, name) ?? null
}

function grouped(group: readonly StreamSlice[]): StreamSlice {
  const partitions = group.map(({ partition }) => partition)
  const extras = group.map(({ extraFields }) => extraFields)
  return new StreamSlice({
    partition: lists(partitions, keys(partitions[0] ?? emptyDict())),
    extraFields: lists(
      extras,
      extras.flatMap((extra) => keys(extra)),
    ),
  })
}

function lists(dicts: readonly Dict[], names: readonly Value[]): Dict {
  return dictOf(names.map((name) => [name, dicts.map((dict) => get(dict, name) ?? null)]))
}
