import { connectionDocument } from '../../service/connections/schema.ts'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { usageError } from '../usage-error.ts'

/** A run of a connection. */
export interface RunPlace {
  readonly name: string
  readonly run: string
}

/**
 * Finds the run that a command names: by its id, or the last one. Throws `usage` if the connection never ran.
 */
export async function findRun(
  { client }: Pick<CommandContext, 'client'>,
  { name, run }: RunPlace,
): Promise<RunPlace> {
  if (run !== 'latest') return { name, run }
  const path = apiPath('connections', name)
  const { document } = await client.ask({ method: 'GET', path }, connectionDocument)
  if (document.last_run !== null) return { name, run: document.last_run.id }
  throw usageError(
    `${name} has no run yet`,
    `Start one: \`reactor connect connections runs start ${name} --wait\`.`,
  )
}
