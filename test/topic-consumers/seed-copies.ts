import { seedCopy, type ConsumerProgram } from './consumer-programs.ts'
import { shopStreams, topicOf } from './stream-shop.ts'
import { printedRows, type Database } from './table-rows.ts'

export interface SeedOptions {
  readonly program: ConsumerProgram
  readonly store: string
  readonly brokers: readonly string[]
  readonly destination: Database
  readonly connections: readonly string[]
}

/**
 * Begins copies when the topics have lost their first messages, in the ways of docs/topics.md: the append
 * modes with the table and the sink's positions, of one snapshot (no run is going on); an overwrite with its
 * next sync.
 */
export async function seedCopies(options: SeedOptions): Promise<void> {
  const { program, store, brokers, destination, connections } = options
  for (const connection of connections)
    for (const { name, destination_sync_mode } of shopStreams) {
      if (destination_sync_mode.startsWith('overwrite')) continue
      const positions = await destination.query(`
        SELECT p.partition, p.next AS offset, s.sync_id, s.complete
          FROM reactor_connect.positions p JOIN reactor_connect.streams s ON s.id = p.stream_id
         WHERE s.connection = '${connection}' AND s.namespace IS NOT DISTINCT FROM 'public' AND s.name = '${name}'`)
      await seedCopy(program, {
        ...{ brokers, store, topic: topicOf(connection, name) },
        stream: [connection, 'public', name],
        positions: Object.fromEntries(
          positions.map(({ partition, offset }) => [String(partition), Number(offset)]),
        ),
        whole: positions[0]?.complete === true ? Number(positions[0].sync_id) : undefined,
        rows: await printedRows(destination, { schema: connection, name }),
      })
    }
}
