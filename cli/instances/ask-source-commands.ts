import { counted } from '../run/amounts.ts'
import { z } from 'zod'
import { airbyteStream, streamLabel } from '../../protocol/index.ts'
import { checkDocument, discoveredDocument } from '../../service/instances/schema.ts'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { formatTime } from '../output/format-time.ts'
import { plainText } from '../output/plain-text.ts'
import { table } from '../output/table.ts'

/** Exit code 1 if it does not work. */
export async function checkInstance(
  { client, output }: CommandContext,
  name: string,
): Promise<number> {
  const { json, document } = await client.ask(
    { method: 'POST', path: apiPath('instances', name, 'check') },
    checkDocument,
  )
  const works = document.status === 'SUCCEEDED'
  await showResult(output, json, () => {
    const { message } = document
    const warning = message === undefined ? '' : `warning: ${plainText(message)}\n`
    if (works) return `${name}: it works\n${warning}`
    const reason = plainText(document.message ?? 'the connector gave no reason')
    return `${name}: it does not work: ${reason}\n`
  })
  return works ? exitCodes.complete : exitCodes.failed
}

export async function discoverInstance(
  { client, output }: CommandContext,
  name: string,
  flags: { readonly cached?: true },
): Promise<number> {
  const { json, document } = await client.ask(
    {
      method: 'POST',
      path: apiPath('instances', name, 'discover'),
      body: { refresh: flags.cached !== true },
    },
    discoveredDocument,
  )
  await showResult(output, json, () => {
    const streams = z.array(airbyteStream).parse(document.catalog.streams)
    const rows = streams.map((stream) => [
      streamLabel(stream),
      stream.supported_sync_modes.join(', '),
      (stream.source_defined_primary_key ?? []).map((path) => path.join('.')).join(', '),
      (stream.default_cursor_field ?? []).join('.'),
      String(Object.keys(stream.json_schema.properties ?? {}).length),
    ])
    const header = ['STREAM', 'SYNC MODES', 'PRIMARY KEY', 'CURSOR', 'FIELDS']
    const cacheNote = document.from_cache
      ? ', cached since; without --cached the source is asked again'
      : ''
    const shown =
      rows.length === 0
        ? ''
        : `${table(rows, { header, columns: output.columns, dispensable: ['FIELDS'] })}\n`
    return `${shown}${counted(rows.length, 'stream')}, discovered ${formatTime(document.discovered_at)}${cacheNote}\n`
  })
  return exitCodes.complete
}
