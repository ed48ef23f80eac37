import { isJsonObject, type JsonObject, type JsonValue } from '../../../protocol/index.ts'
import { apiUrl, type ActionRequest, type ActionResponse } from '../../action.ts'
import { documents } from './documents.ts'

export type Operation = keyof typeof documents

/** A query or mutation with its variables. */
export function linearRequest(
  config: JsonObject,
  operation: Operation,
  variables: JsonObject,
): ActionRequest {
  return {
    method: 'POST',
    url: `${apiUrl(config, 'https://api.linear.app')}/graphql`,
    body: { kind: 'json', value: { query: documents[operation], variables } },
  }
}

/** The result of the operation, without the envelope of GraphQL. */
export function resultOf(operation: Operation): (response: ActionResponse) => JsonValue {
  return ({ body }) => {
    const data = isJsonObject(body) ? body.data : undefined
    const result = isJsonObject(data) ? data[operation] : undefined
    if (isJsonObject(result)) return result
    throw new TypeError(`it has no data of ${operation}`)
  }
}
