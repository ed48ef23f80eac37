import { isJsonObject, type JsonObject, type JsonValue } from '../../../../protocol/index.ts'

/** An operation of Stripe's OpenAPI document. */
export interface Operation {
  readonly path: string
  /** The schema of the data that a request sends. */
  readonly body: JsonValue
}

/** The schema of the form, or of the query. */
export function operationOf({ requestBody, parameters }: JsonObject): JsonObject {
  const content = isJsonObject(requestBody) ? requestBody.content : undefined
  const form = isJsonObject(content) ? content['application/x-www-form-urlencoded'] : undefined
  if (isJsonObject(form) && isJsonObject(form.schema)) {
    const { properties } = form.schema
    if (!isJsonObject(properties) || Object.keys(properties).length > 0) return form.schema
  }
  const inQuery = Array.isArray(parameters)
    ? parameters.filter((each) => isJsonObject(each) && each.in === 'query').filter(isJsonObject)
    : []
  const entries = inQuery.map(({ name, schema }) => [name, schema] as const)
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(entries) as JsonObject,
  }
}
