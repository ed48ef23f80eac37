import { isJsonObject, type JsonObject, type JsonValue } from '../../../protocol/index.ts'
import {
  apiUrl,
  type ActionRequest,
  type ActionResponse,
  type RequestFields,
} from '../../action.ts'

/**
 * A call of a method. The arguments go into a form, which every method takes; not every one takes JSON. Lists
 * and objects are written as JSON in it, as Slack's own client does.
 */
export function slackRequest(
  config: JsonObject,
  method: string,
  fields: RequestFields = {},
): ActionRequest {
  const flat = Object.entries(fields).map(([name, value]) => [name, flatValue(value)])
  return {
    method: 'POST',
    url: `${apiUrl(config, 'https://slack.com/api')}/${method}`,
    body: { kind: 'form', fields: Object.fromEntries(flat) as RequestFields },
  }
}

function flatValue(value: JsonValue | undefined): JsonValue | undefined {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
}

/** The result of an action that requests a state which already holds: Slack reports that as an error. */
export function resultOrNoChange({ body }: ActionResponse): JsonValue {
  if (!isJsonObject(body) || body.ok !== false) return body
  return { ok: true, no_change: body.error ?? null }
}
