import { list, optionalComponent } from '../../manifest-interpreter/definition.ts'
import { get, isPlainDict } from '../../manifest-interpreter/value/dict.ts'
import type { Dict, PlainDict } from '../../manifest-interpreter/value/value.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/index.ts'

const maxShownKeys = 20

/**
 * For a read without records: the keys of the last response, beside the path that the extractor looks at.
 * Null if the path is right.
 */
export function recordsHint(body: JsonValue | undefined, stream: Dict | undefined): string | null {
  const path = stream !== undefined && isPlainDict(stream) ? fieldPathOf(stream) : undefined
  if (body === undefined || path === undefined) return null
  const { found, depth } = follow(body, path)
  if (!isJsonObject(found)) return null
  if (depth < path.length) {
    const place =
      depth === 0 ? 'The response' : `"${path.slice(0, depth).join('.')}" of the response`
    return `the extractor looks for ${path.join('.')}. ${place} has ${keysOf(found)}. Correct field_path.`
  }
  return path.length === 0 && Object.values(found).some(Array.isArray)
    ? `the response has ${keysOf(found)}. Name the list of records in field_path.`
    : null
}

/** As deep as the path leads. */
function follow(
  body: JsonValue,
  path: readonly string[],
): { readonly found: JsonValue | undefined; readonly depth: number } {
  let found: JsonValue | undefined = body
  for (const [depth, key] of path.entries()) {
    if (!isJsonObject(found) || !Object.hasOwn(found, key)) return { found, depth }
    found = found[key]
  }
  return { found, depth: path.length }
}

function keysOf(object: JsonObject): string {
  const keys = Object.keys(object)
  return keys.length === 0 ? 'no keys' : keys.slice(0, maxShownKeys).join(', ')
}

/** The path of the stream's DpathExtractor; undefined if it has templates or wildcards. */
function fieldPathOf(stream: PlainDict): readonly string[] | undefined {
  const retriever = optionalComponent(stream, 'retriever')
  const selector = retriever && optionalComponent(retriever, 'record_selector')
  const extractor = selector && optionalComponent(selector, 'extractor')
  if (extractor === undefined || get(extractor, 'type') !== 'DpathExtractor') return undefined
  const path = list(extractor, 'field_path')
  const isLiteral = path.every((key) => typeof key === 'string' && !/[{*]/.test(key))
  return isLiteral ? path.map(String) : undefined
}

/** Undefined for text that is not JSON, and for a body of which only the beginning is stored. */
export function jsonBody(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
}
