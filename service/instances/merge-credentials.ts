import { isDeepStrictEqual } from 'node:util'
import { formatPointer } from '../../lib/text/json-pointer.ts'
import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import {
  isJsonObject,
  ConnectError,
  type JsonObject,
  type JsonValue,
  own,
} from '../../protocol/index.ts'
import { oauthPointers } from '../oauth/oauth-scheme.ts'
import { splitConfig, type Secrets, type SplitConfig } from '../platform/secrets/secret-fields.ts'
import { secretFieldsOf } from '../platform/secrets/secret-field-list.ts'
import { refuseMovedSecrets } from './moved-secrets.ts'

/**
 * The stored secrets with the new ones, in the shape of the configuration (`{ credentials: { token } }`);
 * null removes one. Throws `credentials_invalid` for a field that is not a secret, unless it repeats the
 * configuration's value, and `secrets_needed_again` if a secret decides which server the others go to.
 */
export function mergeCredentials(
  descriptor: ConnectorDescriptor,
  stored: SplitConfig,
  input: JsonObject,
): Secrets {
  const { spec } = descriptor
  const known = [...Object.keys(stored.secrets), ...oauthPointers(descriptor)]
  const { config: rest, secrets } = splitConfig(spec, input, known)
  const fields = new Set([...secretFieldsOf(spec), ...known])
  const removed = new Set<string>()
  for (const { pointer, value, current } of leavesOf(rest, stored.config, [])) {
    if (value === null && fields.has(pointer)) removed.add(pointer)
    else if (!isDeepStrictEqual(value, current)) throw notSecret(descriptor, pointer, fields)
  }
  const staying = Object.entries(stored.secrets).filter(([pointer]) => !removed.has(pointer))
  const merged = { ...Object.fromEntries(staying), ...secrets }
  const next = { config: stored.config, secrets: merged }
  refuseMovedSecrets(descriptor, { stored, next, given: secrets })
  return merged
}

interface Leaf {
  readonly pointer: string
  readonly value: JsonValue
  /** The value in the configuration. */
  readonly current: JsonValue | undefined
}

function leavesOf(
  input: JsonObject,
  config: JsonValue | undefined,
  path: readonly string[],
): readonly Leaf[] {
  return Object.entries(input).flatMap(([name, value]): readonly Leaf[] => {
    const fieldPath = [...path, name]
    const current = isJsonObject(config) ? own(config, name) : undefined
    if (isJsonObject(value)) return leavesOf(value, current, fieldPath)
    return [{ pointer: formatPointer(fieldPath), value, current }]
  })
}

function notSecret(
  { type }: ConnectorDescriptor,
  field: string,
  fields: ReadonlySet<string>,
): ConnectError {
  const known = fields.size === 0 ? 'it has none' : [...fields].sort().join(', ')
  return new ConnectError('credentials_invalid', { details: { field, type, known } })
}
