import { pageSchema } from '../../service/platform/lists.ts'
import { discardedSchema, rejectDocument, retriedSchema } from '../../service/rejects/schema.ts'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { formatTime } from '../output/format-time.ts'
import { table } from '../output/table.ts'
import { counted } from '../run/amounts.ts'

export interface RejectsFlags {
  readonly stream?: string
  readonly record?: readonly string[]
}

export async function listRejects(
  { client, output }: CommandContext,
  name: string,
  { stream, limit }: RejectsFlags & { readonly limit?: number },
): Promise<number> {
  const query = new URLSearchParams({
    ...(stream !== undefined && { stream }),
    ...(limit !== undefined && { limit: String(limit) }),
  })
  const path = apiPath('connections', name, 'rejects')
  const { document } = await client.ask(
    { method: 'GET', path: query.size === 0 ? path : `${path}?${query.toString()}` },
    pageSchema(rejectDocument),
  )
  await showResult(output, document, () => {
    if (document.items.length === 0) return `${name}: no record is rejected\n`
    const rows = document.items.map((reject) => [
      reject.key,
      reject.stream,
      reject.operation,
      reject.code,
      reject.reason,
      formatTime(reject.last_at),
    ])
    const header = ['KEY', 'STREAM', 'OPERATION', 'CODE', 'REASON', 'LAST']
    const more = document.next_cursor === null ? '' : 'and more: raise --limit\n'
    return (
      table(rows, { header, columns: output.columns, dispensable: ['LAST', 'OPERATION'] }) + more
    )
  })
  return exitCodes.complete
}

export async function settleRejects(
  { client, output }: CommandContext,
  name: string,
  { stream, record: keys, verb }: RejectsFlags & { readonly verb: 'retry' | 'discard' },
): Promise<number> {
  const body = { ...(stream !== undefined && { stream }), ...(keys !== undefined && { keys }) }
  const request = {
    method: 'POST',
    path: apiPath('connections', name, 'rejects', verb),
    body,
  } as const
  if (verb === 'discard') {
    const { document } = await client.ask(request, discardedSchema)
    const text = counted(document.discarded, 'rejected record')
    await showResult(output, document, () => `${name}: ${text} discarded\n`)
    return exitCodes.complete
  }
  const { document } = await client.ask(request, retriedSchema)
  const { tried, written, rejected } = document
  await showResult(
    output,
    document,
    () =>
      `${name}: ${counted(tried, 'record')} sent again, ${String(written)} written, ${String(rejected)} rejected again\n`,
  )
  return rejected === 0 ? exitCodes.complete : exitCodes.partial
}
