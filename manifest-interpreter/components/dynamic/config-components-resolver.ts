import { field, list, parametersOf } from '../../definition.ts'
import { entries, has, isDict, isPlainDict, set } from '../../value/dict.ts'
import { PyTuple, type Dict, type PlainDict, type Value } from '../../value/value.ts'
import { compileGlob, find } from '../transformations/dpath.ts'
import { compileMappings } from './component-mapping.ts'
import { readYamlText } from './read-yaml-text.ts'
import type { Builder } from '../../component.ts'
import type { ComponentsResolver } from './components-resolver.ts'

/**
 * ConfigComponentsResolver: a stream for each entry of lists in the configuration, or for each combination of
 * them.
 */
export function configComponentsResolver(
  definition: PlainDict,
  builder: Builder,
): ComponentsResolver {
  const streamConfig = field(definition, 'stream_config') ?? []
  const lists = (Array.isArray(streamConfig) ? streamConfig : [streamConfig])
    .filter(isPlainDict)
    .map((config) => compileStreamConfig(config, builder))
  return {
    mappings: compileMappings(definition, builder, {
      allowsCondition: true,
      allowsCreation: true,
      readText: (text, isTextWanted) => (isTextWanted ? text : readYamlText(text)),
    }),
    async *values() {
      await Promise.resolve()
      for (const combination of combinations(lists.map((entries) => entries())))
        yield { components_values: mergeEntries(combination) }
    },
  }
}

/** StreamConfig: the entries at a place of the configuration, then its default values. */
function compileStreamConfig(
  definition: PlainDict,
  { templates, config }: Builder,
): () => readonly Value[] {
  const parameters = parametersOf(definition)
  const pointer = list(definition, 'configs_pointer').map((segment) =>
    templates.string(segment, { parameters }),
  )
  return () => {
    const glob = compileGlob(pointer.map((evaluate) => evaluate({ config })))
    const found = find(config, glob) ?? []
    return [...(Array.isArray(found) ? found : [found]), ...list(definition, 'default_values')]
  }
}

/** An entry and its position in its list. */
type Entry = readonly [number, Value]

/** One entry of each list: the last list's changes first. */
function* combinations(lists: readonly (readonly Value[])[]): Generator<readonly Entry[]> {
  const [first, ...rest] = lists
  if (first === undefined) {
    yield []
    return
  }
  for (const entry of first.entries())
    for (const others of combinations(rest)) yield [entry, ...others]
}

/**
 * The fields of all entries. An entry that is not an object comes with its position, under an artificial
 * name.
 */
function mergeEntries(combination: readonly Entry[]): Dict {
  const values: Dict = new Map<Value, Value>()
  for (const [i, [position, entry]] of combination.entries()) {
    const name = `source_config_${i}`
    if (isDict(entry)) for (const [key, value] of entries(entry)) set(values, key, value)
    else if (!has(values, name)) set(values, name, new PyTuple([position, entry]))
  }
  return values
}
