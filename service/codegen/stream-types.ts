import { createHash } from 'node:crypto'
import {
  streamKey,
  streamLabel,
  type AirbyteCatalog,
  type AirbyteStream,
} from '../../protocol/index.ts'
import { withoutTwins } from '../../plan/streams/find-stream.ts'
import { declareType } from './declarations.ts'
import { byName } from './by-name.ts'
import type { StoredName } from './stored-names.ts'
import { docComment, propertyKey, stringLiteral } from './source-text.ts'
import type { Declaration } from './type-node.ts'
import { typeName, type TypeNames } from './type-names.ts'

/** A stream in the client. */
export interface StreamType {
  /** Its name in the client, which is its label: `orders`, or `public.orders`. */
  readonly key: string
  readonly stream: AirbyteStream
  /** The declarations of its record: the first one, and those that it uses. */
  readonly declarations: readonly Declaration[]
}

/**
 * The names depend only on the stream, so that no other stream can take over a name: if two would have the
 * same name, both end in a digest of what they are. `storedNames`: the names of the client that this one
 * replaces, which stay.
 */
export function streamTypes(
  catalog: AirbyteCatalog,
  names: TypeNames,
  storedNames: readonly StoredName[],
): readonly StreamType[] {
  const sorted = withoutTwins(catalog.streams)
    .map((stream) => [streamLabel(stream), stream] as const)
    .toSorted(byName)
  const usable = storedNames.filter(({ type }) => !names.isTaken(type))
  const keptTypes = new Map(usable.map(({ stream, type }) => [stream, names.take(type)] as const))
  const alike = Map.groupBy(sorted, ([label]) => typeName(label, 'Record'))
  const named = sorted.map(([key, stream]) => {
    const name = keptTypes.get(key) ?? newName(stream, { names, alike })
    return { key, stream, name }
  })
  return named.map(({ stream, key, name }) => {
    const root = { name, schema: stream.json_schema, doc: streamDoc(stream) }
    return {
      key,
      stream,
      declarations: declareType(root, { names, numbers: 'exact', role: 'any' }),
    }
  })
}

function newName(
  stream: AirbyteStream,
  others: { readonly names: TypeNames; readonly alike: ReadonlyMap<string, readonly unknown[]> },
): string {
  const { names, alike } = others
  const plain = typeName(streamLabel(stream), 'Record')
  const isItsOwn = alike.get(plain)?.length === 1 && !names.isTaken(plain)
  if (isItsOwn) return names.take(plain)
  const digest = createHash('sha256').update(streamKey(stream)).digest('hex').slice(0, 6)
  return names.take(`${plain}_${digest}`)
}

function streamDoc(stream: AirbyteStream): string {
  const { description } = stream.json_schema
  const key = (stream.source_defined_primary_key ?? []).map((path) => path.join('.')).join(', ')
  const cursor = (stream.default_cursor_field ?? []).join('.')
  const facts = [
    `A record of \`${streamLabel(stream)}\`.`,
    key === '' ? '' : `Primary key: ${key}.`,
    cursor === '' ? '' : `Cursor: ${cursor}.`,
  ]
  const said = typeof description === 'string' ? `\n${description.slice(0, 2000)}` : ''
  return facts.filter((fact) => fact !== '').join(' ') + said
}

/** The type `Streams`, which lists what the client may be asked for. */
export function streamsType(streams: readonly StreamType[]): string {
  const entries = streams.map(({ key, declarations: [record] }) => {
    return `  ${propertyKey(key)}: ${record?.name ?? 'unknown'}\n`
  })
  const doc = docComment('The streams of the instance: name, and type of a record.')
  const body = entries.length === 0 ? '{}' : `{\n${entries.join('')}}`
  return `${doc}export type Streams = ${body}\n\n${streamIds(streams)}`
}

/** The identities of the streams at the service. */
function streamIds(streams: readonly StreamType[]): string {
  const type = 'ReadonlyMap<string, { name: string; namespace?: string }>'
  const entries = streams.map(({ key, stream: { name, namespace } }) => {
    const inNamespace = namespace === undefined ? '' : `, namespace: ${stringLiteral(namespace)}`
    return `  [${stringLiteral(key)}, { name: ${stringLiteral(name)}${inNamespace} }],\n`
  })
  if (entries.length === 0) return `const streamIds: ${type} = new Map()\n`
  return `const streamIds: ${type} = new Map([\n${entries.join('')}])\n`
}
