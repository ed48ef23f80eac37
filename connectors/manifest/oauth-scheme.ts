import { z } from 'zod'
import { formatPointer } from '../../lib/text/json-pointer.ts'
import type { OAuth2Scheme } from '../connector.ts'

const pathSchema = z.array(z.string()).min(1)
const placesSchema = z
  .object({
    properties: z.record(z.string(), z.looseObject({ path_in_connector_config: pathSchema })),
  })
  .transform(({ properties }) =>
    Object.fromEntries(
      Object.entries(properties).map(([name, { path_in_connector_config: path }]) => [
        name,
        formatPointer(path),
      ]),
    ),
  )
const textsSchema = z.record(z.string(), z.string())
const inputSchema = z.looseObject({
  consent_url: z.string(),
  access_token_url: z.string(),
  scope: z.string().optional(),
  scopes: z.array(z.object({ scope: z.string() })).optional(),
  access_token_headers: textsSchema.default({}),
  access_token_params: textsSchema.default({}),
  scopes_join_strategy: z.string().default('space'),
  extract_output: z.array(z.string()).default(['refresh_token']),
  token_expiry_key: z.string().default('expires_in'),
})
const advancedAuthSchema = z.object({
  oauth_config_specification: z.object({
    oauth_connector_input_specification: inputSchema,
    oauth_user_input_from_connector_config_specification: placesSchema.default({}),
    complete_oauth_output_specification: placesSchema,
    complete_oauth_server_output_specification: placesSchema.default({}),
  }),
})

/**
 * The OAuth of a manifest (`advanced_auth` of its spec). Undefined if it has none, leaves to the platform
 * where to authorize, or has a vendor that returns the code under another name: its credentials are then set
 * manually.
 */
export function oauthScheme(advancedAuth: unknown): OAuth2Scheme | undefined {
  const parsed = advancedAuthSchema.safeParse(advancedAuth)
  if (!parsed.success) return undefined
  const oauth = parsed.data.oauth_config_specification
  const input = oauth.oauth_connector_input_specification
  const keys = keysOf(input)
  if (!hasStandardAnswer(keys)) return undefined
  const server = oauth.complete_oauth_server_output_specification
  return {
    kind: 'oauth2',
    authorizeUrl: input.consent_url,
    tokenUrl: input.access_token_url,
    scopes: scopesOf(input),
    fields: {
      clientId: server.client_id ?? '/client_id',
      clientSecret: server.client_secret ?? '/client_secret',
      answer: oauth.complete_oauth_output_specification,
    },
    templates: {
      headers: input.access_token_headers,
      params: input.access_token_params,
      keys,
      userInput: oauth.oauth_user_input_from_connector_config_specification,
      scopeSeparator: separators[input.scopes_join_strategy] ?? ' ',
      output: input.extract_output,
      expiryKey: input.token_expiry_key,
    },
  }
}

const separators: Readonly<Record<string, string>> = { space: ' ', comma: ',', plus: '+' }
const keyNames = ['client_id', 'client_secret', 'scope', 'state', 'auth_code', 'redirect_uri']

type Input = z.infer<typeof inputSchema>

/** The browser brings back `state` and `code`. */
function hasStandardAnswer(keys: Readonly<Record<string, string>>): boolean {
  return (keys.state ?? 'state') === 'state' && (keys.auth_code ?? 'code') === 'code'
}

function scopesOf({ scopes, scope = '' }: Input): readonly string[] {
  const all = scopes?.map((entry) => entry.scope) ?? scope.split(/[\s,]+/)
  return all.filter((name) => name !== '')
}

function keysOf(input: Input): Readonly<Record<string, string>> {
  return Object.fromEntries(
    keyNames.flatMap((name) => {
      const key = input[`${name}_key`]
      return typeof key === 'string' ? [[name, key]] : []
    }),
  )
}
