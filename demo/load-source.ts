import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Client } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { dataSet, readFlights, type Flight } from './public-data.ts'
import { sourceSchema } from './source-schema.ts'

export interface DemoTable {
  readonly name: string
  readonly rows: number
}

/** Flights at load, and how many more `changeDemoSource` adds: the next ones in time. */
const loadedFlights = 250_000
const laterFlights = 1_000

/** Names that these airports have got since the data was collected. */
const newNames = {
  ATL: 'Hartsfield-Jackson Atlanta International',
  LAS: 'Harry Reid International',
  SDF: 'Louisville Muhammad Ali International',
}

/** Makes the schema `aviation` in an empty database and fills it with public data (demo/README.md), in one transaction. */
export async function loadDemoSource(client: Client): Promise<{ tables: DemoTable[] }> {
  await client.query('BEGIN')
  await client.query(sourceSchema)
  const tables = [
    await copyFile(client, {
      name: 'airports',
      file: 'airports.csv',
      columns: 'iata, name, city, state, country, latitude, longitude',
      unknown: 'NA',
    }),
    await copyFile(client, {
      name: 'routes',
      file: 'flights-airport.csv',
      columns: 'origin, destination, flights_in_2008',
      unknown: '',
    }),
    await copyFile(client, {
      name: 'wildlife_strikes',
      file: 'birdstrikes.csv',
      columns:
        'airport, aircraft, damage, happened_on, operator, state, phase_of_flight, wildlife_size, ' +
        'species, time_of_day, cost_other, cost_repair, cost_total, speed_knots',
      unknown: '',
    }),
    await copyFlights(client, await readFlights(0, loadedFlights)),
  ]
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
 * What happens in a source between two syncs: 1,000 later flights arrive, some delays are corrected, and three airports
 * are renamed. Nothing is deleted. Returns the tables that changed; every changed row has a newer `updated_at`.
 */
export async function changeDemoSource(client: Client): Promise<DemoChange[]> {
  await client.query('BEGIN')
  const corrected = await client.query(
    `UPDATE aviation.flights SET delay_minutes = delay_minutes + 1, updated_at = clock_timestamp()
     WHERE id % 1000 = 0`,
  )
  const inserted = await copyFlights(client, await readFlights(loadedFlights, laterFlights))
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

/** The file goes to COPY as it is. `unknown` is how it writes a value that is not known. */
async function copyFile(
  client: Client,
  table: { name: string; file: string; columns: string; unknown: string },
): Promise<DemoTable> {
  const copy = client.query(
    copyFrom(`COPY aviation.${table.name} (${table.columns})
              FROM STDIN (FORMAT csv, HEADER, NULL '${table.unknown}', ENCODING 'UTF8')`),
  )
  await pipeline(createReadStream(dataSet(table.file)), copy)
  return { name: table.name, rows: copy.rowCount }
}

async function copyFlights(client: Client, flights: readonly Flight[]): Promise<DemoTable> {
  const copy = client.query(
    copyFrom(`COPY aviation.flights (departs_at, delay_minutes, distance_miles, origin, destination)
              FROM STDIN (FORMAT csv)`),
  )
  await pipeline(Readable.from(csvChunks(flights)), copy)
  return { name: 'flights', rows: copy.rowCount }
}

function* csvChunks(flights: readonly Flight[]): Generator<string> {
  for (let start = 0; start < flights.length; start += 10_000) {
    const lines = flights.slice(start, start + 10_000).map((flight) => {
      // The time is the airport's own, without a zone: written as UTC and read as a plain timestamp.
      const departsAt = flight.date.toISOString().slice(0, -1)
      return `${departsAt},${flight.delay},${flight.distance},${flight.origin},${flight.destination}\n`
    })
    yield lines.join('')
  }
}
