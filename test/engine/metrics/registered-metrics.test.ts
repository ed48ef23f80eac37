import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { createRunMetrics } from '../../../engine/metrics/registered-metrics.ts'

test('without the label of streams, those of a connection are summed', async () => {
  const registry = new Registry()
  const metrics = createRunMetrics(registry, { streamLabel: false })
  const [a, b] = ['a', 'b'].map((stream) => ({ connection: 'shop', stream }))
  if (a === undefined || b === undefined) throw new TypeError('no streams')
  metrics.loadedRecords.inc(a, 3)
  metrics.loadedRecords.inc(b, 4)
  metrics.queueBytes.set(a, 100)
  metrics.queueBytes.set(b, 20)
  metrics.queueBytes.set(a, 0)
  metrics.batchRecords.observe(a, 3)
  metrics.batchRecords.observe(b, 4)
  metrics.bottleneck.set({ ...a, stage: 'copy' }, 1)
  metrics.bottleneck.set({ ...b, stage: 'copy' }, 1)
  metrics.bottleneck.set({ ...b, stage: 'merge' }, 0)
  const text = await registry.metrics()
  expect(text).not.toContain('stream=')
  for (const line of [
    'reactor_connect_sink_records_total{connection="shop"} 7',
    'reactor_connect_log_queue_bytes{connection="shop"} 20',
    'reactor_connect_sink_batch_records_count{connection="shop"} 2',
    'reactor_connect_run_bottleneck{connection="shop",stage="copy"} 2',
    'reactor_connect_run_bottleneck{connection="shop",stage="merge"} 0',
  ])
    expect(text).toContain(`${line}\n`)
})
