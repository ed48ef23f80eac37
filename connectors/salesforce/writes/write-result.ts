import {
  isJsonList,
  isJsonObject,
  type ConnectError,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import type { RefusedRecord, WriteError, WriteResult } from '../../record-writer.ts'
import { salesforceError } from '../failure.ts'

/** Errors of a record that pass by themselves: another transaction has the record or its parent. */
const passing = new Set([
  'UNABLE_TO_LOCK_ROW',
  'SERVER_UNAVAILABLE',
  'UNKNOWN_EXCEPTION',
  'REQUEST_LIMIT_EXCEEDED',
  'QUERY_TIMEOUT',
])
const gone = new Set(['ENTITY_IS_DELETED', 'NOT_FOUND', 'INVALID_CROSS_REFERENCE_KEY'])

/** The result of a record of a collection. @param sentId the id of an update or a delete */
export function resultOf(result: JsonObject, sentId: string | undefined): WriteResult {
  const { success, id, created } = result
  if (success === true)
    return {
      isWritten: true,
      id: typeof id === 'string' ? id : (sentId ?? ''),
      ...(typeof created === 'boolean' && { created }),
    }
  const error = salesforceError([result])
  return refused({
    code: error?.code ?? 'UNKNOWN_EXCEPTION',
    message: error?.message ?? 'Salesforce gave no reason',
    fields: error?.fields ?? [],
  })
}

/** A part of a composite request that changes a record if nobody else has. */
export function guardedResult(part: JsonObject, sentId: string): WriteResult {
  const { httpStatusCode: status, body = null } = part
  const code = typeof status === 'number' ? status : 0
  if (code >= 200 && code < 300) return { isWritten: true, id: sentId }
  const { message = 'Salesforce gave no reason', ...error } = salesforceError(body) ?? {}
  if (code === 412) return refused({ code: 'version_conflict', message, fields: [] })
  return refused({ code: `HTTP ${String(code)}`, fields: [], ...error, message })
}

export function refused(
  error: Omit<WriteError, 'mayRetry'> & { mayRetry?: boolean },
): RefusedRecord {
  const code = gone.has(error.code) ? 'not_found' : error.code
  const mayRetry = error.mayRetry ?? passing.has(error.code)
  return { isWritten: false, error: { ...error, code, mayRetry } }
}

/** The request with this record alone was refused. */
export function refusedBy({ message, details }: ConnectError): RefusedRecord {
  const { vendor_code: code, vendor_error: facts, reason } = details
  const fields = isJsonObject(facts) && isJsonList(facts.fields) ? facts.fields.map(String) : []
  return refused({
    code: typeof code === 'string' ? code : 'refused',
    message: typeof reason === 'string' ? reason : message,
    fields,
  })
}

/** The fields of a write whose stored values are others, with these. */
export function changedFields(sent: JsonObject, stored: JsonObject): JsonObject {
  const changed = Object.entries(sent).flatMap(([name, value]): [string, JsonValue][] => {
    const now = stored[name]
    return now === undefined || isSame(value, now) ? [] : [[name, now]]
  })
  return Object.fromEntries(changed)
}

/** Salesforce stores an empty text as null, and shows times in its own form. */
function isSame(sent: JsonValue, stored: JsonValue): boolean {
  if (sent === stored || JSON.stringify(sent) === JSON.stringify(stored)) return true
  if (sent === '' && stored === null) return true
  if (typeof sent !== 'string' || typeof stored !== 'string') return false
  return isTime.test(sent) && isTime.test(stored) && Date.parse(sent) === Date.parse(stored)
}

const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d/
