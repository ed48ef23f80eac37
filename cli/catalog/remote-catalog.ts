import { catalogDocument, descriptorDocument } from '../../service/catalog/schema.ts'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { table } from '../output/table.ts'
import { fieldLines } from './catalog-lines.ts'

/** The connectors of a service. */
export async function listRemote({ client, output }: CommandContext): Promise<number> {
  const { document } = await client.ask(
    { method: 'GET', path: apiPath('catalog') },
    catalogDocument,
  )
  const { items } = document
  await showResult(output, items, () =>
    table(
      items.map(({ type, kind, title }) => [type, kind, title]),
      { columns: output.columns },
    ),
  )
  return exitCodes.complete
}

/** One of them, with its configuration. */
export async function showRemote(
  { client, output }: CommandContext,
  type: string,
): Promise<number> {
  const { json, document } = await client.ask(
    { method: 'GET', path: apiPath('catalog', type) },
    descriptorDocument,
  )
  await showResult(output, json, () => {
    const { title, docs_url: docs, spec, actions, webhooks } = document
    const head = table([
      ['type', type],
      ['title', title],
      ['docs', docs],
      ['actions', actions.map(({ name }) => name).join(', ') || 'none'],
      ['webhooks', webhooks.map(({ name }) => name).join(', ') || 'none'],
    ])
    return `${head}\nconfiguration\n${fieldLines(spec)}`
  })
  return exitCodes.complete
}
