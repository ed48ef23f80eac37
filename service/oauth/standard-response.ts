import { isJsonObject, type JsonObject, type JsonValue, own } from '../../protocol/index.ts'

/**
 * Changes the responses of vendors' token endpoints to the form of RFC 6749: they have other token types,
 * status 201, errors with status 200, or empty refresh tokens. An id_token is removed: it is not used, so it
 * need not be verified.
 */
export function standardResponse(status: number, text: string): Response {
  const answer = parseObject(text)
  if (answer === undefined) {
    // No body is quoted anywhere: it may hold a token.
    if (status < 400) throw new TypeError('its response is not JSON')
    return new Response('', { status })
  }
  const isSuccess = status >= 200 && status < 300 && typeof own(answer, 'error') !== 'string'
  if (!isSuccess) return json(status >= 400 ? status : 400, answer)
  const usable = Object.entries({ ...answer, token_type: 'bearer' }).filter(isUsable)
  return json(200, Object.fromEntries(usable))
}

/** oauth4webapi refuses a response with any of these of another type. */
function isUsable([name, value]: [string, JsonValue]): boolean {
  if (name === 'id_token') return false
  if (name === 'refresh_token' || name === 'scope') return typeof value === 'string' && value !== ''
  return name !== 'expires_in' || (value !== null && Number(value) >= 0)
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as JsonValue
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined // no JSON
  }
}

function json(status: number, body: JsonObject): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json' },
  })
}
