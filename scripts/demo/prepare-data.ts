import { createReadStream, createWriteStream } from 'node:fs'
import { access, mkdir, readFile, rename } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip, zstdDecompressSync } from 'node:zlib'
import { parquetReadObjects } from 'hyparquet'
import { z } from 'zod'

/** Flights at load, and how many more arrive later: the next ones in time. */
const loadedFlights = 250_000
const laterFlights = 1_000

/**
 * The files that are made, and the file of the npm package vega-datasets that each comes from. The package
 * has 42 MB: the demo needs 2 of them.
 */
const copied = {
  airports: 'airports.csv',
  routes: 'flights-airport.csv',
  wildlife_strikes: 'birdstrikes.csv',
} as const

/** One row of flights-3m.parquet; the file is sorted by date. */
const flightSchema = z.object({
  date: z.date(),
  delay: z.bigint(),
  distance: z.bigint(),
  origin: z.string(),
  destination: z.string(),
})
type Flight = z.infer<typeof flightSchema>

/**
 * Writes the data of the demo as `NAME.csv.gz` into a folder, as `cli/demo/load-source.ts` reads it. Files
 * that are there already stay.
 */
export async function prepareDemoData(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [name, file] of Object.entries(copied))
    await write(join(folder, `${name}.csv.gz`), () => createReadStream(dataSet(file)))
  await write(join(folder, 'flights.csv.gz'), () => flights(0, loadedFlights))
  await write(join(folder, 'later_flights.csv.gz'), () => flights(loadedFlights, laterFlights))
}

async function write(path: string, open: () => Readable): Promise<void> {
  try {
    await access(path)
  } catch {
    // Whole or not there: others may prepare it at the same time.
    const part = `${path}.${String(process.pid)}`
    await pipeline(open(), createGzip({ level: 9 }), createWriteStream(part))
    await rename(part, path)
  }
}

/** The path of a data set of the npm package vega-datasets. */
function dataSet(file: string): string {
  const main = createRequire(import.meta.url).resolve('vega-datasets')
  return join(dirname(main), '../data', file)
}

function flights(start: number, count: number): Readable {
  return Readable.from(flightLines(start, count))
}

/** `count` flights of the 3,000,000 in the data set, from row `start` on, below a line of headings. */
async function* flightLines(start: number, count: number): AsyncGenerator<string> {
  const bytes = await readFile(dataSet('flights-3m.parquet'))
  const rows = await parquetReadObjects({
    file: new Uint8Array(bytes).buffer,
    rowStart: start,
    rowEnd: start + count,
    compressors: { ZSTD: (compressed) => zstdDecompressSync(compressed) },
  })
  yield 'departs_at,delay_minutes,distance_miles,origin,destination\n'
  const parsed = z.array(flightSchema).parse(rows)
  for (let offset = 0; offset < parsed.length; offset += 10_000)
    yield parsed
      .slice(offset, offset + 10_000)
      .map(flightLine)
      .join('')
}

function flightLine(flight: Flight): string {
  // The time is the airport's own, without a zone: written as UTC and read as a plain timestamp.
  const departsAt = flight.date.toISOString().slice(0, -1)
  return `${departsAt},${flight.delay},${flight.distance},${flight.origin},${flight.destination}\n`
}
