import { writeFile } from 'node:fs/promises'
import { buildProgram } from '../built-program.ts'
import { growConnections, growRuns } from './grow-service.ts'
import { growRows, growTables } from './grow-tables.ts'
import { growthPicture } from './growth-picture.ts'
import { seriesOf, type GrowthSeries } from './growth-series.ts'

export interface GrowthOptions {
  readonly rows: readonly number[]
  readonly tables: readonly number[]
  readonly connections: readonly number[]
  readonly runs: readonly number[]
  /** The file of the picture, an SVG. */
  readonly picture?: string
}

/** Time and memory while rows, tables, connections and runs grow. Programs that lose a row end it. */
export async function benchGrowth(
  { picture, ...sizes }: GrowthOptions,
  print: (line: string) => void,
): Promise<readonly GrowthSeries[]> {
  await buildProgram()
  const { created, started } = await growConnections(ascending(sizes.connections), print)
  const series = [
    seriesOf('rows of a table', 'a run', await growRows(ascending(sizes.rows), print)),
    seriesOf('tables of 100 rows', 'a run', await growTables(ascending(sizes.tables), print)),
    seriesOf('connections of a service', 'creating all of them', created),
    seriesOf('connections of a service', 'the start of the service', started),
    seriesOf('runs at the same time', 'all runs', await growRuns(ascending(sizes.runs), print)),
  ]
  if (picture !== undefined) await writeFile(picture, growthPicture(series))
  return series
}

function ascending(sizes: readonly number[]): readonly number[] {
  return sizes.toSorted((left, right) => left - right)
}
