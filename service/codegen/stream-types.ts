import { streamLabel, type AirbyteCatalog, type AirbyteStream } from '../../protocol/index.ts'
import { declareType } from './declarations.ts'
import { byName } from './json-shape.ts'
import { docComment, propertyKey, stringLiteral } from './source-text.ts'
import type { Declaration } from './type-node.ts'
import { TypeNames, typeName } from './type-names.ts'

/** A stream in the client. */
export interface StreamType {
  /** Its name there: `orders`, or `public.orders`. */
  readonly key: string
  readonly stream: AirbyteStream
  /** Of its record: the first one, and what that is made of. */
  readonly declarations: readonly Declaration[]
}

export function streamTypes(catalog: AirbyteCatalog, names: TypeNames): readonly StreamType[] {
  const keys = new TypeNames([])
  const sorted = catalog.streams
    .map((stream) => [sortKey(stream), stream] as const)
    .toSorted(byName)
    .map(([, stream]) => stream)
  const named = sorted.map((stream) => {
    const label = streamLabel(stream)
    return { stream, key: keys.take(label), name: names.take(typeName(label, 'Record')) }
  })
  return named.map(({ stream, key, name }) => {
    const root = { name, schema: stream.json_schema, doc: streamDoc(stream) }
    return { key, stream, declarations: declareType(root, { names, numbers: 'exact' }) }
  })
}

/** Two streams may have one label: `a.b` without a namespace, and `b` in `a`. */
function sortKey(stream: AirbyteStream): string {
  return JSON.stringify([streamLabel(stream), stream.namespace ?? ''])
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

/** `Streams`, by which the client knows what it may be asked for. */
export function streamsType(streams: readonly StreamType[]): string {
  const entries = streams.map(({ key, declarations: [record] }) => {
    return `  ${propertyKey(key)}: ${record?.name ?? 'unknown'}\n`
  })
  const doc = docComment('The streams of the instance: name, and type of a record.')
  const body = entries.length === 0 ? '{}' : `{\n${entries.join('')}}`
  return `${doc}export type Streams = ${body}\n\n${streamIds(streams)}`
}

/** How the service knows those that are named otherwise here. */
function streamIds(streams: readonly StreamType[]): string {
  const type = 'ReadonlyMap<string, { name: string; namespace?: string }>'
  const others = streams.filter(
    ({ key, stream }) => key !== stream.name || stream.namespace !== undefined,
  )
  if (others.length === 0) return `const streamIds: ${type} = new Map()\n`
  const entries = others.map(({ key, stream: { name, namespace } }) => {
    const inNamespace = namespace === undefined ? '' : `, namespace: ${stringLiteral(namespace)}`
    return `  [${stringLiteral(key)}, { name: ${stringLiteral(name)}${inNamespace} }],\n`
  })
  return `const streamIds: ${type} = new Map([\n${entries.join('')}])\n`
}
