import { isDeepStrictEqual } from 'node:util'
import { formatPointer, parsePointer } from '../../lib/text/json-pointer.ts'
import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import {
  isJsonObject,
  ConnectError,
  type JsonObject,
  type JsonValue,
  valueAt,
  own,
} from '../../protocol/index.ts'
import type { SplitConfig } from '../platform/secrets/secret-fields.ts'

export interface SecretsEdit {
  readonly stored: SplitConfig
  readonly next: SplitConfig
  /** Those that the request holds, by pointer. */
  readonly given: JsonObject
}

/**
 * Refuses to send stored secrets to another server than before: a caller who changes the server must know the
 * secrets, or remove them. Throws `secrets_needed_again`, which names fields and never values.
 */
export function refuseMovedSecrets(
  descriptor: Pick<ConnectorDescriptor, 'type' | 'spec' | 'addressFields'>,
  { stored, next, given }: SecretsEdit,
): void {
  const staying = Object.keys(next.secrets).filter((pointer) => !Object.hasOwn(given, pointer))
  if (staying.length === 0) return
  const changed = changedAddress(descriptor, stored, next)
  if (changed.length === 0) return
  throw new ConnectError('secrets_needed_again', {
    details: { type: descriptor.type, changed: listed(changed), fields: listed(staying) },
  })
}

/** Pointers of the changed fields. */
function changedAddress(
  { spec, addressFields }: Pick<ConnectorDescriptor, 'spec' | 'addressFields'>,
  stored: SplitConfig,
  next: SplitConfig,
): readonly string[] {
  const fields = addressFields()
  if (fields !== 'all') {
    const isChanged = (pointer: string): boolean =>
      !isDeepStrictEqual(addressAt(spec, stored, pointer), addressAt(spec, next, pointer))
    return fields.filter(isChanged)
  }
  // A secret that is replaced by another does not count: then none could be replaced alone.
  const names = new Set([stored, next].flatMap(({ config }) => Object.keys(config)))
  return [...names]
    .filter((name) => !isDeepStrictEqual(own(stored.config, name), own(next.config, name)))
    .map((name) => formatPointer([name]))
}

/** The value of a field, which may be a secret itself, or have some inside. */
function addressAt(spec: JsonObject, { config, secrets }: SplitConfig, pointer: string): unknown {
  const value = valueAt(config, parsePointer(pointer)) ?? defaultAt(spec, pointer) ?? null
  const inside = Object.entries(secrets).filter(
    ([secret]) => secret === pointer || secret.startsWith(`${pointer}/`),
  )
  return [value, Object.fromEntries(inside)]
}

function defaultAt(spec: JsonObject, pointer: string): JsonValue | undefined {
  const schema = parsePointer(pointer).reduce<JsonValue | undefined>((parent, name) => {
    const properties = isJsonObject(parent) ? parent.properties : undefined
    return isJsonObject(properties) ? own(properties, name) : undefined
  }, spec)
  return isJsonObject(schema) ? schema.default : undefined
}

function listed(pointers: readonly string[]): string {
  return pointers.map((pointer) => `\`${pointer}\``).join(', ')
}
