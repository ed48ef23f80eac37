import {
  parseStreamLabel,
  quotedStreamLabel,
  streamKey,
  streamLabel,
  type AirbyteCatalog,
  type AirbyteStream,
  type NamedStream,
} from '../../protocol/index.ts'
import { nameSuggestion, nameList, nearestName } from '../../lib/text/near-names.ts'
import type { StreamFields } from './stream-selection.ts'

type StreamName = Pick<StreamFields, 'name' | 'namespace'>

export type StreamMatch<Stream = AirbyteStream> =
  { readonly stream: Stream } | { readonly problem: string; readonly fix: string }

/** The stream of the source that is meant: by its name, or by `namespace.name`. */
export function findStream({ streams }: AirbyteCatalog, wanted: StreamName): StreamMatch {
  return findAmong(streams, wanted, 'the source')
}

/** @param owner whose streams they are, as a message names it: `the source` */
export function findAmong<Stream extends NamedStream>(
  streams: readonly Stream[],
  wanted: StreamName,
  owner: string,
): StreamMatch<Stream> {
  const matching = matchingStreams(streams, wanted)
  const [only] = matching
  if (only === undefined) return unknownStream(streams, wanted, owner)
  if (matching.length === 1) return { stream: only }
  const choices = matching.map((stream) => unambiguousLabel(streams, stream))
  return {
    problem: `"${wanted.name}" may mean several streams`,
    fix: `Write one of them: ${nameList(choices)}.`,
  }
}

/**
 * The streams that a text may mean. A label with a quoted part (`"a.b".c`) is one stream; other text, and one
 * quoted part (`"a.b"`), may be a name alone or `namespace.name`, and may mean several.
 */
export function matchingStreams<Stream extends NamedStream>(
  streams: readonly Stream[],
  { name, namespace }: StreamName,
): readonly Stream[] {
  const exact = namespace === undefined ? parseStreamLabel(name) : { namespace, name }
  const match = exact && streams.find((stream) => streamKey(stream) === streamKey(exact))
  if (match !== undefined) return [match]
  if (namespace !== undefined) return []
  const alone = exact?.namespace === undefined ? exact?.name : undefined
  const named = streams.filter(
    (stream) => stream.name === name || stream.name === alone || qualifiedName(stream) === name,
  )
  return withoutTwins(named)
}

/** If a source lists a stream twice, only the first one counts. */
export function withoutTwins<Stream extends NamedStream>(
  streams: readonly Stream[],
): readonly Stream[] {
  const seen = new Map<string, Stream>()
  for (const stream of streams) {
    const key = streamKey(stream)
    if (!seen.has(key)) seen.set(key, stream)
  }
  return [...seen.values()]
}

/** As most people write it: two streams may have the same. */
function qualifiedName({ namespace, name }: NamedStream): string | undefined {
  return typeof namespace === 'string' ? `${namespace}.${name}` : undefined
}

/** The text that means this stream and no other. */
function unambiguousLabel(streams: readonly NamedStream[], stream: NamedStream): string {
  const label = streamLabel(stream)
  return matchingStreams(streams, { name: label }).length === 1 ? label : quotedStreamLabel(stream)
}

function unknownStream(
  streams: readonly NamedStream[],
  { name, namespace }: StreamName,
  owner: string,
): { readonly problem: string; readonly fix: string } {
  const wanted = namespace === undefined ? name : streamLabel({ name, namespace })
  const shown = wanted.includes('"') ? wanted : `"${wanted}"`
  const labels = streams.map(streamLabel)
  const near =
    nearestName(
      wanted,
      streams.map(({ name: own }) => streamLabel({ name: own })),
    ) ?? nearestName(wanted, labels)
  const suggestion = nameSuggestion(near)
  return {
    problem: `${owner} has no stream ${shown}`,
    fix: `${suggestion}${sentenceStart(owner)} has: ${nameList(labels) || 'no streams'}.`,
  }
}

function sentenceStart(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
}
