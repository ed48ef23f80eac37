import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable } from '../tables/identifiers.ts'
import type { StreamTarget } from '../tables/stream-target.ts'

/**
 * SQL: the names of the publications of all tables, or of all tables of the schema (a parameter: its quoted
 * name); null if there are none.
 */
export function publicationsOf(schema: string): string {
  return `(SELECT string_agg(quote_ident(pubname), ', ' ORDER BY pubname) FROM pg_publication p
      WHERE pubinsert AND (puballtables OR EXISTS (SELECT FROM pg_publication_namespace WHERE pnpubid = p.oid AND pnnspid = to_regnamespace(${schema}))))`
}

/**
 * A publication of all tables, or of all of the schema, has the stage too: its subscribers are sent rows of a
 * table that they do not have, and stop. A stage that is not logged would not be sent, but a crash of the
 * server would empty it after its checkpoints were committed.
 */
export function warnOfPublishedStage(
  { table, stage }: StreamTarget,
  publications: string | null,
): readonly string[] {
  if (publications === null) return []
  return [
    `All tables of schema ${quoteIdentifier(table.schema)} are published (${publications}), also ${quoteTable(stage)}, in which an overwrite gathers its rows: subscribers stop, because they have no such table. Publish the tables by name (\`CREATE PUBLICATION … FOR TABLE …\`), or give the stream the mode \`append_dedup\`.`,
  ]
}
