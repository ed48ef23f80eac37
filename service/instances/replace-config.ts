import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import type { JsonObject, JsonValue } from '../../protocol/index.ts'
import { startWalk } from '../../manifest-interpreter/config/secret-schema.ts'
import { oauthPointers } from '../oauth/oauth-scheme.ts'
import { valueAt } from '../platform/secrets/json-pointer.ts'
import { splitConfig, type SplitConfig } from '../platform/secrets/secret-fields.ts'
import { isOfOtherChoice } from './stale-secrets.ts'

/**
 * A new configuration in place of the stored one. Omitted secrets stay, except those that it sets to null, and those of a choice of the
 * spec that it no longer selects (`auth_type`).
 */
export function replaceConfig(
  descriptor: ConnectorDescriptor,
  stored: SplitConfig,
  update: JsonObject,
): SplitConfig {
  const { spec } = descriptor
  const known = [...Object.keys(stored.secrets), ...oauthPointers(descriptor)]
  const { config, secrets } = splitConfig(spec, update, known)
  const walk = startWalk(spec)
  const stays = ([pointer]: [string, JsonValue]): boolean =>
    valueAt(update, pointer) !== null && !isOfOtherChoice(walk, update, pointer)
  const staying = Object.fromEntries(Object.entries(stored.secrets).filter(stays))
  return { config, secrets: { ...staying, ...secrets } }
}
