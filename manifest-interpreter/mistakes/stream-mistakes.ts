import { field, flag, list, optionalComponent, optionalText } from '../definition.ts'
import { isTime } from '../datetime/datetime-parser.ts'
import type { TemplateCompiler } from '../interpolation/template-compiler.ts'
import { entries, get, isDict, isPlainDict, textEntries } from '../value/dict.ts'
import { str } from '../value/text.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'
import type { Manifest } from '../manifest/load-manifest.ts'
import { hasCustomPart, readsSlice } from './slice-keys.ts'
import { textCursor } from '../manifest/text-order.ts'

export interface StreamMistake {
  /** `error`: the value there can never work. `warning`: it is not what it looks like. */
  readonly severity: 'error' | 'warning'
  /** Like `retriever.requester.url_base`, from the stream or the manifest down. */
  readonly path: string
  /** A sentence that says what to do. */
  readonly message: string
}

/** The contradictions in a stream: in its key and cursor, its schema, and its times. */
export function streamMistakes(
  stream: PlainDict,
  templates: TemplateCompiler,
  manifest: Manifest,
): readonly StreamMistake[] {
  return variantsOf(stream).flatMap(({ prefix, definition }) =>
    [
      ...undeclaredFields(definition),
      ...wrongTimes(definition),
      ...wrongExamples(definition, templates, manifest),
      // The other variant of the stream reads what is new.
      ...(prefix === 'full_refresh_stream.' ? [] : unusedCursor(definition)),
      ...textCursors(definition),
    ].map((mistake) => ({ ...mistake, path: prefix + mistake.path })),
  )
}

/**
 * The formats that the cursor of a stream has in its records; none for a stream without a cursor that is a
 * time.
 */
export function cursorFormats(stream: PlainDict): readonly string[] {
  return variantsOf(stream).flatMap(({ definition }) => {
    const cursor = datetimeCursor(definition)
    if (cursor === undefined) return []
    const own = list(cursor, 'cursor_datetime_formats').map(str)
    return own.length > 0 ? own : [optionalText(cursor, 'datetime_format') ?? '']
  })
}

/** A StateDelegatingStream is one of two. */
function variantsOf(stream: PlainDict) {
  const variants = ['full_refresh_stream', 'incremental_stream'].flatMap((name) => {
    const definition = optionalComponent(stream, name)
    return definition === undefined ? [] : [{ prefix: `${name}.`, definition }]
  })
  return variants.length > 0 ? variants : [{ prefix: '', definition: stream }]
}

function datetimeCursor(stream: PlainDict): PlainDict | undefined {
  const cursor = optionalComponent(stream, 'incremental_sync')
  return cursor !== undefined && get(cursor, 'type') === 'DatetimeBasedCursor' ? cursor : undefined
}

/** The declared fields of the records; undefined if the text of the manifest does not say which there are. */
function declaredFields(stream: PlainDict): Dict | undefined {
  const loader = get(stream, 'schema_loader')
  if (!isPlainDict(loader) || get(loader, 'type') !== 'InlineSchemaLoader') return undefined
  const schema = get(loader, 'schema')
  const properties = schema !== undefined && isDict(schema) ? get(schema, 'properties') : undefined
  return properties !== undefined && isDict(properties) && textEntries(properties).length > 0
    ? properties
    : undefined
}

function undeclaredFields(stream: PlainDict): readonly StreamMistake[] {
  const declared = declaredFields(stream)
  if (declared === undefined) return []
  const cursor = optionalComponent(stream, 'incremental_sync')
  const named = [
    ...keyNames(get(stream, 'primary_key') ?? null).map((name) => ['primary_key', name] as const),
    ...literal(cursor && get(cursor, 'cursor_field')).map(
      (name) => ['incremental_sync.cursor_field', name] as const,
    ),
  ]
  const missing = new Map(
    named
      .filter(([, name]) => get(declared, name) === undefined)
      .map(([path, name]) => [`${path} ${name}`, { path, name }]),
  )
  return [...missing.values()].map(({ path, name }) => ({
    severity: 'warning',
    path,
    message: `The schema of the stream does not declare the field "${name}". Add it to the schema, or correct the name.`,
  }))
}

/** `id`, `[id, shop]`, or `[[id], [shop, id]]`, whose inner lists are paths. */
function keyNames(key: Value): readonly string[] {
  if (!Array.isArray(key)) return literal(key)
  return key.flatMap((part) => literal(Array.isArray(part) ? part[0] : part))
}

/** A name that is not a template, as a list. */
function literal(name: Value | undefined): readonly string[] {
  return typeof name === 'string' && name !== '' && !isTemplate(name) ? [name] : []
}

function isTemplate(text: string): boolean {
  return /\{[{%]/.test(text)
}

function wrongTimes(stream: PlainDict): readonly StreamMistake[] {
  return boundsOf(stream).flatMap(({ value, format, path }) => wrongTime(value, { format, path }))
}

interface Bound {
  readonly value: Value
  readonly format: string
  readonly path: string
}

/** The times at which the cursor of a stream begins and ends, as the manifest has them. */
function boundsOf(stream: PlainDict): readonly Bound[] {
  const cursor = datetimeCursor(stream)
  if (cursor === undefined) return []
  const format = optionalText(cursor, 'datetime_format') ?? ''
  return ['start_datetime', 'end_datetime'].flatMap((name): readonly Bound[] => {
    const path = `incremental_sync.${name}`
    const bound = field(cursor, name) ?? null
    if (!isPlainDict(bound)) return [{ value: bound, format, path }]
    const own = optionalText(bound, 'datetime_format') ?? ''
    return ['datetime', 'min_datetime', 'max_datetime'].map((part) => ({
      value: field(bound, part) ?? null,
      format: own === '' ? format : own,
      path: part === 'datetime' ? path : `${path}.${part}`,
    }))
  })
}

/** A time that is one field of the configuration: its default and its examples have to be in the format. */
function wrongExamples(
  stream: PlainDict,
  templates: TemplateCompiler,
  { connectionSpecification: schema }: Manifest,
): readonly StreamMistake[] {
  const properties = get(schema, 'properties')
  if (properties === undefined || !isDict(properties)) return []
  return boundsOf(stream).flatMap(({ value, format, path }): readonly StreamMistake[] => {
    const key = configFieldOf(value, templates)
    const property = key === undefined ? undefined : get(properties, key)
    if (key === undefined || property === undefined || !isDict(property)) return []
    if (isTemplate(format) || !format.includes('%')) return []
    const wrong = wrongSample(property, format)
    if (wrong === undefined) return []
    const message = `The field "${key}" of the configuration is read in the format "${format}", but its default or example in "spec" is "${str(wrong)}". Correct it, or give the time a datetime_format of its own: { type: MinMaxDatetime, datetime: …, datetime_format: … }.`
    return [{ severity: 'warning', path, message }]
  })
}

/** The field in a template that is nothing but `{{ config['start_date'] }}`. */
function configFieldOf(value: Value, templates: TemplateCompiler): string | undefined {
  if (typeof value !== 'string' || !/^\{\{\s*config[\w\s.[\]'"]*\}\}$/.test(value)) return undefined
  const [key, ...others] = templates.keysRead(value, 'config') ?? []
  return others.length === 0 ? key : undefined
}

/** A default, or examples of which none fits. Placeholders like YYYY-MM-DD are no times. */
function wrongSample(property: Dict, format: string): Value | undefined {
  const isWrong = (sample: Value) => /^\d/.test(str(sample)) && !isTime(str(sample), format)
  const own = get(property, 'default') ?? null
  if (own !== null && isWrong(own)) return own
  const listed = get(property, 'examples') ?? null
  const examples = Array.isArray(listed) ? listed : []
  return examples.length > 0 && examples.every(isWrong) ? examples[0] : undefined
}

/** A cursor that goes into no request, and that nothing is filtered by. */
function unusedCursor(stream: PlainDict): readonly StreamMistake[] {
  const cursor = datetimeCursor(stream)
  const retriever = optionalComponent(stream, 'retriever')
  if (cursor === undefined || retriever === undefined) return []
  const isUsed =
    ['start_time_option', 'end_time_option'].some((name) => get(cursor, name) !== undefined) ||
    flag(cursor, 'is_client_side_incremental', false) ||
    flag(cursor, 'is_data_feed', false) ||
    flag(retriever, 'conditional_requests', false) ||
    hasCustomPart(retriever) ||
    someText(retriever, readsSlice) ||
    someDict(retriever, (part) => get(part, 'incremental_dependency') === true)
  if (isUsed) return []
  const message =
    'The cursor goes into no request and filters nothing, so that each run reads all records again. Add start_time_option, or is_client_side_incremental: true if the API cannot filter.'
  return [{ severity: 'warning', path: 'incremental_sync', message }]
}

function someText(value: Value, holds: (text: string) => boolean): boolean {
  if (typeof value === 'string') return holds(value)
  if (Array.isArray(value)) return value.some((item) => someText(item, holds))
  return isDict(value) && entries(value).some(([, part]) => someText(part, holds))
}

function someDict(value: Value, holds: (part: Dict) => boolean): boolean {
  if (Array.isArray(value)) return value.some((item) => someDict(item, holds))
  if (!isDict(value)) return false
  return holds(value) || entries(value).some(([, part]) => someDict(part, holds))
}

function wrongTime(
  value: Value,
  { format, path }: { readonly format: string; readonly path: string },
): readonly StreamMistake[] {
  const time = value === null ? '' : str(value)
  // A format without directives is a mistake of its own.
  if (time === '' || isTemplate(time) || isTemplate(format) || !format.includes('%')) return []
  if (isTime(time, format)) return []
  const message = `"${time}" is not in the format "${format}". Write it in this format, or give it a datetime_format of its own: { type: MinMaxDatetime, datetime: …, datetime_format: … }.`
  return [{ severity: 'error', path, message }]
}

/** Only a stream with a key has versions of its records. */
function textCursors(stream: PlainDict): readonly StreamMistake[] {
  const cursor = datetimeCursor(stream)
  const declared = declaredFields(stream)
  if (cursor === undefined || declared === undefined) return []
  if (keyNames(get(stream, 'primary_key') ?? null).length === 0) return []
  return literal(get(cursor, 'cursor_field')).flatMap((name) => {
    if (!isPlainText(get(declared, name))) return []
    const found = textCursor(name, cursorFormats(stream))
    if (found === undefined) return []
    return [{ severity: 'warning', path: 'incremental_sync.cursor_field', message: found.warning }]
  })
}

function isPlainText(schema: Value | undefined): boolean {
  if (schema === undefined || !isDict(schema) || get(schema, 'format') !== undefined) return false
  const type = get(schema, 'type') ?? null
  const types = (Array.isArray(type) ? type : [type]).filter((name) => name !== 'null')
  return types.length === 1 && types[0] === 'string'
}
