import { createHash } from 'node:crypto'
import { ResponseBodyError } from 'openid-client'
import { z } from 'zod'
import type { OAuth2Templates } from '../../connectors/connector.ts'
import { Environment } from '../../manifest-interpreter/jinja/environment.ts'
import { filterTable } from '../../manifest-interpreter/jinja/filter.ts'
import { compileTemplate } from '../../manifest-interpreter/jinja/template.ts'
import { str } from '../../manifest-interpreter/value/text.ts'
import { isJsonObject, type JsonObject, type JsonValue, own } from '../../protocol/index.ts'
import type { OAuthCallback } from './oauth.ts'
import type { AuthorizationRequest, Party, TokenResponse } from './standard-flow.ts'
import type { TokenFetch } from './token-fetch.ts'

const timeoutMs = 20_000

const failureSchema = z.object({ error: z.string(), error_description: z.string().default('') })

/**
 * Authorization code as a manifest describes it (`advanced_auth`): its URLs, headers and parameters are
 * templates, with the variables of Airbyte's platform. PKCE if the manifest uses it. A manifest only knows
 * one secret, the state, which is visible in the address bar: instead of it, a verifier is hashed for the
 * challenge, and sent for the code.
 */
export class ManifestFlow {
  readonly #fetch: TokenFetch

  constructor(fetch: TokenFetch) {
    this.#fetch = fetch
  }

  authorizeUrl(party: Party, templates: OAuth2Templates, about: AuthorizationRequest): string {
    const variables = variablesOf(party, templates, { ...about, code: undefined })
    const { state, verifier } = about
    const challenged = environmentOf((value) => (value === state ? verifier : value))
    return new URL(render(party.scheme.authorizeUrl, variables, challenged)).href
  }

  async exchange(
    party: Party,
    templates: OAuth2Templates,
    { about, callback }: { readonly about: AuthorizationRequest; readonly callback: OAuthCallback },
  ): Promise<TokenResponse> {
    const { redirectUri, state } = about
    const stated = variablesOf(party, templates, { redirectUri, state, code: callback.code })
    const variables = usesChallenge(party) ? { ...stated, state_value: about.verifier } : stated
    const url = new URL(render(party.scheme.tokenUrl, variables)).href
    // A vendor that wants the state returned gets it.
    const params = {
      ...renderAll(templates.params, variables),
      ...pickVariable(stated.state_key, renderAll(templates.params, stated)),
    }
    const headers = { accept: 'application/json', ...renderAll(templates.headers, variables) }
    const response = await this.#fetch.send(url, {
      method: 'POST',
      ...bodyOf(params, headers),
      signal: AbortSignal.timeout(timeoutMs),
    })
    return extractFields(await answerIn(response), templates)
  }
}

/**
 * The address of the token endpoint, for messages: its query, and in odd cases its path, may have secrets.
 * Undefined: it is no URL.
 */
export function tokenUrlOf(party: Party): URL | undefined {
  const { templates, tokenUrl } = party.scheme
  const about = { redirectUri: '', state: '', code: undefined }
  try {
    return new URL(
      templates === undefined ? tokenUrl : render(tokenUrl, variablesOf(party, templates, about)),
    )
  } catch {
    return undefined
  }
}

type Variables = Readonly<Record<string, string>>

const standardKeys = {
  client_id: 'client_id',
  client_secret: 'client_secret',
  scope: 'scope',
  state: 'state',
  auth_code: 'code',
  redirect_uri: 'redirect_uri',
}

/**
 * For each value: `client_id_key`, `client_id_value`, `client_id_param` (both, for a URL), and the value
 * under the vendor's own name.
 */
function variablesOf(
  { scheme, client, inputs }: Party,
  templates: OAuth2Templates,
  about: {
    readonly redirectUri: string
    readonly state: string
    readonly code: string | undefined
  },
): Variables {
  const values = {
    client_id: client.id,
    client_secret: client.secret ?? '',
    scope: scheme.scopes.join(templates.scopeSeparator),
    state: about.state,
    auth_code: about.code ?? '',
    redirect_uri: about.redirectUri,
  }
  const variables = new Map(Object.entries(inputs))
  for (const [name, value] of Object.entries(values)) {
    const key = templates.keys[name] ?? standardKeys[name as keyof typeof standardKeys]
    variables
      .set(key, value)
      .set(`${name}_key`, key)
      .set(`${name}_value`, value)
      .set(`${name}_param`, `${key}=${encodeURIComponent(value)}`)
  }
  for (const kind of ['param', 'value']) {
    variables.set(`scopes_${kind}`, variables.get(`scope_${kind}`) ?? '')
  }
  return Object.fromEntries(variables)
}

/** `plain`: the challenge is the state itself, and so is the verifier. */
function usesChallenge({ scheme }: Party): boolean {
  return scheme.authorizeUrl.includes('codeChallengeS256')
}

function pickVariable(name: string | undefined, variables: Variables): Variables {
  const value = name === undefined ? undefined : variables[name]
  return name === undefined || value === undefined ? {} : { [name]: value }
}

/** @param verifierOf what is hashed for a challenge, by what the template names */
function environmentOf(verifierOf: (value: string) => string): Environment {
  return new Environment({
    filters: filterTable({
      urlEncode: { required: ['value'], run: ([value]) => encodeURIComponent(text(value)) },
      b64encode: {
        required: ['value'],
        run: ([value]) => Buffer.from(text(value)).toString('base64'),
      },
      codeChallengeS256: {
        required: ['value'],
        run: ([value]) =>
          createHash('sha256')
            .update(verifierOf(text(value)))
            .digest('base64url'),
      },
    }),
    functions: new Map(),
    aliases: new Map(),
  })
}

const environment = environmentOf((value) => value)

/** Undefined values become empty. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function render(template: string, variables: Variables, filters = environment): string {
  return str(compileTemplate(template, filters).evaluate(variables, undefined) ?? '')
}

function renderAll(templates: Readonly<Record<string, string>>, variables: Variables): Variables {
  return Object.fromEntries(
    Object.entries(templates).map(([name, value]) => [
      render(name, variables),
      render(value, variables),
    ]),
  )
}

/**
 * Parameters are sent as JSON unless a header says that they are a form; without parameters, everything is in
 * the URL.
 */
function bodyOf(
  params: Variables,
  headers: Variables,
): { readonly headers: Variables; readonly body: string | undefined } {
  const types = Object.entries(headers).filter(([name]) => name.toLowerCase() === 'content-type')
  const [, type = 'application/json'] = types[0] ?? []
  if (Object.keys(params).length === 0) return { headers, body: '' }
  if (type.includes('x-www-form-urlencoded')) {
    return { headers, body: new URLSearchParams(params).toString() }
  }
  const rest = Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'content-type'),
  )
  return { headers: { ...rest, 'content-type': type }, body: JSON.stringify(params) }
}

async function answerIn(response: Response): Promise<JsonObject> {
  const body = response.headers.has('content-type') ? ((await response.json()) as JsonObject) : null
  if (response.status === 200 && body !== null) return body
  const failure = failureSchema.safeParse(body)
  if (failure.success) throw new ResponseBodyError('refused', { cause: failure.data, response })
  throw new TypeError('no token', { cause: response })
}

/**
 * The fields that the manifest takes from the response, by the last part of their path, beside the top-level
 * ones.
 */
function extractFields(answer: JsonObject, { output, expiryKey }: OAuth2Templates): TokenResponse {
  const fields = output.flatMap((path): [string, JsonValue][] => {
    const parts = path.replace(/^\$\.?/, '').split('.')
    const value = parts.reduce<JsonValue | undefined>(
      (node, name) => (isJsonObject(node) ? own(node, name) : undefined),
      answer,
    )
    return value === undefined ? [] : [[parts.at(-1) ?? path, value]]
  })
  const flat: JsonObject = { ...answer, ...Object.fromEntries(fields) }
  const seconds = own(flat, expiryKey)
  return { ...flat, ...(seconds !== undefined && { expires_in: Number(seconds) }) }
}
