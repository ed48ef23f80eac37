import { field, list, optionalComponent, optionalText } from '../definition.ts'
import { dictOf, entries, isPlainDict } from '../value/dict.ts'
import type { PlainDict, Value } from '../value/value.ts'

/**
 * Turns on the cache of responses of every stream that is a parent of another: several children, and the
 * stream itself, ask for the same. `use_cache: false` stays. New definitions; the given ones are not changed.
 * @param streams those that are built
 * @param all those whose parents count: a stream that is not built makes its parent cached all the same
 */
export function cacheParents(
  streams: readonly PlainDict[],
  all: readonly PlainDict[],
): PlainDict[] {
  const parents = new Set([...streams, ...all].flatMap(parentNames))
  return streams.map((stream) => {
    const inside = withCachedParents(stream)
    const name = optionalText(stream, 'name')
    return name !== undefined && parents.has(name) ? cachedStream(inside) : inside
  })
}

function parentNames(stream: PlainDict): string[] {
  return partitionRouters(partitionRouterOf(stream))
    .flatMap((router) => list(router, 'parent_stream_configs'))
    .flatMap((config) => {
      const parent = isPlainDict(config) ? optionalComponent(config, 'stream') : undefined
      const name = parent === undefined ? undefined : optionalText(parent, 'name')
      return name === undefined ? [] : [name]
    })
}

function partitionRouterOf(stream: PlainDict): Value {
  const retriever = optionalComponent(stream, 'retriever')
  return (retriever === undefined ? undefined : field(retriever, 'partition_router')) ?? null
}

/** A router, or each of a list, and those that they are made of. */
function partitionRouters(router: Value): PlainDict[] {
  if (Array.isArray(router)) return router.flatMap(partitionRouters)
  if (!isPlainDict(router)) return []
  return [
    router,
    ...list(router, 'partition_routers').flatMap(partitionRouters),
    ...partitionRouters(field(router, 'underlying_partition_router') ?? null),
  ]
}

/** Parents that are defined inside of a stream. Their own parents are not looked at, as in the reference. */
function withCachedParents(stream: PlainDict): PlainDict {
  return changed(stream, 'retriever', (retriever) =>
    changedValue(retriever, 'partition_router', cachedRouter),
  )
}

function cachedRouter(router: Value): Value {
  if (Array.isArray(router)) return router.map(cachedRouter)
  if (!isPlainDict(router)) return router
  const own = changedValue(router, 'parent_stream_configs', cachedParentConfigs)
  const inner = changedValue(own, 'partition_routers', cachedRouter)
  return changedValue(inner, 'underlying_partition_router', cachedRouter)
}

function cachedParentConfigs(configs: Value): Value {
  if (!Array.isArray(configs)) return configs
  return configs.map((config) =>
    isPlainDict(config) ? changed(config, 'stream', cachedStream) : config,
  )
}

function cachedStream(stream: PlainDict): PlainDict {
  if (field(stream, 'type') !== 'StateDelegatingStream') return cachedRetriever(stream)
  const withFull = changed(stream, 'full_refresh_stream', cachedRetriever)
  return changed(withFull, 'incremental_stream', cachedRetriever)
}

function cachedRetriever(stream: PlainDict): PlainDict {
  return changed(stream, 'retriever', (retriever) =>
    changed(retriever, 'requester', cachedRequester),
  )
}

function cachedRequester(requester: PlainDict): PlainDict {
  return field(requester, 'use_cache') === false
    ? requester
    : withField(requester, 'use_cache', true)
}

/** The definition with a component of it changed; as it is if it has none. */
function changed(
  definition: PlainDict,
  name: string,
  change: (component: PlainDict) => PlainDict,
): PlainDict {
  return changedValue(definition, name, (value) => (isPlainDict(value) ? change(value) : value))
}

function changedValue(
  definition: PlainDict,
  name: string,
  change: (value: Value) => Value,
): PlainDict {
  const value = field(definition, name)
  if (value === undefined) return definition
  const next = change(value)
  return next === value ? definition : withField(definition, name, next)
}

function withField(definition: PlainDict, name: string, value: Value): PlainDict {
  const dict = dictOf([...entries(definition), [name, value]])
  return isPlainDict(dict) ? dict : definition
}
