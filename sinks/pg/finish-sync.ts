import type pg from 'pg'
import { ConnectError } from '../../protocol/index.ts'
import type { StreamSync } from '../sink.ts'
import { streamKey } from './bookkeeping.ts'
import { quoteIdentifier, quoteTable, type TableName } from './identifiers.ts'
import { finalTable, isOverwrite, stageTable } from './stream-table.ts'
import { addMetaColumn, metaColumn, readLayout } from './table-layout.ts'

/** `Destination.finish`: one transaction. A killed one leaves the old rows, and the stage for the next run. */
export async function finishSync(
  client: pg.Client,
  sync: StreamSync,
  schema: string | undefined,
): Promise<void> {
  const { sink, streamId, epoch } = sync
  const stream = streamKey(streamId)
  await client.query('BEGIN')
  try {
    await takeStream(client, { connection: sink.connection, stream, epoch })
    await requireComplete(client, sync, stream)
    if (isOverwrite(sink)) await swap(client, finalTable(sink, schema), sink.connection)
    await client.query(
      'UPDATE reactor_connect.streams SET complete = true, updated_at = now() WHERE connection = $1 AND stream = $2',
      [sink.connection, stream],
    )
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

async function takeStream(
  client: pg.Client,
  {
    connection,
    stream,
    epoch,
  }: { readonly connection: string; readonly stream: string; readonly epoch: number },
): Promise<void> {
  const { rowCount } = await client.query(
    'SELECT FROM reactor_connect.streams WHERE connection = $1 AND stream = $2 AND epoch = $3 FOR UPDATE',
    [connection, stream, epoch],
  )
  if (rowCount !== 1) throw new ConnectError('fenced', { details: { connection, stream } })
}

async function requireComplete(
  client: pg.Client,
  { sink }: StreamSync,
  stream: string,
): Promise<void> {
  const { rows } = await client.query<{ open: number; all: number }>(
    `SELECT count(*) FILTER (WHERE NOT complete)::int AS open, count(*)::int AS all
       FROM reactor_connect.slices WHERE connection = $1 AND stream = $2`,
    [sink.connection, stream],
  )
  const { open = 0, all = 0 } = rows[0] ?? {}
  if (open > 0) {
    throw new ConnectError('slices_incomplete', {
      details: { stream: sink.stream.stream.name, open, all },
    })
  }
}

/**
 * Exchanges the rows, not the table: its views, grants and indexes stay. TRUNCATE rather than DELETE: no dead rows are left, readers
 * wait for the length of the copy. Tables that others reference cannot be truncated; their rows are deleted.
 */
async function swap(client: pg.Client, table: TableName, connection: string): Promise<void> {
  const stage = stageTable(connection, table)
  const staged = await readLayout(client, stage)
  if (staged.has(metaColumn) && !(await readLayout(client, table)).has(metaColumn))
    await addMetaColumn(client, table)
  const columns = [...staged.keys()].map(quoteIdentifier).join(', ')
  await client.query(
    `${(await isReferenced(client, table)) ? 'DELETE FROM' : 'TRUNCATE'} ${quoteTable(table)}`,
  )
  await client.query(
    `INSERT INTO ${quoteTable(table)} (${columns}) SELECT ${columns} FROM ${quoteTable(stage)}`,
  )
  await client.query(`DROP TABLE ${quoteTable(stage)}`)
}

async function isReferenced(client: pg.Client, table: TableName): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = $1::regclass AND conrelid <> confrelid LIMIT 1`,
    [quoteTable(table)],
  )
  return rowCount !== 0
}
