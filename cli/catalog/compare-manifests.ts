import { describeManifest } from '../../connectors/manifest/describe-manifest.ts'
import type { StreamDescriptor } from '../../connectors/descriptor-schema.ts'
import { serversOf } from '../../connectors/manifest/servers.ts'
import { loadManifest, type Manifest } from '../../manifest-interpreter/manifest/load-manifest.ts'
import { toRecordValue } from '../../manifest-interpreter/value/record-value.ts'
import { isJsonList, isJsonObject, type JsonObject } from '../../protocol/index.ts'

/**
 * The lines that say what a new version of a manifest changes for its users; empty if only its text differs.
 * Throws if one is invalid.
 */
export function compareManifests(before: string, after: string): readonly string[] {
  const [old, next] = [before, after].map((text) => {
    const manifest = loadManifest(text)
    const spec = toRecordValue(manifest.connectionSpecification)
    const { streams } = describeManifest(manifest)
    return { manifest, streams, spec: isJsonObject(spec) ? spec : {} }
  })
  if (old === undefined || next === undefined) return []
  return [
    ...compareServers(old.manifest, next.manifest),
    ...compareFields(old.spec, next.spec),
    ...compareStreams(old.streams, next.streams),
  ]
}

/**
 * The lines that say which other servers get the requests of a connector, and the secrets of its instances
 * with them.
 */
export function compareServers(before: Manifest, after: Manifest): readonly string[] {
  const { removed, added } = difference(serversOf(before), serversOf(after))
  return [
    ...removed.map((server) => `- server ${server}`),
    ...added.map((server) => `${newServer}${server}, which gets the secrets of instances`),
  ]
}

const newServer = '+ server '

/** Whether a line of the comparison says that requests go to a server that they did not go to before. */
export function isNewServer(line: string): boolean {
  return line.startsWith(newServer)
}

function compareFields(before: JsonObject, after: JsonObject): readonly string[] {
  const [old, next] = [before, after].map((spec) => propertiesOf(spec))
  const { removed, added } = difference(Object.keys(old ?? {}), Object.keys(next ?? {}))
  const required = new Set(isJsonList(after.required) ? after.required : [])
  return [
    ...removed.map((name) => `- configuration field ${name}`),
    ...added.map(
      (name) => `+ configuration field ${name}${required.has(name) ? ', which is required' : ''}`,
    ),
  ]
}

function compareStreams(
  before: readonly StreamDescriptor[],
  after: readonly StreamDescriptor[],
): readonly string[] {
  const old = new Map(before.map((stream) => [stream.name, stream]))
  const next = new Map(after.map((stream) => [stream.name, stream]))
  const { removed, added } = difference([...old.keys()], [...next.keys()])
  const changed = [...next].flatMap(([name, stream]) => {
    const previous = old.get(name)
    return previous === undefined ? [] : compareStream(previous, stream)
  })
  return [
    ...removed.map((name) => `- stream ${name}`),
    ...added.map((name) => `+ stream ${name}`),
    ...changed,
  ]
}

function compareStream(before: StreamDescriptor, after: StreamDescriptor): readonly string[] {
  const facts = (stream: StreamDescriptor): readonly [string, string][] => [
    ['key', stream.primaryKey.join(', ') || 'none'],
    ['cursor', stream.cursorField ?? 'none'],
    ['can be read', stream.unsupported === null ? 'yes' : `no: ${stream.unsupported}`],
  ]
  const changes = facts(before).flatMap(([fact, old], index) => {
    const [, next = old] = facts(after)[index] ?? []
    return old === next ? [] : [`~ stream ${before.name}: ${fact} ${old} -> ${next}`]
  })
  const [old, next] = [before, after].map(({ schema }) =>
    Object.keys(schema === null ? {} : propertiesOf(schema)),
  )
  const { removed, added } = difference(old ?? [], next ?? [])
  return [
    ...changes,
    ...removed.map((name) => `~ stream ${before.name}: - field ${name}`),
    ...added.map((name) => `~ stream ${before.name}: + field ${name}`),
  ]
}

function propertiesOf({ properties }: JsonObject): JsonObject {
  return isJsonObject(properties) ? properties : {}
}

function difference(
  before: readonly string[],
  after: readonly string[],
): { readonly removed: readonly string[]; readonly added: readonly string[] } {
  const [old, next] = [new Set(before), new Set(after)]
  return {
    removed: before.filter((name) => !next.has(name)),
    added: after.filter((name) => !old.has(name)),
  }
}
