import { nameSuggestion, nearestName } from '../../lib/text/near-names.ts'
import { usageError } from '../usage-error.ts'
import { actionText } from './action-text.ts'
import { connectorLines, type ConnectorDocument } from './catalog-lines.ts'

/** The output of `catalog show`: as JSON, and for people. */
export interface CatalogPart {
  readonly json: unknown
  readonly text: () => string
}

/** A connector, or one of its actions. Throws `usage` if it has no such action. */
export function catalogPart(connector: ConnectorDocument, name: string | undefined): CatalogPart {
  if (name === undefined) return { json: connector, text: () => connectorLines(connector) }
  const { type, actions } = connector
  const action = actions.find((candidate) => candidate.name === name)
  if (action === undefined) throw actionMissing(connector, name)
  const next = `next: reactor connect instances create NAME --type ${type}
try it: reactor connect actions invoke NAME ${name} --input '{…}' --dry-run
`
  return { json: action, text: () => actionText(action, next) }
}

function actionMissing({ type, actions }: ConnectorDocument, name: string): Error {
  if (actions.length === 0)
    return usageError(
      `The connector ${type} has no actions`,
      'Run `reactor connect catalog list` to see which connectors have some.',
    )
  const near = nearestName(
    name,
    actions.map((action) => action.name),
  )
  const suggestion = nameSuggestion(near)
  return usageError(
    `The connector ${type} has no action ${name}`,
    `${suggestion}Run \`reactor connect catalog show ${type}\` to see its actions.`,
  )
}
