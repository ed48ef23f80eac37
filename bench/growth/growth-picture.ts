import type { GrowthSeries } from './growth-series.ts'

/** In the units of the picture. */
const width = 800
const head = 64
const rowHeight = 190
const plot = { left: [70, 470], width: 270, top: 52, height: 92 } as const

interface Panel {
  readonly points: readonly { readonly size: number; readonly value: number }[]
  readonly label: (value: number) => string
  readonly exponent: number | null
  readonly title: string
  readonly className: string
}

/**
 * Time on the left, memory on the right, a row for each series; both axes are logarithmic, so that a line
 * shows its exponent as its slope.
 */
export function growthPicture(series: readonly GrowthSeries[]): string {
  const height = head + series.length * rowHeight
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(height)}" width="${String(width)}" role="img" aria-labelledby="title desc" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="13">`,
    '<title id="title">How time and memory grow</title>',
    `<desc id="desc">${escaped(series.map(described).join(' '))}</desc>`,
    style,
    `<rect class="page" width="${String(width)}" height="${String(height)}"/>`,
    '<text class="head" x="24" y="28" font-size="16">How time and memory grow</text>',
    '<line class="even" x1="24" y1="46" x2="60" y2="46"/><text class="small" x="68" y="50">in proportion to the size; both axes are logarithmic</text>',
    ...series.flatMap((each, row) => rowOf(each, head + row * rowHeight)),
    '</svg>',
  ].join('\n')}\n`
}

const style = `<style>
.page { fill: #ffffff; } text { fill: #1f2328; } .head { font-weight: 600; } .small { font-size: 12px; fill: #4d5761; }
.axis { stroke: #8c959f; } .even { stroke: #8c959f; stroke-dasharray: 4 4; } .time { stroke: #0969da; } .memory { stroke: #bc4c00; }
.time, .memory { fill: none; stroke-width: 2; } .dot.time { fill: #0969da; } .dot.memory { fill: #bc4c00; }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117; } text { fill: #e6edf3; } .small { fill: #a3acb6; } .time { stroke: #4493f8; } .memory { stroke: #db6d28; }
.dot.time { fill: #4493f8; } .dot.memory { fill: #db6d28; } }
</style>`

function described({ name, measured, points }: GrowthSeries): string {
  const sizes = points.map(
    (point) =>
      `${point.size.toLocaleString('en')}: ${seconds(point.seconds)}, ${String(point.peak_mb)} MB`,
  )
  return `${name}, ${measured}: ${sizes.join('; ')}.`
}

function rowOf(
  { name, measured, points, ...exponents }: GrowthSeries,
  y: number,
): readonly string[] {
  const time: Panel = {
    title: 'time',
    className: 'time',
    points: points.map(({ size, seconds: value }) => ({ size, value })),
    label: seconds,
    exponent: exponents.time_exponent,
  }
  const memory: Panel = {
    title: 'peak memory',
    className: 'memory',
    points: points.map(({ size, peak_mb: value }) => ({ size, value })),
    label: (value) => `${String(Math.round(value))} MB`,
    exponent: exponents.memory_exponent,
  }
  return [
    `<text class="head" x="24" y="${String(y + 20)}">${escaped(name)}: ${escaped(measured)}</text>`,
    ...panel(time, { x: plot.left[0], y }),
    ...panel(memory, { x: plot.left[1], y }),
  ]
}

function panel(
  { title, className, points, label, exponent }: Panel,
  { x, y }: { readonly x: number; readonly y: number },
): readonly string[] {
  const sizes = points.map(({ size }) => size)
  const values = points.map(({ value }) => value)
  const across = scale(sizes, x, x + plot.width)
  const bottom = y + plot.top + plot.height
  const up = scale(values, bottom - 8, y + plot.top + 16)
  const dots = points.map(({ size, value }) => ({ cx: across(size), cy: up(value), size, value }))
  const exponentText = exponent === null ? '' : `, exponent ${exponent.toFixed(2)}`
  return [
    `<text class="small" x="${String(x)}" y="${String(y + 40)}">${title}${exponentText}</text>`,
    `<line class="axis" x1="${String(x)}" y1="${String(bottom)}" x2="${String(x + plot.width)}" y2="${String(bottom)}"/>`,
    ...evenLine(points, { across, up, clip: { top: y + plot.top, bottom } }),
    `<polyline class="${className}" points="${dots.map(({ cx, cy }) => `${cx.toFixed(1)},${cy.toFixed(1)}`).join(' ')}"/>`,
    ...dots.flatMap(({ cx, cy, size, value }) => [
      `<circle class="dot ${className}" cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="3.5"/>`,
      `<text class="small" text-anchor="middle" x="${cx.toFixed(1)}" y="${(cy - 8).toFixed(1)}">${label(value)}</text>`,
      `<text class="small" text-anchor="middle" x="${cx.toFixed(1)}" y="${String(bottom + 16)}">${shortNumber(size)}</text>`,
    ]),
  ]
}

/** Through the last point, as far as it is within the plot. */
function evenLine(
  points: Panel['points'],
  {
    across,
    up,
    clip,
  }: {
    readonly across: (size: number) => number
    readonly up: (value: number) => number
    readonly clip: { readonly top: number; readonly bottom: number }
  },
): readonly string[] {
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined || first === last) return []
  const yOf = (size: number): number => up((last.value / last.size) * size)
  // Both axes are logarithmic: it is straight, and ends where it leaves the plot.
  const share = Math.min(1, (clip.bottom - yOf(last.size)) / (yOf(first.size) - yOf(last.size)))
  const from = {
    x: across(last.size) + (across(first.size) - across(last.size)) * share,
    y: yOf(last.size) + (yOf(first.size) - yOf(last.size)) * share,
  }
  return [
    `<line class="even" x1="${from.x.toFixed(1)}" y1="${from.y.toFixed(1)}" x2="${across(last.size).toFixed(1)}" y2="${yOf(last.size).toFixed(1)}"/>`,
  ]
}

/** Logarithmic. */
function scale(values: readonly number[], from: number, to: number): (value: number) => number {
  const least = Math.log(Math.min(...values))
  const most = Math.log(Math.max(...values))
  // A decade at least: small differences are to look small.
  const span = Math.max(most - least, Math.log(10))
  return (value) => from + ((to - from) * (Math.log(value) - least)) / span
}

function seconds(value: number): string {
  return value < 10 ? `${value.toFixed(2)} s` : `${value.toFixed(0)} s`
}

function shortNumber(value: number): string {
  return value.toLocaleString('en', { notation: 'compact' })
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
