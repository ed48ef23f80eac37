import { readFile } from 'node:fs/promises'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { stages } from '../../../engine/bottleneck.ts'
import { createRunMetrics } from '../../../engine/metrics/run-metrics.ts'

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
  return readFile(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
}

async function metrics(): Promise<readonly { name: string; type: string }[]> {
  const registry = new Registry()
  createRunMetrics(registry)
  const all = await registry.getMetricsAsJSON()
  return all.map(({ name, type }) => ({ name, type: String(type) }))
}

function namesIn(text: string): readonly string[] {
  const names = text.match(/reactor_connect_(?:reader|log|sink|run)_[a-z_]+/g) ?? []
  return [...new Set(names)].sort()
}

test('the dashboard shows every metric of a run, and no other', async () => {
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

test('the operations page explains every metric and every stage', async () => {
  const page = await docs('operations.md')
  const names = (await metrics()).map(({ name }) => name)
  expect(namesIn(page)).toEqual(names.sort())
  const explained = [...page.matchAll(/^\| `(\w+)` \| /gm)].map(([, name]) => name)
  for (const stage of stages) expect(explained).toContain(stage)
})
