import { isJsonList, type JsonObject, type JsonValue } from '../../../protocol/index.ts'
import type { ActionRequest, ActionResponse, RequestFields } from '../../action.ts'
import { dataPath, organizationUrl } from '../address.ts'

interface WriteOptions {
  readonly allowDuplicates?: boolean
  readonly assignsOwner?: boolean
}

/** @param path below the version of the API, of encoded segments */
export function restRequest(
  config: JsonObject,
  method: ActionRequest['method'],
  path: string,
  {
    query,
    body,
    options = {},
    headers = {},
  }: {
    readonly query?: RequestFields
    readonly body?: JsonValue
    readonly options?: WriteOptions
    readonly headers?: Readonly<Record<string, string>>
  } = {},
): ActionRequest {
  const { allowDuplicates, assignsOwner } = options
  return {
    method,
    url: `${organizationUrl(config)}/${dataPath}/${path}`,
    headers: {
      ...headers,
      ...(allowDuplicates === true && { 'Sforce-Duplicate-Rule-Header': 'allowSave=true' }),
      ...(assignsOwner !== undefined && { 'Sforce-Auto-Assign': assignsOwner ? 'TRUE' : 'FALSE' }),
    },
    ...(query !== undefined && { query }),
    ...(body !== undefined && { body: { kind: 'json', value: body } }),
  }
}

/** The records of a collection, each with the name of its object. */
export function typed(object: string, records: readonly JsonObject[]): readonly JsonObject[] {
  return records.map((record) => ({ attributes: { type: object }, ...record }))
}

/** A change of one record has no body. */
export function changedResult(
  { body }: ActionResponse,
  { id }: { readonly id: string },
): JsonValue {
  return body ?? { id, success: true }
}

/** A bare list, as the results of a collection. */
export function listResult({ body }: ActionResponse): JsonValue {
  return isJsonList(body) ? { results: body } : body
}
