import {
  isRawJson,
  parseExact,
  type RecordData,
  type RecordValue,
} from '../../../protocol/index.ts'

/** The result of a function for one record. */
export type TransformResult = { readonly record: RecordData } | { readonly reject: string }

/**
 * The response is no transformation of the records that were sent. Its message never holds contents of a
 * record.
 */
export class InvalidResponse extends Error {}

/**
 * The results in the response of a function, in the order of the records. Numbers have their exact values.
 * Throws an InvalidResponse if it is anything else than docs/functions.md says: nothing of it can be used
 * then, because results could be those of other records.
 */
export function readResults(text: string, count: number): readonly TransformResult[] {
  const response = parse(text)
  const results = isRecordData(response) ? response.results : undefined
  if (!isList(results))
    throw new InvalidResponse('its response is not `{"results": […]}`, but must be')
  if (results.length !== count)
    throw new InvalidResponse(
      `it got ${String(count)} records and responded with ${String(results.length)} results: there must be one for each record, in their order`,
    )
  return results.map(resultOf)
}

function parse(text: string): RecordValue {
  try {
    return parseExact(text)
  } catch {
    throw new InvalidResponse('its response is not JSON')
  }
}

function resultOf(entry: RecordValue, index: number): TransformResult {
  if (entry === null) return { reject: 'null was returned for it' }
  const { record, reject, ...others } = isRecordData(entry) ? entry : {}
  const isOnly = Object.keys(others).length === 0
  if (isOnly && reject === undefined) {
    if (record === null) return { reject: 'null was returned for it' }
    if (record !== undefined && isRecordData(record)) return { record }
  }
  if (isOnly && record === undefined && typeof reject === 'string') return { reject }
  throw new InvalidResponse(
    `results[${String(index)}] of its response is neither \`{"record": {…}}\` nor \`{"reject": "reason"}\``,
  )
}

function isList(value: RecordValue | undefined): value is readonly RecordValue[] {
  return Array.isArray(value)
}

/** Values that were parsed from JSON: no bytes. */
function isRecordData(value: RecordValue): value is RecordData {
  return typeof value === 'object' && value !== null && !isList(value) && !isRawJson(value)
}
