import { list, optionalText } from '../definition.ts'
import type { TemplateCompiler } from '../interpolation/template-compiler.ts'
import { get, has, isPlainDict } from '../value/dict.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'
import type { Manifest } from './load-manifest.ts'

/**
 * The definitions of the streams that a manifest lists, for a configuration: those of ConditionalStreams if
 * their condition holds. Streams that it generates (`dynamic_streams`) come after these.
 */
export function staticStreams(
  { definition }: Manifest,
  config: Dict,
  templates: TemplateCompiler,
): PlainDict[] {
  return list(definition, 'streams').flatMap((stream) => {
    if (!isPlainDict(stream)) return []
    if (get(stream, 'type') !== 'ConditionalStreams') return [stream]
    const holds = templates.boolean(get(stream, 'condition') ?? '')({ config })
    return holds ? list(stream, 'streams').filter(isPlainDict) : []
  })
}

/**
 * The definitions of all streams that a manifest lists: those of ConditionalStreams for any configuration.
 */
export function possibleStreams({ definition }: Manifest): PlainDict[] {
  return list(definition, 'streams')
    .filter(isPlainDict)
    .flatMap((stream) =>
      get(stream, 'type') === 'ConditionalStreams'
        ? list(stream, 'streams').filter(isPlainDict)
        : [stream],
    )
}

/** The group of each stream that is in one: no two streams of a group are read at the same time. */
export function streamGroups({ definition }: Manifest): ReadonlyMap<string, string> {
  const groups = new Map<string, string>()
  const definitions = get(definition, 'stream_groups')
  if (definitions === undefined || !isPlainDict(definitions)) return groups
  for (const [group, members] of Object.entries(definitions)) {
    if (!isPlainDict(members)) continue
    for (const name of list(members, 'streams').map(streamName)) {
      if (name !== '') groups.set(name, group)
    }
  }
  return groups
}

function streamName(stream: Value): string {
  return isPlainDict(stream) && has(stream, 'name') ? (optionalText(stream, 'name') ?? '') : ''
}
