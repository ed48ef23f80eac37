import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll } from 'vitest'
import { openPostgresLane } from '../../../sinks/postgres/load/postgres-lane.ts'
import { openPostgresDestination } from '../../../sinks/postgres/postgres-destination.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { destinationContract } from './destination-contract.ts'
import type { Place } from './subject.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db[Symbol.asyncDispose]())

destinationContract(
  {
    name: 'postgres',
    modes: ['append', 'append_dedup', 'overwrite', 'overwrite_dedup'],
    overwriteShows: 'at its end',
    makePlace: () => Promise.resolve(placeIn(db)),
  },
  0,
)

function placeIn(database: TestDatabase): Place {
  const name = `t_${randomUUID().slice(0, 8)}`
  const own = { address: database.address, schema: name }
  return {
    connection: name,
    stream: 'things',
    config: { type: 'postgres', ...own },
    open: () => openPostgresDestination(own),
    openLane: async (sync, partition = 0) => {
      const lane = await openPostgresLane(own, sync, partition)
      await lane.setColumns(sync.sink.columns)
      return lane
    },
    rows: async () => {
      const rows = await database.query(
        `SELECT to_jsonb(t) - ARRAY['_airbyte_raw_id', '_airbyte_extracted_at', '_airbyte_meta', '_airbyte_generation_id'] AS row
           FROM ${name}.things t`,
      )
      return rows.map(({ row }) => row as Record<string, never>)
    },
    rejections: async () => {
      const rows = await database.query(
        `SELECT r.slice, r.seq, r.reason FROM reactor_connect.rejected_records r
           JOIN reactor_connect.streams s ON s.id = r.stream_id WHERE s.connection = $1 ORDER BY r.seq`,
        [name],
      )
      return rows.map(({ slice, seq, reason }) => ({
        slice: String(slice),
        seq: Number(seq),
        reason: String(reason),
      }))
    },
  }
}
