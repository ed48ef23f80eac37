import { isRegistered } from '../../manifest-interpreter/builder.ts'
import { list, optionalComponent, optionalText } from '../../manifest-interpreter/definition.ts'
import type { Manifest } from '../../manifest-interpreter/manifest/load-manifest.ts'
import { unsupportedReason } from '../../manifest-interpreter/manifest/unsupported.ts'
import { get, isPlainDict } from '../../manifest-interpreter/value/dict.ts'
import type { PlainDict, Value } from '../../manifest-interpreter/value/value.ts'

/** A stream of a manifest, as far as it can be told without a configuration. */
export interface StreamDescription {
  readonly name: string
  readonly primary_key: readonly string[]
  readonly cursor_field: string | null
  /** Why it cannot be read here; null if it can. */
  readonly unsupported: string | null
}

export interface ManifestDescription {
  readonly streams: readonly StreamDescription[]
  /** True if it has more streams, which it makes from the configuration or from what its API answers. */
  readonly isDynamic: boolean
}

export function describeManifest({ definition }: Manifest): ManifestDescription {
  const streams = list(definition, 'streams')
    .filter(isPlainDict)
    .flatMap((stream) =>
      get(stream, 'type') === 'ConditionalStreams'
        ? list(stream, 'streams').filter(isPlainDict)
        : [stream],
    )
  return {
    streams: streams.map(describeStream),
    isDynamic: list(definition, 'dynamic_streams').length > 0,
  }
}

function describeStream(stream: PlainDict): StreamDescription {
  // The stream that reads increments says more than the one that reads everything.
  const read = optionalComponent(stream, 'incremental_stream') ?? stream
  const incremental = optionalComponent(read, 'incremental_sync')
  return {
    name: optionalText(stream, 'name') ?? '',
    primary_key: keyNames(get(read, 'primary_key')),
    cursor_field: (incremental && optionalText(incremental, 'cursor_field')) ?? null,
    unsupported: unsupportedReason(stream, isRegistered) ?? null,
  }
}

/** One name, a list of names, or a list of paths. */
function keyNames(key: Value | undefined): readonly string[] {
  if (typeof key === 'string') return key === '' ? [] : [key]
  if (!Array.isArray(key)) return []
  return key.map((part) => (Array.isArray(part) ? part.map(text) : [text(part)]).join('.'))
}

function text(part: Value): string {
  return typeof part === 'string' ? part : ''
}
