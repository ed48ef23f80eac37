import { parsePointer } from '../../lib/text/json-pointer.ts'
import type { ConnectorActions, ConnectorDescriptor } from '../../connectors/connector.ts'
import { valueAt, type JsonObject, type JsonValue } from '../../protocol/index.ts'
import { fieldsOf, schemeOf } from '../oauth/oauth-scheme.ts'
import { splitConfig } from '../platform/secrets/secret-fields.ts'

export interface AccountSource {
  readonly descriptor: ConnectorDescriptor
  readonly actions: Pick<ConnectorActions, 'account'>
  /** Includes its secrets. */
  readonly config: JsonObject
  /**
   * The version of the instance: a person who authorizes again creates a new version, a renewal of tokens
   * does not.
   */
  readonly version: number
}

/**
 * All that decides whose account at the vendor a configuration reaches: equal values reach the same one. It
 * has secrets, so only a keyed hash of it may be stored. It errs on the side of too much: other secrets are
 * another account, unless the configuration names the account.
 */
export function vendorAccount({ descriptor, actions, config, version }: AccountSource): JsonValue {
  const scheme = schemeOf(descriptor)
  const tokens = scheme === undefined ? {} : fieldsOf(scheme).answer
  const { config: open, secrets } = splitConfig(descriptor.spec, config, Object.values(tokens))
  const fields = descriptor.addressFields()
  const addresses =
    fields === 'all' ? open : fields.map((pointer) => valueAt(open, parsePointer(pointer)) ?? null)
  const { chosenBy, isNamed } = actions.account?.(config) ?? { chosenBy: null, isNamed: false }
  return [addresses, chosenBy, isNamed ? null : credentials(secrets, { tokens, version })]
}

/** Without the tokens that the vendor replaces, if it replaces them. */
function credentials(
  secrets: JsonObject,
  {
    tokens,
    version,
  }: { readonly tokens: Readonly<Record<string, string>>; readonly version: number },
): JsonValue {
  if (tokens.refresh_token === undefined || !(tokens.refresh_token in secrets)) return secrets
  const replaced = new Set(Object.values(tokens))
  const lasting = Object.entries(secrets).filter(([pointer]) => !replaced.has(pointer))
  return [version, Object.fromEntries(lasting)]
}
