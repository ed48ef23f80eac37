import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { searchLines, summaryLines } from './catalog-lines.ts'
import { catalogPart } from './catalog-part.ts'
import { serviceCatalog } from './catalog-source.ts'

/** The connectors of a service. */
export async function listRemote({ client, output }: CommandContext): Promise<number> {
  const items = await serviceCatalog(client).list()
  await showResult(output, items, () => summaryLines(items))
  return exitCodes.complete
}

/** Those that fit a text, and those that Airbyte publishes. */
export async function searchRemote(
  { client, output }: CommandContext,
  text: string,
): Promise<number> {
  const found = await serviceCatalog(client).search(text)
  await showResult(output, found, () => searchLines(found))
  return exitCodes.complete
}

/** One of them with all that is known of it, or one of its actions. */
export async function showRemote(
  { client, output }: CommandContext,
  type: string,
  action: string | undefined,
): Promise<number> {
  const { json, text } = catalogPart(await serviceCatalog(client).get(type), action)
  await showResult(output, json, text)
  return exitCodes.complete
}
