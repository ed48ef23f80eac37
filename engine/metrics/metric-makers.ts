import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { RunMetrics, StreamLabels } from './run-metrics.ts'

/** Make the metrics of runs that have the labels of a stream. */
export interface MetricMakers {
  counter(name: string, help: string): RunMetrics['readRecords']
  gauge(name: string, help: string): RunMetrics['queueBytes']
  stageGauge(name: string, help: string): RunMetrics['bottleneck']
  histogram(name: string, help: string, buckets: number[]): RunMetrics['batchRecords']
}

/** A series for each stream. */
export function metricsOfStreams(registers: Registry[]): MetricMakers {
  const labelNames = ['connection', 'stream'] as const
  return {
    counter: (name, help) => new Counter({ name, help, labelNames, registers }),
    gauge: (name, help) => new Gauge({ name, help, labelNames, registers }),
    stageGauge: (name, help) =>
      new Gauge({ name, help, labelNames: [...labelNames, 'stage'] as const, registers }),
    histogram: (name, help, buckets) =>
      new Histogram({ name, help, buckets, labelNames, registers }),
  }
}

/** A series for each connection: its streams are summed. */
export function metricsOfConnections(registers: Registry[]): MetricMakers {
  const labelNames = ['connection'] as const
  return {
    counter: (name, help) => {
      const counter = new Counter({ name, help, labelNames, registers })
      return {
        inc: ({ connection }, value) => {
          counter.inc({ connection }, value)
        },
      }
    },
    gauge: (name, help) => summedGauge(new Gauge({ name, help, labelNames, registers })),
    stageGauge: (name, help) =>
      summedGauge(
        new Gauge({ name, help, labelNames: [...labelNames, 'stage'] as const, registers }),
      ),
    histogram: (name, help, buckets) => {
      const histogram = new Histogram({ name, help, buckets, labelNames, registers })
      return {
        observe: ({ connection }, value) => {
          histogram.observe({ connection }, value)
        },
      }
    },
  }
}

interface Gauged<Labels> {
  set(labels: Labels, value: number): void
}

/** Adds up the last values of the streams. Streams that are at 0, as all are in the end, take no memory. */
function summedGauge<Labels extends StreamLabels>(
  gauge: Gauged<Omit<Labels, 'stream'>>,
): Gauged<Labels> {
  const values = new Map<string, Map<string, number>>()
  return {
    set: ({ stream, ...labels }, value) => {
      const key = JSON.stringify(labels)
      const ofStreams = values.get(key) ?? new Map<string, number>()
      if (value === 0) ofStreams.delete(stream)
      else ofStreams.set(stream, value)
      if (ofStreams.size === 0) values.delete(key)
      else values.set(key, ofStreams)
      gauge.set(
        labels,
        [...ofStreams.values()].reduce((sum, value) => sum + value, 0),
      )
    },
  }
}
