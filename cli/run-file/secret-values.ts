import { connectorOf } from '../../connectors/registry.ts'
import type { DestinationConfig } from '../../engine/run-types.ts'
import type { JsonObject } from '../../protocol/index.ts'
import type { RunFile } from './run-file-schema.ts'
import { textsOfConfig } from './source.ts'

/** Shorter ones cannot be told from ordinary words in a text. */
const minSecretLength = 4

/**
 * The secrets of a run: the second line of defence (the first: nothing shows a value of a configuration). A text that
 * also stands in a field that is no secret (user and password are the same) is left out.
 */
export function secretValues(
  content: RunFile,
  resolved: {
    readonly source: { readonly type: string; readonly config: JsonObject }
    readonly destination: DestinationConfig
  },
): readonly string[] {
  const { source, destination } = resolved
  const { host, user, database, password } = destination.address
  const sasl = typeof content.log === 'object' ? content.log.kafka.sasl : undefined
  const config = textsOfConfig(source.config, connectorOf(source.type).descriptor.spec)
  const shown = new Set([
    source.type,
    content.connection,
    host,
    user,
    database,
    destination.schema,
    ...config.shown,
  ])
  const secrets = new Set([password, content.destination.url, sasl?.password, ...config.secret])
  return [...secrets]
    .filter((secret) => secret !== undefined)
    .filter((secret) => secret.length >= minSecretLength && !shown.has(secret))
}
