import { list, optionalText, parametersOf, text } from '../../definition.ts'
import {
  dictOf,
  emptyDict,
  entries,
  get,
  has,
  isEmpty,
  isPlainDict,
  merged,
} from '../../value/dict.ts'
import { isHashable } from '../../value/hashable.ts'
import { valueError } from '../../value/python-error.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { str } from '../../value/text.ts'
import { typeName } from '../../value/type-name.ts'
import { refuseRequestOptions } from './refuse-request-options.ts'
import { noOptions } from './routed-options.ts'
import { SeenValues } from './seen-values.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { PartitionRouter } from '../../contracts.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/** UnionPartitionRouter: the partitions of several routers, each value once. */
export function unionPartitionRouter(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): PartitionRouter {
  const children = list(definition, 'partition_routers')
  if (children.length < 2)
    throw valueError(
      `UnionPartitionRouter for stream ${context.streamName} needs at least 2 child partition routers`,
    )
  const routers = builder.buildAll('partitionRouter', [...children], context)
  const field = evaluate(text(definition, 'partition_field'), parametersOf(definition), builder)
  for (const child of children) if (isPlainDict(child)) checkFields(child, field, builder)
  refuseRequestOptions(children, 'UnionPartitionRouter')
  return {
    ...noOptions,
    slices: async function* () {
      const seen = new SeenValues()
      for (const router of routers)
        for await (const slice of router.slices()) {
          if (seen.add(valueOf(slice, field))) yield normalized(slice, field)
        }
    },
    parentState: () => mergedState(routers, builder),
    parents: () => routers.flatMap((router) => router.parents()),
  }
}

function valueOf({ partition }: StreamSlice, field: Value): Value {
  const value = get(partition, field)
  if (value === undefined)
    throw valueError(
      `UnionPartitionRouter expects all child partition routers to emit the partition field '${str(field)}'.`,
    )
  if (!isHashable(value))
    throw valueError(
      `UnionPartitionRouter can only deduplicate hashable partition values. Got a ${typeName(value)} for partition field '${str(field)}'.`,
    )
  return value
}

/** The partition is the value alone, so that the states of all children have the same key. */
function normalized({ partition, extraFields }: StreamSlice, field: Value): StreamSlice {
  const others = entries(partition).filter(([name]) => name !== field)
  return new StreamSlice({
    partition: dictOf([[field, get(partition, field) ?? null]]),
    extraFields: merged(extraFields, dictOf(others)),
  })
}

function mergedState(routers: readonly PartitionRouter[], builder: Builder): Dict {
  let state: Dict = emptyDict()
  for (const router of routers) {
    const own = router.parentState()
    if (own === null || isEmpty(own)) continue
    const collisions = entries(own).filter(([name]) => has(state, name))
    if (collisions.length > 0)
      builder.environment.logger.warn(
        { parents: collisions.map(([name]) => str(name)) },
        'partition routers of a union have the same parent stream: the last state of it is kept',
      )
    state = merged(state, own)
  }
  return state
}

function evaluate(template: string, parameters: Dict, { config, templates }: Builder): Value {
  return templates.string(template, { parameters })({ config })
}

/** A child that is known to make another field shows when the stream is built. */
function checkFields(child: PlainDict, field: Value, builder: Builder): void {
  const type = optionalText(child, 'type') ?? ''
  for (const [template, parameters] of fieldTemplates(child, type)) {
    const own = evaluate(template, parameters, builder)
    if (own !== field)
      throw valueError(
        `UnionPartitionRouter expects all child partition routers to emit the partition field '${str(field)}', but a ${type} child emits '${str(own)}'.`,
      )
  }
}

function fieldTemplates(child: PlainDict, type: string): (readonly [string, Dict])[] {
  switch (type) {
    case 'ListPartitionRouter':
      return [[text(child, 'cursor_field'), parametersOf(child)]]
    case 'UnionPartitionRouter':
      return [[text(child, 'partition_field'), parametersOf(child)]]
    case 'SubstreamPartitionRouter':
      return list(child, 'parent_stream_configs')
        .filter(isPlainDict)
        .map((parent) => {
          const own = parametersOf(parent)
          return [text(parent, 'partition_field'), isEmpty(own) ? parametersOf(child) : own]
        })
    default:
      return []
  }
}
