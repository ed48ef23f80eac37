import { readFileSync, writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { formatPointer, parseLocalReference } from '../../lib/text/json-pointer.ts'
import { loadYaml } from '../../manifest-interpreter/yaml/load-yaml.ts'
import {
  placedNodes,
  type PlacedEntry,
  type PlacedNode,
} from '../../manifest-interpreter/yaml/placed-nodes.ts'
import { toRecordValue } from '../../manifest-interpreter/value/record-value.ts'
import { stringifyExact } from '../../protocol/exact-json.ts'
import {
  isJsonList,
  isJsonObject,
  valueAt,
  type JsonObject,
  type JsonValue,
} from '../../protocol/index.ts'
import { schemaLines } from './schema-text.ts'

export interface SchemaEdit {
  readonly stream: string
  readonly schema: JsonObject
  /** Replaces a schema that has properties. */
  readonly force: boolean
}

/** The new text of a manifest and the line of the schema, or the reason why it is not changed. */
export type EditedManifest =
  { readonly text: string; readonly line: number } | { readonly reason: string }

/** Writes the schema of a stream into the file of a manifest, unless that is not safe. */
export function writeSchema(file: string, edit: SchemaEdit): EditedManifest {
  const before = readFileSync(file, 'utf8')
  const edited = editedManifest(before, edit)
  if ('text' in edited && edited.text !== before) writeFileSync(file, edited.text)
  return edited
}

/** All lines but those of the schema stay as they are. */
export function editedManifest(text: string, edit: SchemaEdit): EditedManifest {
  const root = placedNodes(text)
  const stream = root && streamNamed(text, root, edit.stream)
  if (root === undefined || stream === undefined)
    return { reason: `the text of the manifest has no stream "${edit.stream}" of its own` }
  const place = placeOf(text, root, stream)
  if ('reason' in place) return place
  if (place.hasProperties && !edit.force)
    return { reason: 'the stream declares a schema. Add --force to replace it' }
  const edited = withSchema(text, place, edit.schema)
  return isOnlyChange({ before: text, after: edited, place, schema: edit.schema })
    ? { text: edited, line: text.slice(0, startOf(text, place)).split('\n').length }
    : { reason: 'its part of the manifest is written in a way that cannot be edited' }
}

/** The schema as it would stand in the manifest. */
export function shownSchema(schema: JsonObject): string {
  return loaderLines(schema)
    .map((line) => `${line}\n`)
    .join('')
}

/** The entry of the text that the schema replaces, or the last one of the stream, after which it is added. */
interface Place {
  readonly kind: 'replace' | 'add'
  readonly entry: PlacedEntry
  /** The path of the loader, or of the schema in it. */
  readonly path: readonly string[]
  readonly content: 'loader' | 'schema'
  readonly hasProperties: boolean
}

interface Unsafe {
  readonly reason: string
}

const isShared: Unsafe = { reason: 'other parts of the manifest may share its schema' }

function placeOf(text: string, root: PlacedNode, stream: PlacedNode): Place | Unsafe {
  const declared = stream.entries.find(({ key }) => key === 'schema_loader')
  if (declared === undefined) return placeAfter(stream)
  const loader = followed(text, root, declared)
  if (loader?.value.kind !== 'mapping') return isShared
  const type = valueOf(loader.value, 'type')?.text ?? 'a loader without a type'
  if (type !== 'InlineSchemaLoader') return { reason: `its schema comes from ${type}` }
  return placeInLoader(text, root, loader)
}

function placeInLoader(text: string, root: PlacedNode, loader: PlacedEntry): Place | Unsafe {
  const { entries } = loader.value
  const inner = entries.find(({ key }) => key === 'schema')
  const schema = inner && followed(text, root, inner)
  if (inner !== undefined && schema?.value.kind !== 'mapping') return isShared
  const hasProperties = schema !== undefined && declaresProperties(schema.value)
  if (schema?.isInFlow === false)
    return { kind: 'replace', entry: schema, path: schema.path, content: 'schema', hasProperties }
  const isWhole = entries.every(({ key }) => key === 'type' || key === 'schema')
  if (loader.isInFlow || !isWhole) return { reason: 'it is written in braces, with other fields' }
  return { kind: 'replace', entry: loader, path: loader.path, content: 'loader', hasProperties }
}

function placeAfter({ entries, isFlow }: PlacedNode): Place | Unsafe {
  const last = entries.at(-1)
  if (isFlow || last === undefined) return { reason: 'the stream is written in braces' }
  const path = [...last.path.slice(0, -1), 'schema_loader']
  return { kind: 'add', entry: last, path, content: 'loader', hasProperties: false }
}

function declaresProperties(schema: PlacedNode): boolean {
  const properties = valueOf(schema, 'properties')
  return (
    properties !== undefined && (properties.kind !== 'mapping' || properties.entries.length > 0)
  )
}

function streamNamed(text: string, root: PlacedNode, name: string): PlacedNode | undefined {
  const streams = valueOf(root, 'streams')?.items ?? []
  return streams
    .map((item) => {
      const target = targetOf(text, root, item)
      return target === undefined ? item : target.value
    })
    .find((stream) => {
      const parameters = valueOf(stream, '$parameters')
      const named = valueOf(stream, 'name') ?? (parameters && valueOf(parameters, 'name'))
      return named?.text === name
    })
}

/** The entry itself, or the one that its `$ref` names and that nothing else refers to. */
function followed(text: string, root: PlacedNode, entry: PlacedEntry): PlacedEntry | undefined {
  if (valueOf(entry.value, '$ref') === undefined) return entry
  const target = targetOf(text, root, entry.value)
  return target && followed(text, root, target)
}

/** Undefined if the node is no reference alone, or if there is another reference to the same place. */
function targetOf(text: string, root: PlacedNode, node: PlacedNode): PlacedEntry | undefined {
  const reference = valueOf(node, '$ref')?.text
  if (reference === undefined || node.entries.length !== 1) return undefined
  const uses = text.split(reference).slice(1)
  if (uses.filter((rest) => !/^[\w/-]/.test(rest)).length !== 1) return undefined
  let entry: PlacedEntry | undefined
  let target: PlacedNode | undefined = root
  for (const part of parseLocalReference(reference) ?? []) {
    entry = target?.entries.find(({ key }) => key === part)
    target = entry?.value
  }
  return entry
}

function valueOf(node: PlacedNode, name: string): PlacedNode | undefined {
  return node.entries.find(({ key }) => key === name)?.value
}

function withSchema(text: string, place: Place, schema: JsonObject): string {
  const lineBreak = text.includes('\r\n') ? '\r\n' : '\n'
  const { entry, content, kind } = place
  const indent = ' '.repeat(columnOf(text, entry.keyStart))
  const start = startOf(text, place)
  const end = endOf(text, entry)
  const key = /^[^:\n]*:/.exec(text.slice(entry.keyStart))?.[0] ?? ''
  const own =
    content === 'schema' ? schemaLines(schema) : loaderLines(schema).slice(1).map(unindent)
  const first = kind === 'add' ? `${lineBreak}${indent}schema_loader:` : key
  const lines = [first, ...own.map((line) => `${indent}  ${line}`)]
  return text.slice(0, start) + lines.join(lineBreak) + text.slice(end)
}

function loaderLines(schema: JsonObject): readonly string[] {
  return [
    'schema_loader:',
    '  type: InlineSchemaLoader',
    '  schema:',
    ...schemaLines(schema).map((line) => `    ${line}`),
  ]
}

function unindent(line: string): string {
  return line.slice(2)
}

function startOf(text: string, { kind, entry }: Place): number {
  return kind === 'add' ? endOf(text, entry) : entry.keyStart
}

/**
 * The end of the last line of an entry of a block. Lines without content belong to it only if more of it
 * follows.
 */
function endOf(text: string, { keyStart }: PlacedEntry): number {
  const column = columnOf(text, keyStart)
  let end = endOfLine(text, keyStart)
  for (let start = text.indexOf('\n', end) + 1; start > 0; start = text.indexOf('\n', start) + 1) {
    const line = text.slice(start, endOfLine(text, start))
    const content = line.trimStart()
    if (content === '' || content.startsWith('#')) continue
    const indent = line.length - content.length
    // The items of a list may stand below their key.
    const isItem = indent === column && content.startsWith('- ')
    if (indent <= column && !isItem) break
    end = start + line.length
  }
  return end
}

/** Without the line break. */
function endOfLine(text: string, offset: number): number {
  const next = text.indexOf('\n', offset)
  const end = next < 0 ? text.length : next
  return text[end - 1] === '\r' ? end - 1 : end
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1)
}

interface Change {
  readonly before: string
  readonly after: string
  readonly place: Place
  readonly schema: JsonObject
}

/** Whether the new text has the schema at its place, and everything else as it was. */
function isOnlyChange({ before, after, place, schema }: Change): boolean {
  const [old, edited] = [valueOfText(before), valueOfText(after)]
  const expected = place.content === 'schema' ? schema : { type: 'InlineSchemaLoader', schema }
  if (edited === undefined || !isDeepStrictEqual(valueAt(edited, place.path), expected))
    return false
  const pointer = formatPointer(place.path)
  return differences(old ?? null, edited, []).every(
    (path) => path === pointer || path.startsWith(`${pointer}/`),
  )
}

/** Undefined if it cannot be read. */
function valueOfText(text: string): JsonValue | undefined {
  try {
    return JSON.parse(stringifyExact(toRecordValue(loadYaml(text)))) as JsonValue
  } catch {
    return undefined
  }
}

/** JSON pointers of what differs. */
function differences(
  old: JsonValue | undefined,
  edited: JsonValue | undefined,
  path: readonly string[],
): readonly string[] {
  if (isDeepStrictEqual(old, edited)) return []
  const areObjects = isJsonObject(old) && isJsonObject(edited)
  const areLists = isJsonList(old) && isJsonList(edited)
  if (!areObjects && !areLists) return [formatPointer(path)]
  const keys = new Set([...Object.keys(old), ...Object.keys(edited)])
  return [...keys].flatMap((key) =>
    differences(valueAt(old, [key]), valueAt(edited, [key]), [...path, key]),
  )
}
