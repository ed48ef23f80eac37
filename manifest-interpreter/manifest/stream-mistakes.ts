import { field, list, optionalComponent, optionalText } from '../definition.ts'
import { datetimeFormat } from '../datetime/datetime-parser.ts'
import { get, isDict, isPlainDict, textEntries } from '../value/dict.ts'
import { PythonError } from '../value/python-error.ts'
import { str } from '../value/text.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'
import { textCursor } from './text-order.ts'

export interface StreamMistake {
  /** `error`: what stands there can never work. `warning`: it is not what it looks like. */
  readonly severity: 'error' | 'warning'
  /** Like `retriever.requester.url_base`, from the stream or the manifest down. */
  readonly path: string
  /** A sentence that says what to do. */
  readonly message: string
}

/** What does not fit together in a stream: its key and cursor, its schema, and its times. */
export function streamMistakes(stream: PlainDict): readonly StreamMistake[] {
  return variantsOf(stream).flatMap(({ prefix, definition }) =>
    [...undeclaredFields(definition), ...wrongTimes(definition), ...textCursors(definition)].map(
      (mistake) => ({ ...mistake, path: prefix + mistake.path }),
    ),
  )
}

/** The formats that the cursor of a stream has in its records; none for a stream without a cursor that is a time. */
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
  const cursor = datetimeCursor(stream)
  if (cursor === undefined) return []
  const format = optionalText(cursor, 'datetime_format') ?? ''
  return ['start_datetime', 'end_datetime'].flatMap((name) => {
    const path = `incremental_sync.${name}`
    const bound = field(cursor, name) ?? null
    if (!isPlainDict(bound)) return wrongTime(bound, { format, path })
    const own = optionalText(bound, 'datetime_format') ?? ''
    return ['datetime', 'min_datetime', 'max_datetime'].flatMap((part) =>
      wrongTime(field(bound, part) ?? null, {
        format: own === '' ? format : own,
        path: part === 'datetime' ? path : `${path}.${part}`,
      }),
    )
  })
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

/** False also if no time can be in the format. */
function isTime(text: string, format: string): boolean {
  try {
    return datetimeFormat(format).match(text) !== undefined
  } catch (error) {
    if (error instanceof PythonError) return false
    throw error
  }
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
