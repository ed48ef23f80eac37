import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { RunMetrics, StreamLabels } from './run-metrics.ts'

const labelNames = ['connection', 'stream'] as const satisfies readonly (keyof StreamLabels)[]
type Label = (typeof labelNames)[number]

const prefix = 'reactor_connect'

/** One set per registry. */
export function createRunMetrics(registry: Registry): RunMetrics {
  const registers = [registry]
  const { counter, gauge, histogram } = makeLabelled(registers)
  return {
    readRecords: counter('reader_records_total', 'Records read from sources'),
    readBytes: counter('reader_bytes_total', 'Bytes of the wire encoding of the records read'),
    readRejected: counter(
      'reader_rejected_records_total',
      'Records that were too large for the log',
    ),
    sourceSeconds: counter(
      'reader_source_seconds_total',
      'Seconds that read workers spent in the connector',
    ),
    encodeSeconds: counter(
      'reader_encode_seconds_total',
      'Seconds that read workers spent encoding',
    ),
    logWriteWaitSeconds: counter(
      'reader_log_wait_seconds_total',
      'Seconds that read workers waited for room in the log',
    ),
    queueBytes: gauge('log_queue_bytes', 'Bytes read and not yet committed at the destination'),
    lagRecords: gauge('log_lag_records', 'Records read and not yet committed at the destination'),
    loadedRecords: counter('sink_records_total', 'Records committed at the destination'),
    loadRejected: counter('sink_rejected_records_total', 'Rejections committed at the destination'),
    nulledValues: counter('sink_nulled_values_total', 'Values that no column could hold'),
    logReadWaitSeconds: counter(
      'sink_log_wait_seconds_total',
      'Seconds that sink workers waited for the log',
    ),
    copySeconds: counter('sink_copy_seconds_total', 'Seconds in COPY'),
    mergeSeconds: counter('sink_merge_seconds_total', 'Seconds in the merge of staged rows'),
    commitSeconds: counter('sink_commit_seconds_total', 'Seconds in checkpoints and COMMIT'),
    batchRecords: histogram(
      'sink_batch_records',
      'Records in one destination transaction',
      [1, 10, 100, 1e3, 1e4, 1e5, 1e6],
    ),
    batchBytes: histogram(
      'sink_batch_bytes',
      'Wire bytes in one destination transaction',
      [1e3, 1e4, 1e5, 1e6, 1e7, 1e8],
    ),
    bottleneck: new Gauge({
      name: `${prefix}_run_bottleneck`,
      help: '1 for the stage that the others of a running stream wait for, 0 for the others',
      labelNames: [...labelNames, 'stage'],
      registers,
    }),
    retries: counter('run_retries_total', 'Attempts after the first one of a stream in a run'),
    streams: new Counter({
      name: `${prefix}_run_streams_total`,
      help: 'Streams of finished runs by status',
      labelNames: ['connection', 'status'],
      registers,
    }),
  }
}

/** Makers of metrics that have the labels of a stream. */
function makeLabelled(registers: Registry[]): {
  counter: (name: string, help: string) => Counter<Label>
  gauge: (name: string, help: string) => Gauge<Label>
  histogram: (name: string, help: string, buckets: number[]) => Histogram<Label>
} {
  const options = { labelNames, registers }
  return {
    counter: (name, help) => new Counter({ name: `${prefix}_${name}`, help, ...options }),
    gauge: (name, help) => new Gauge({ name: `${prefix}_${name}`, help, ...options }),
    histogram: (name, help, buckets) =>
      new Histogram({ name: `${prefix}_${name}`, help, buckets, ...options }),
  }
}
