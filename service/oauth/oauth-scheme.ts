import type { ConnectorDescriptor, OAuth2Fields, OAuth2Scheme } from '../../connectors/connector.ts'

const standardFields: OAuth2Fields = {
  clientId: '/client_id',
  clientSecret: '/client_secret',
  answer: {
    access_token: '/access_token',
    refresh_token: '/refresh_token',
    token_expiry_date: '/token_expiry_date',
  },
}

/** Undefined if the connector has no OAuth in the browser. */
export function schemeOf({ auth }: ConnectorDescriptor): OAuth2Scheme | undefined {
  return auth.find((scheme) => scheme.kind === 'oauth2')
}

/**
 * Undefined if the service does not refresh tokens: a manifest describes the refresh, and its connector does
 * it.
 */
export function refreshedScheme(descriptor: ConnectorDescriptor): OAuth2Scheme | undefined {
  const scheme = schemeOf(descriptor)
  return scheme?.templates === undefined ? scheme : undefined
}

export function fieldsOf({ fields }: OAuth2Scheme): OAuth2Fields {
  return fields ?? standardFields
}

/**
 * Where OAuth stores its secrets in the configuration, even if the connector's spec does not mention these
 * places.
 */
export function oauthPointers(descriptor: ConnectorDescriptor): readonly string[] {
  return [...clientPointers(descriptor), ...tokenPointers(descriptor)]
}

/** The pointers among `oauthPointers` that a person sets. */
export function clientPointers(descriptor: ConnectorDescriptor): readonly string[] {
  const scheme = schemeOf(descriptor)
  if (scheme === undefined) return []
  const { clientId, clientSecret } = fieldsOf(scheme)
  return [clientId, clientSecret]
}

/** The pointers among `oauthPointers` whose values come from the vendor. */
export function tokenPointers(descriptor: ConnectorDescriptor): readonly string[] {
  const scheme = schemeOf(descriptor)
  return scheme === undefined ? [] : Object.values(fieldsOf(scheme).answer)
}
