import { list, optionalComponent, optionalText } from '../definition.ts'
import type { TemplateCompiler } from '../interpolation/template-compiler.ts'
import { get, isPlainDict } from '../value/dict.ts'
import type { PlainDict } from '../value/value.ts'

/** Names of the slice of a request: all of them are the same value. */
const sliceVariables = ['stream_partition', 'stream_slice', 'stream_interval'] as const

/**
 * The keys that the slices of a stream without partitions have. Undefined for one with partitions, and for
 * one whose retriever makes slices of its own.
 */
export function sliceKeys(stream: PlainDict): ReadonlySet<string> | undefined {
  const retriever = get(stream, 'retriever')
  if (!isPlainDict(retriever) || get(retriever, 'type') !== 'SimpleRetriever') return undefined
  const router = get(retriever, 'partition_router') ?? null
  if (router !== null && !(Array.isArray(router) && router.length === 0)) return undefined
  // A reset of the paging, and chunks of properties, add to the slice.
  const others = ['extra_fields', 'partition', 'cursor_slice', 'query_properties']
  return new Set([...others, ...boundNames(stream)])
}

/** The keys of a slice under which a cursor sets its bounds. */
export function boundNames(stream: PlainDict): readonly string[] {
  const cursor = optionalComponent(stream, 'incremental_sync')
  if (cursor === undefined) return []
  const start = optionalText(cursor, 'partition_field_start') ?? ''
  const end = optionalText(cursor, 'partition_field_end') ?? ''
  return [start === '' ? 'start_time' : start, end === '' ? 'end_time' : end, 'start', 'end']
}

/** Keys that a template reads from the slice, and that no slice has. */
export function unknownSliceKeys(
  text: string,
  templates: TemplateCompiler,
  known: ReadonlySet<string> | undefined,
): readonly { readonly variable: string; readonly key: string }[] {
  if (known === undefined || !text.includes('stream_')) return []
  return sliceVariables.flatMap((variable) =>
    [...(templates.keysRead(text, variable) ?? [])]
      .filter((key) => !known.has(key) && !isTemplateName(known))
      .map((key) => ({ variable, key })),
  )
}

/** The name of a bound may be a template itself. */
function isTemplateName(known: ReadonlySet<string>): boolean {
  return [...known].some((name) => name.includes('{{'))
}

/**
 * True if a text of the definition, read by a template, may carry the bounds of the cursor into a request or
 * a filter.
 */
export function readsSlice(text: string): boolean {
  return /stream_(?:slice|interval|partition|state)/.test(text)
}

/** The components of a list that are written in Python or elsewhere may do anything. */
export function hasCustomPart(definition: PlainDict): boolean {
  const type = get(definition, 'type')
  if (typeof type === 'string' && type.startsWith('Custom')) return true
  return Object.keys(definition).some((name) => {
    if (name === '$parameters' || name === 'schema' || name === 'schema_loader') return false
    const value = get(definition, name)
    const parts = Array.isArray(value) ? list(definition, name) : [value]
    return parts.some((part) => part !== undefined && isPlainDict(part) && hasCustomPart(part))
  })
}
