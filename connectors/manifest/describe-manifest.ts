import { isRegistered } from '../../manifest-interpreter/builder.ts'
import { list, optionalComponent, optionalText } from '../../manifest-interpreter/definition.ts'
import type { Manifest } from '../../manifest-interpreter/manifest/load-manifest.ts'
import { possibleStreams } from '../../manifest-interpreter/manifest/stream-definitions.ts'
import {
  dynamicStreamName,
  unsupportedDynamicStreams,
  unsupportedReason,
  unsupportedRules,
} from '../../manifest-interpreter/manifest/unsupported.ts'
import { get, isPlainDict } from '../../manifest-interpreter/value/dict.ts'
import { toRecordValue } from '../../manifest-interpreter/value/record-value.ts'
import type { PlainDict, Value } from '../../manifest-interpreter/value/value.ts'
// Not from the index: the command `source` must start without what that loads.
import { isJsonObject, type JsonObject } from '../../protocol/json.ts'
import type { ConnectorStreams } from '../connector.ts'
import type { StreamDescriptor } from '../descriptor-schema.ts'

/** A manifest is never changed, and each listing of the catalog describes all of them. */
const described = new WeakMap<Manifest, ConnectorStreams>()

/** The streams of a manifest, as far as they are known without a configuration. */
export function describeManifest(manifest: Manifest): ConnectorStreams {
  const known = described.get(manifest) ?? describeStreams(manifest)
  described.set(manifest, known)
  return known
}

function describeStreams(manifest: Manifest): ConnectorStreams {
  const { definition } = manifest
  const rules = unsupportedRules(manifest, isRegistered) ?? null
  const unsupported = unsupportedDynamic(manifest, rules)
  const streams = possibleStreams(manifest)
  return {
    streams: streams.map((stream) => describeStream(stream, rules)),
    generatesStreams:
      rules === null && list(definition, 'dynamic_streams').length > unsupported.length,
    unsupportedDynamicStreams: unsupported,
  }
}

/** The reason of the manifest as a whole comes first. */
function unsupportedDynamic(manifest: Manifest, rules: string | null) {
  if (rules === null) return unsupportedDynamicStreams(manifest, isRegistered)
  return list(manifest.definition, 'dynamic_streams')
    .filter(isPlainDict)
    .map((stream, index) => ({ name: dynamicStreamName(stream, index), reason: rules }))
}

/** @param rules why no stream can be read */
function describeStream(stream: PlainDict, rules: string | null): StreamDescriptor {
  // The stream that reads increments says more than the one that reads everything.
  const read = optionalComponent(stream, 'incremental_stream') ?? stream
  const incremental = optionalComponent(read, 'incremental_sync')
  const cursorField = (incremental && optionalText(incremental, 'cursor_field')) ?? null
  return {
    name: optionalText(stream, 'name') ?? '',
    namespace: null,
    schema: schemaOf(read),
    primaryKey: keyNames(get(read, 'primary_key')),
    cursorField,
    syncModes: cursorField === null ? ['full_refresh'] : ['full_refresh', 'incremental'],
    isResumable: cursorField !== null,
    writeOperations: [],
    unsupported: rules ?? unsupportedReason(stream, isRegistered) ?? null,
  }
}

/** Null if only a discovery finds it. */
function schemaOf(stream: PlainDict): JsonObject | null {
  const loader = get(stream, 'schema_loader')
  if (loader === undefined || !isPlainDict(loader)) return null
  const schema = get(loader, 'type') === 'InlineSchemaLoader' ? get(loader, 'schema') : undefined
  const value = schema === undefined ? null : toRecordValue(schema)
  return isJsonObject(value) ? value : null
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
