import { get, isDict, isPlainDict } from '../value/dict.ts'
import { truth } from '../value/truth.ts'
import { mapValues } from '../manifest/map-values.ts'
import type { Manifest } from '../manifest/load-manifest.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'
import { ConfigError } from './config-error.ts'

/** Airbyte's ConnectorSpecification of a manifest, as the `spec` command prints it. */
export function connectorSpecification({ spec }: Manifest): PlainDict {
  if (spec === undefined) {
    throw new ConfigError('The manifest has no "spec". Add one with a connection_specification.')
  }
  const url = get(spec, 'documentation_url')
  const auth = get(spec, 'advanced_auth')
  return {
    connectionSpecification: withoutNulls(get(spec, 'connection_specification') ?? {}),
    ...(url !== undefined && truth(url) && { documentationUrl: url }),
    supportsNormalization: false,
    supportsDBT: false,
    ...(auth !== undefined && isPlainDict(auth) && { advanced_auth: advancedAuth(auth) }),
  }
}

const authFields = ['auth_flow_type', 'predicate_key', 'predicate_value']
const oauthFields = [
  'oauth_user_input_from_connector_config_specification',
  'complete_oauth_output_specification',
  'complete_oauth_server_input_specification',
  'complete_oauth_server_output_specification',
]
const connectorInputFields = [
  'consent_url',
  'access_token_url',
  'scope',
  'scopes',
  'optional_scopes',
  'scopes_join_strategy',
  'access_token_headers',
  'access_token_params',
  'extract_output',
  'client_id_key',
  'client_secret_key',
  'scope_key',
  'state_key',
  'auth_code_key',
  'redirect_uri_key',
  'token_expiry_key',
]

/** Only what the protocol knows: a platform reads it. */
function advancedAuth(auth: PlainDict): PlainDict {
  const oauth = get(auth, 'oauth_config_specification')
  return {
    ...picked(auth, authFields),
    ...(isPlainDict(oauth) && { oauth_config_specification: oauthConfig(oauth) }),
  }
}

function oauthConfig(oauth: PlainDict): PlainDict {
  const input = get(oauth, 'oauth_connector_input_specification')
  return {
    ...picked(oauth, oauthFields),
    ...(isPlainDict(input) && { oauth_connector_input_specification: connectorInput(input) }),
  }
}

function connectorInput(input: PlainDict): PlainDict {
  const state = get(input, 'state')
  return {
    scopes_join_strategy: 'space',
    ...picked(input, connectorInputFields),
    ...(isPlainDict(state) && { state: picked(state, ['min', 'max']) }),
  }
}

function picked(source: PlainDict, names: readonly string[]): PlainDict {
  const result: PlainDict = {}
  for (const name of names) {
    const value = get(source, name)
    if (value !== undefined && value !== null) result[name] = withoutNulls(value)
  }
  return result
}

/**
 * As the reference serializes: entries of an object, and of the objects of a list, that are null are left
 * out; deeper ones stay.
 */
function withoutNulls(value: Value): Value {
  if (Array.isArray(value)) return value.map((item) => (isDict(item) ? dense(item) : item))
  return isDict(value) ? dense(value) : value
}

function dense(dict: Dict): Dict {
  return mapValues(dict, (value) => value ?? undefined)
}
