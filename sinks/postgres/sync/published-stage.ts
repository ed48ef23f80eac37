import { quoteIdentifier } from '../../../postgres/quote.ts'
import type { DestinationSession } from '../session.ts'
import { quoteTable } from '../tables/identifiers.ts'
import type { StreamTarget } from '../tables/stream-target.ts'

/**
 * A publication of all tables, or of all of the schema, has the stage too: its subscribers are sent rows of a table that they do not have, and stop.
 * A stage that is not logged would not be sent, but a crash of the server would empty it after its checkpoints were committed.
 */
export async function warnOfPublishedStage(
  session: DestinationSession,
  { table, stage, isOverwrite }: StreamTarget,
): Promise<readonly string[]> {
  if (!isOverwrite) return []
  const [found] = await session.rows<{ names: string | null }>(
    `SELECT string_agg(quote_ident(pubname), ', ' ORDER BY pubname) AS names FROM pg_publication p
      WHERE pubinsert AND (puballtables OR EXISTS (SELECT FROM pg_publication_namespace WHERE pnpubid = p.oid AND pnnspid = to_regnamespace($1)))`,
    [quoteIdentifier(table.schema)],
  )
  const names = found?.names ?? null
  if (names === null) return []
  return [
    `All tables of schema ${quoteIdentifier(table.schema)} are published (${names}), also ${quoteTable(stage)}, in which an overwrite gathers its rows: subscribers stop, because they have no such table. Publish the tables by name (\`CREATE PUBLICATION … FOR TABLE …\`), or give the stream the mode \`append_dedup\`.`,
  ]
}
