import { buildProgram } from '../built-program.ts'
import { largeBodyManifest, readSource, startApi, writeFiles } from './read-source.ts'

export interface LargeBodyOptions {
  /** Sizes of the single response. */
  readonly megabytes: readonly number[]
}

export interface LargeBodyFigures {
  readonly bodies: readonly {
    readonly megabytes: number
    readonly megabytesPerSecond: number
    readonly peakRssMb: number
  }[]
}

/** Reads one JSON response of each size through the command line: the memory must not grow with it. */
export async function benchLargeBody(
  { megabytes }: LargeBodyOptions,
  print: (line: string) => void,
): Promise<LargeBodyFigures> {
  await buildProgram()
  const bodies: LargeBodyFigures['bodies'][number][] = []
  for (const size of megabytes) {
    await using api = await startApi('large-body-server.ts', [size])
    await using files = await writeFiles(api.url)
    const { seconds, peakRssMb } = await readSource(largeBodyManifest, files)
    print(`${String(size)} MB: ${seconds.toFixed(1)} s, peak ${peakRssMb.toFixed(0)} MB`)
    bodies.push({
      megabytes: size,
      megabytesPerSecond: Math.round(size / seconds),
      peakRssMb: Math.round(peakRssMb),
    })
  }
  return { bodies }
}

export function largeBodyTable({ bodies }: LargeBodyFigures): string {
  const lines = bodies.map(
    ({ megabytes, megabytesPerSecond, peakRssMb }) =>
      `| ${String(megabytes)} | ${String(megabytesPerSecond)} | ${String(peakRssMb)} |`,
  )
  return ['| MB in one answer | MB/s | peak MB |', '|---|---|---|', ...lines, ''].join('\n')
}
