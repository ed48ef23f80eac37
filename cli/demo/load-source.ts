import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { Client } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { sourceSchema } from './source-schema.ts'

export interface DemoTable {
  readonly name: string
  readonly rows: number
}

interface DemoFile {
  /** The name of the table; also of the file, unless `file` names it. */
  readonly name: string
  readonly file?: string
  readonly columns: string
  /** How the file writes a value that is not known. */
  readonly unknown: string
}

const flights: DemoFile = {
  name: 'flights',
  columns: 'departs_at, delay_minutes, distance_miles, origin, destination',
  unknown: '',
}

const demoTables: readonly DemoFile[] = [
  {
    name: 'airports',
    columns: 'iata, name, city, state, country, latitude, longitude',
    unknown: 'NA',
  },
  { name: 'routes', columns: 'origin, destination, flights_in_2008', unknown: '' },
  {
    name: 'wildlife_strikes',
    columns:
      'airport, aircraft, damage, happened_on, operator, state, phase_of_flight, wildlife_size, ' +
      'species, time_of_day, cost_other, cost_repair, cost_total, speed_knots',
    unknown: '',
  },
  flights,
]

/** Names that these airports have got since the data was collected. */
const newNames = {
  ATL: 'Hartsfield-Jackson Atlanta International',
  LAS: 'Harry Reid International',
  SDF: 'Louisville Muhammad Ali International',
}

/**
 * Makes the schema `aviation` in an empty database and fills it with public data (scripts/demo/README.md), in
 * one transaction.
 * @param folder of the data, as scripts/demo/prepare-data.ts writes it
 */
export async function loadDemoSource(
  client: Client,
  folder: string,
): Promise<{ tables: DemoTable[] }> {
  await client.query('BEGIN')
  await client.query(sourceSchema)
  const tables: DemoTable[] = []
  for (const table of demoTables) tables.push(await copyFile(client, folder, table))
  await client.query('COMMIT')
  await client.query(
    'ANALYZE aviation.airports, aviation.routes, aviation.flights, aviation.wildlife_strikes',
  )
  return { tables }
}

export interface DemoChange {
  readonly name: string
  readonly inserted: number
  readonly updated: number
}

/**
 * Simulates the changes in a source between two syncs: 1,000 later flights arrive, some delays are corrected,
 * and three airports are renamed. Nothing is deleted. Returns the tables that changed; every changed row has
 * a newer `updated_at`.
 */
export async function changeDemoSource(client: Client, folder: string): Promise<DemoChange[]> {
  await client.query('BEGIN')
  const corrected = await client.query(
    `UPDATE aviation.flights SET delay_minutes = delay_minutes + 1, updated_at = clock_timestamp()
     WHERE id % 1000 = 0`,
  )
  const inserted = await copyFile(client, folder, { ...flights, file: 'later_flights' })
  const renamed = await client.query(
    `UPDATE aviation.airports SET name = new.name, updated_at = clock_timestamp()
     FROM json_each_text($1) AS new(iata, name) WHERE airports.iata = new.iata`,
    [JSON.stringify(newNames)],
  )
  await client.query('COMMIT')
  return [
    { name: 'flights', inserted: inserted.rows, updated: corrected.rowCount ?? 0 },
    { name: 'airports', inserted: 0, updated: renamed.rowCount ?? 0 },
  ]
}

/** The file goes to COPY as it is. */
async function copyFile(
  client: Client,
  folder: string,
  { name, file = name, columns, unknown }: DemoFile,
): Promise<DemoTable> {
  const copy = client.query(
    copyFrom(`COPY aviation.${name} (${columns})
              FROM STDIN (FORMAT csv, HEADER, NULL '${unknown}', ENCODING 'UTF8')`),
  )
  await pipeline(createReadStream(join(folder, `${file}.csv.gz`)), createGunzip(), copy)
  return { name, rows: copy.rowCount }
}
