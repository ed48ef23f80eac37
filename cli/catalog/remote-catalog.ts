import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { connectorLines, summaryLines } from './catalog-lines.ts'
import { serviceCatalog } from './catalog-source.ts'

/** The connectors of a service. */
export async function listRemote({ client, output }: CommandContext): Promise<number> {
  const items = await serviceCatalog(client).list()
  await showResult(output, items, () => summaryLines(items))
  return exitCodes.complete
}

/** One of them, with all that is known of it. */
export async function showRemote(
  { client, output }: CommandContext,
  type: string,
): Promise<number> {
  const connector = await serviceCatalog(client).get(type)
  await showResult(output, connector, () => connectorLines(connector))
  return exitCodes.complete
}
