import { nearestName } from '../lib/text/near-names.ts'
import { ConnectError } from '../protocol/index.ts'

/** Names that Airbyte's registry can have: `catalog import airbyte:NAME` takes them. */
const registryName = /^[a-z0-9][a-z0-9-]{0,99}$/

/** The error for a type that is none of the known ones. */
export function unknownConnector(type: string, known: readonly string[]): ConnectError {
  const details = { type, known: known.join(', '), fix: fixFor(type, known) }
  return new ConnectError('unknown_connector', { details })
}

function fixFor(type: string, known: readonly string[]): string {
  const near = nearestName(type, known)
  if (near !== undefined)
    return `Did you mean \`${near}\`? \`reactor connect catalog list\` shows all types.`
  const name = type.replace(/^source-/, '')
  return registryName.test(name)
    ? `Use one of the known types, or import the connector, if Airbyte has a manifest of it: \`reactor connect catalog import airbyte:${name}\`.`
    : 'Use one of the known types: `reactor connect catalog list` shows them.'
}
