import { streamLabel, type AirbyteCatalog, type AirbyteStream } from '../../protocol/index.ts'
import { nameList, nearestName } from './near-names.ts'
import type { StreamFields } from './stream-selection.ts'

type StreamName = Pick<StreamFields, 'name' | 'namespace'>

export type Found =
  { readonly stream: AirbyteStream } | { readonly problem: string; readonly fix: string }

/** The stream that is meant: by its name, or by `namespace.name`. */
export function findStream(catalog: AirbyteCatalog, wanted: StreamName): Found {
  const matching = matchingStreams(catalog, wanted)
  const [only] = matching
  if (only === undefined) return unknownStream(catalog, wanted)
  if (matching.length === 1) return { stream: only }
  return {
    problem: `several streams have the name "${wanted.name}"`,
    fix: `Write the namespace too: ${nameList(matching.map(streamLabel))}.`,
  }
}

/** The streams that a name may mean: one where it is clear, several where it is the name alone and they differ in their namespace. */
export function matchingStreams(
  { streams }: AirbyteCatalog,
  { name, namespace }: StreamName,
): readonly AirbyteStream[] {
  const byName = streams.filter((stream) => stream.name === name)
  if (namespace !== undefined)
    return byName.filter((stream) => stream.namespace === namespace).slice(0, 1)
  const byLabel = streams.find((stream) => streamLabel(stream) === name)
  if (byLabel !== undefined && (byLabel.namespace !== undefined || byName.length === 1))
    return [byLabel]
  return byName
}

function unknownStream(catalog: AirbyteCatalog, { name, namespace }: StreamName): Found {
  const wanted = namespace === undefined ? name : `${namespace}.${name}`
  const labels = catalog.streams.map(streamLabel)
  const near =
    nearestName(
      wanted,
      catalog.streams.map((stream) => stream.name),
    ) ?? nearestName(wanted, labels)
  const suggestion = near === undefined ? '' : `Did you mean \`${near}\`? `
  return {
    problem: `the source has no stream "${wanted}"`,
    fix: `${suggestion}The source has: ${nameList(labels) || 'no streams'}.`,
  }
}
