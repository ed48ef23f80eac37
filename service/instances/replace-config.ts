import { formatPointer, parsePointer } from '../../lib/text/json-pointer.ts'
import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import { isJsonObject, type JsonObject, type JsonValue, valueAt } from '../../protocol/index.ts'
import { startWalk } from '../../manifest-interpreter/config/secret-schema.ts'
import { oauthPointers } from '../oauth/oauth-scheme.ts'
import { secretFieldsOf } from '../platform/secrets/secret-field-list.ts'
import { splitConfig, type SplitConfig } from '../platform/secrets/secret-fields.ts'
import { refuseMovedSecrets } from './moved-secrets.ts'
import { isOfOtherChoice } from './stale-secrets.ts'

/**
 * A new configuration in place of the stored one. Omitted secrets stay, except those that it sets to null,
 * and those of a choice of the spec that it no longer selects (`auth_type`). Throws `secrets_needed_again` if
 * secrets that stay would go to another server.
 */
export function replaceConfig(
  descriptor: ConnectorDescriptor,
  stored: SplitConfig,
  update: JsonObject,
): SplitConfig {
  const { spec } = descriptor
  const known = [...Object.keys(stored.secrets), ...oauthPointers(descriptor)]
  const { config: rest, secrets } = splitConfig(spec, update, known)
  const config = withoutNulls(rest, new Set([...secretFieldsOf(spec), ...known]))
  const walk = startWalk(spec)
  const stays = ([pointer]: [string, JsonValue]): boolean =>
    valueAt(update, parsePointer(pointer)) !== null && !isOfOtherChoice(walk, update, pointer)
  const staying = Object.fromEntries(Object.entries(stored.secrets).filter(stays))
  const next = { config, secrets: { ...staying, ...secrets } }
  refuseMovedSecrets(descriptor, { stored, next, given: secrets })
  return next
}

/** Null removes a secret, and is no value that a spec has to accept. */
function withoutNulls(
  config: JsonObject,
  secrets: ReadonlySet<string>,
  path: readonly string[] = [],
): JsonObject {
  const entries = Object.entries(config).flatMap(([name, value]): [string, JsonValue][] => {
    const fieldPath = [...path, name]
    if (value === null && secrets.has(formatPointer(fieldPath))) return []
    return [[name, isJsonObject(value) ? withoutNulls(value, secrets, fieldPath) : value]]
  })
  return Object.fromEntries(entries)
}
