import { readdir, readFile } from 'node:fs/promises'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { stages } from '../../engine/run/bottleneck.ts'
import { createRunMetrics } from '../../engine/metrics/registered-metrics.ts'
import { requestMetrics } from '../../service/platform/http/request-metrics.ts'
import { createServiceMetrics } from '../../service/run-worker/service-metrics.ts'
import { createDispatchMetrics } from '../../service/webhooks/dispatch/dispatch-metrics.ts'
import { createStatusGauges } from '../../service/serve/status-metrics.ts'

const dashboard = z.looseObject({
  panels: z
    .array(
      z.looseObject({
        id: z.number(),
        gridPos: z.object({ h: z.number(), w: z.number(), x: z.number(), y: z.number() }),
        targets: z.array(z.looseObject({ expr: z.string(), refId: z.string() })).min(1),
      }),
    )
    .min(1),
})

async function docs(name: string): Promise<string> {
  return readFile(new URL(`../../docs/${name}`, import.meta.url), 'utf8')
}

/** Every metric of a run, and of the service around it. */
async function metrics(): Promise<readonly { name: string; type: string }[]> {
  const registry = new Registry()
  createRunMetrics(registry)
  createServiceMetrics(registry)
  createStatusGauges(registry)
  createDispatchMetrics(registry)
  requestMetrics(registry)
  const all = await registry.getMetricsAsJSON()
  return all.map(({ name, type }) => ({ name, type: String(type) }))
}

/** Not the schemas of the databases, which begin in the same way. */
const metricName =
  /\breactor_connect_(?:reader|log|sink|source|run|service|connection|http|webhooks)_[a-z_]+/g

function namesIn(text: string): readonly string[] {
  return [...new Set(text.match(metricName) ?? [])].sort()
}

test('the dashboard shows every metric, and no other', async () => {
  const { panels } = dashboard.parse(JSON.parse(await docs('grafana-dashboard.json')))
  const used = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => namesIn(expr)))
  const series = (await metrics()).map(({ name, type }) =>
    type === 'histogram' ? `${name}_bucket` : name,
  )
  expect([...new Set(used)].sort()).toEqual(series.sort())
})

test('the panels of the dashboard have numbers of their own and do not overlap', async () => {
  const { panels } = dashboard.parse(JSON.parse(await docs('grafana-dashboard.json')))
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  const cells = panels.flatMap(({ gridPos: { h, w, x, y } }) =>
    Array.from({ length: h * w }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
  )
  expect(new Set(cells).size).toBe(cells.length)
  expect(panels.every(({ gridPos: { w, x } }) => x + w <= 24)).toBe(true)
})

/** The metric that has a series: a histogram has several. */
function metricOf(series: string, names: readonly string[]): string {
  const histogram = series.replace(/_(?:bucket|count|sum)$/, '')
  return names.includes(histogram) ? histogram : series
}

test('the pages of Prometheus and operations explain every metric and every stage, and no other', async () => {
  const page = (await docs('prometheus.md')) + (await docs('operations.md'))
  const names = (await metrics()).map(({ name }) => name)
  expect([...new Set(namesIn(page).map((name) => metricOf(name, names)))]).toEqual(names.sort())
  const explained = [...page.matchAll(/^\| `(\w+)` \| /gm)].map(([, name]) => name)
  for (const stage of stages) expect(explained).toContain(stage)
})

test('every metric that another page names exists', async () => {
  const names = (await metrics()).map(({ name }) => name)
  const known = new Set(names)
  const folder = new URL('../../docs/', import.meta.url)
  const pages = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.md'))
  for (const page of pages) {
    const unknown = namesIn(await docs(page)).filter((name) => !known.has(metricOf(name, names)))
    expect(unknown, page).toEqual([])
  }
})
