import pg from 'pg'
import { expect, test } from 'vitest'
import { changeDemoSource, loadDemoSource } from '../../cli/demo/load-source.ts'
import { prepareDemoData } from '../../scripts/demo/prepare-data.ts'
import { testDatabase } from '../support/postgres.ts'

const folder = new URL('../../.build/demo/', import.meta.url).pathname

test('the demo source holds real related data, and a change shows in updated_at alone', async () => {
  await using db = await testDatabase()
  await prepareDemoData(folder)
  const client = new pg.Client(db.url)
  await client.connect()
  try {
    const { tables } = await loadDemoSource(client, folder)
    expect(tables).toEqual([
      { name: 'airports', rows: 3_376 },
      { name: 'routes', rows: 5_366 },
      { name: 'wildlife_strikes', rows: 10_000 },
      { name: 'flights', rows: 250_000 },
    ])
    const [unknown] = await db.query("SELECT city, state FROM aviation.airports WHERE iata = 'ROP'")
    expect(unknown).toEqual({ city: null, state: null })
    await db.query('CREATE TABLE seen AS SELECT max(updated_at) AS at FROM aviation.flights')

    const changes = await changeDemoSource(client, folder)
    expect(changes).toEqual([
      { name: 'flights', inserted: 1_000, updated: 250 },
      { name: 'airports', inserted: 0, updated: 3 },
    ])
    const changed = async (table: string): Promise<unknown> => {
      const sql = `SELECT count(*)::int AS rows FROM aviation.${table}, seen WHERE updated_at > seen.at`
      return (await db.query(sql))[0]?.rows
    }
    expect(await changed('flights')).toBe(1_250)
    expect(await changed('airports')).toBe(3)
    expect(await changed('routes')).toBe(0)
  } finally {
    await client.end()
  }
})
