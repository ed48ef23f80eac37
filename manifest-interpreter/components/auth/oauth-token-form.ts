import { encodeForm, encodeUrl } from '../../http/encode-url.ts'
import { emptyDict, entries, has, isEmpty, set } from '../../value/dict.ts'
import { typeError, valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import type { HttpRequest } from '../../contracts.ts'
import type { Dict } from '../../value/value.ts'
import type { OAuthSettings } from './oauth-settings.ts'

/** The token request, as the settings are now. */
export async function buildTokenRequest(settings: OAuthSettings): Promise<HttpRequest> {
  const endpoint = settings.endpoint()
  if (endpoint === null) throw typeError('An OAuth token request needs a token_refresh_endpoint.')
  const headers = requestHeaders(settings.requestHeaders())
  const form = await requestForm(settings)
  const body = isEmpty(form) ? null : encodeForm(form)
  if (body !== null && ![...headers.keys()].some((name) => name.toLowerCase() === 'content-type'))
    headers.set('Content-Type', 'application/x-www-form-urlencoded')
  return {
    method: 'POST',
    url: encodeUrl(endpoint, settings.sendsQuery ? standardFields(settings) : emptyDict()),
    headers,
    body,
    staysAtOrigin: true,
  }
}

async function requestForm(settings: OAuthSettings): Promise<Dict> {
  const { assertion } = settings
  if (assertion !== null)
    return { [str(settings.grantTypeName())]: settings.grantType(), assertion: await assertion() }
  return settings.sendsQuery ? emptyDict() : standardFields(settings)
}

/**
 * The fields of RFC 6749, and those that the manifest adds; values in an Authorization header are not
 * repeated.
 */
function standardFields(settings: OAuthSettings): Dict {
  const fields = emptyDict()
  set(fields, settings.grantTypeName(), settings.grantType())
  if (!has(settings.requestHeaders(), 'Authorization')) {
    set(fields, settings.clientIdName(), settings.clientId())
    set(fields, settings.clientSecretName(), settings.clientSecret())
  }
  set(fields, settings.refreshTokenName(), settings.refreshToken())
  if (settings.scopes.length > 0) set(fields, 'scopes', [...settings.scopes])
  for (const [name, value] of entries(settings.requestBody()))
    if (!has(fields, name)) set(fields, name, value)
  return fields
}

function requestHeaders(headers: Dict): Map<string, string> {
  return new Map(
    entries(headers).map(([name, value]) => {
      if (typeof value !== 'string')
        throw valueError(`The value of the header ${str(name)} of the token request must be text.`)
      return [str(name), value]
    }),
  )
}
