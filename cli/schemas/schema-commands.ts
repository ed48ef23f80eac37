import { streamLabel } from '../../protocol/index.ts'
import { schemaDocument, streamSchemaDocument } from '../../service/schemas/schema.ts'
import { apiPath } from '../client/api-path.ts'
import { listPages } from '../client/list-pages.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { formatTime } from '../output/format-time.ts'
import { listLines, yetOrHidden } from '../output/list-lines.ts'
import { jsonText } from '../output/json-text.ts'

export interface SchemaFlags {
  readonly connection?: string
  readonly stream?: string
  readonly limit?: number
}

export async function listSchemas(
  { client, output }: CommandContext,
  { connection, stream, limit }: SchemaFlags,
): Promise<number> {
  const listed = await listPages(client, {
    path: apiPath('schemas'),
    item: streamSchemaDocument,
    query: { connection, stream },
    limit,
  })
  await showResult(output, listed.json, () =>
    listLines({
      header: ['CONNECTION', 'STREAM', 'VERSION', 'BLOCK', 'RECORD', 'FIRST SEEN'],
      rows: listed.documents.map((document) => [
        document.connection,
        streamLabel(document),
        String(document.version),
        document.block_fingerprint,
        document.record_fingerprint,
        formatTime(document.first_seen_at),
      ]),
      columns: output.columns,
      dispensable: ['FIRST SEEN', 'RECORD'],
      empty: {
        what: 'schemas',
        because: yetOrHidden,
        filters: { connection, stream },
        next: 'reactor connect connections runs start NAME --wait',
        all: 'reactor connect schemas list',
      },
    }),
  )
  return exitCodes.complete
}

/** The Avro schema alone goes to standard output, so that it can be piped to what reads it. */
export async function getSchema(
  { client, output }: CommandContext,
  fingerprint: string,
): Promise<number> {
  const { json, document } = await client.ask(
    { method: 'GET', path: apiPath('schemas', fingerprint) },
    schemaDocument,
  )
  const { schema, framing, used_by: uses } = document
  if (!output.json) {
    const what = framing === 'block' ? 'an array of records' : 'one record'
    const [newest] = uses
    const filter =
      newest === undefined
        ? ''
        : `; used by ${newest.connection} since ${formatTime(newest.first_seen_at)}`
    output.screen.line(`${fingerprint}: ${what}${filter}`)
  }
  await showResult(output, json, () => jsonText(schema))
  return exitCodes.complete
}
