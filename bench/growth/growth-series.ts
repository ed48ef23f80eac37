/** The measurement at one size. */
export interface GrowthPoint {
  readonly size: number
  readonly seconds: number
  /** Peak resident set of the process. */
  readonly peakMb: number
}

/** Time and memory while one thing grows. snake_case: it is the document of `--json`. */
export interface GrowthSeries {
  /** The thing that grows. */
  readonly name: string
  /** The meaning of the seconds. */
  readonly measured: string
  readonly points: readonly {
    readonly size: number
    readonly seconds: number
    readonly peak_mb: number
  }[]
  /**
   * Between the two largest sizes, because the start of the process counts least there: seconds grow as size
   * to the power of this. Null of one size.
   */
  readonly time_exponent: number | null
  readonly memory_exponent: number | null
}

export function seriesOf(
  name: string,
  measured: string,
  points: readonly GrowthPoint[],
): GrowthSeries {
  return {
    name,
    measured,
    points: points.map(({ size, seconds, peakMb }) => ({
      size,
      seconds: rounded(seconds),
      peak_mb: Math.round(peakMb),
    })),
    time_exponent: exponentOf(points, ({ seconds }) => seconds),
    memory_exponent: exponentOf(points, ({ peakMb }) => peakMb),
  }
}

function exponentOf(
  points: readonly GrowthPoint[],
  value: (point: GrowthPoint) => number,
): number | null {
  const [before, last] = points.slice(-2)
  if (before === undefined || last === undefined) return null
  return rounded(Math.log(value(last) / value(before)) / Math.log(last.size / before.size))
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}

export function growthTable(series: readonly GrowthSeries[]): string {
  const lines = series.flatMap(({ name, measured, points, ...exponents }) =>
    points.map(({ size, seconds, peak_mb: peakMb }, place) => {
      const isLast = place === points.length - 1
      const exponent = (value: number | null): string => (isLast ? (value?.toFixed(2) ?? '') : '')
      const cells = [
        ...[name, size.toLocaleString('en'), measured, seconds.toFixed(2), String(peakMb)],
        exponent(exponents.time_exponent),
        exponent(exponents.memory_exponent),
      ]
      return `| ${cells.join(' | ')} |`
    }),
  )
  return [
    '| what grows | to | measured | seconds | peak MB | exponent of time | of memory |',
    '|---|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n')
}
