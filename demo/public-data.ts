import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { parquetReadObjects } from 'hyparquet'
import { z } from 'zod'

/** One row of flights-3m.parquet; the file is sorted by date. */
const flightSchema = z.object({
  date: z.date(),
  delay: z.bigint(),
  distance: z.bigint(),
  origin: z.string(),
  destination: z.string(),
})
export type Flight = z.infer<typeof flightSchema>

/** The path of a data set of the npm package vega-datasets. */
export function dataSet(file: string): string {
  const main = createRequire(import.meta.url).resolve('vega-datasets')
  return join(dirname(main), '../data', file)
}

/** `count` flights of the 3,000,000 in the data set, from row `start` on. */
export async function readFlights(start: number, count: number): Promise<Flight[]> {
  const bytes = await readFile(dataSet('flights-3m.parquet'))
  const rows = await parquetReadObjects({
    file: new Uint8Array(bytes).buffer,
    rowStart: start,
    rowEnd: start + count,
    compressors: { ZSTD: (compressed) => zstdDecompressSync(compressed) },
  })
  return z.array(flightSchema).parse(rows)
}
