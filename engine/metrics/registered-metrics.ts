import { Counter, Gauge, type Registry } from 'prom-client'
import { metricsOfConnections, metricsOfStreams, type MetricMakers } from './metric-makers.ts'
import type { RunMetrics } from './run-metrics.ts'

const prefix = 'reactor_connect'

export interface RunMetricsOptions {
  /** False: the metrics have no label `stream`, and the streams of a connection are summed. Default true. */
  readonly streamLabel?: boolean
}

/** One set per registry. */
export function createRunMetrics(
  registry: Registry,
  { streamLabel = true }: RunMetricsOptions = {},
): RunMetrics {
  const registers = [registry]
  const make = streamLabel ? metricsOfStreams(registers) : metricsOfConnections(registers)
  const counter: MetricMakers['counter'] = (name, help) => make.counter(`${prefix}_${name}`, help)
  const gauge: MetricMakers['gauge'] = (name, help) => make.gauge(`${prefix}_${name}`, help)
  const histogram: MetricMakers['histogram'] = (name, help, buckets) =>
    make.histogram(`${prefix}_${name}`, help, buckets)
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
    committedAt: gauge(
      'sink_committed_timestamp_seconds',
      'When a state of the stream was last committed at the destination, in seconds since 1970',
    ),
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
    bottleneck: make.stageGauge(
      `${prefix}_run_bottleneck`,
      '1 for the stage that the others of a running stream wait for, 0 for the others',
    ),
    ...sourceMetrics(registers),
    retries: counter('run_retries_total', 'Attempts after the first one of a stream in a run'),
    streams: new Counter({
      name: `${prefix}_run_streams_total`,
      help: 'Streams of finished runs by status',
      labelNames: ['connection', 'status'],
      registers,
    }),
  }
}

/** Metrics of the sources of continuous runs. */
function sourceMetrics(
  registers: Registry[],
): Pick<
  RunMetrics,
  'sourceLagBytes' | 'sourceLagSeconds' | 'sourceKeptBytes' | 'sourceSecondsLeft'
> {
  const gauge = (name: string, help: string): RunMetrics['sourceLagBytes'] =>
    new Gauge({ name: `${prefix}_${name}`, help, labelNames: ['connection'], registers })
  return {
    sourceLagBytes: gauge(
      'source_lag_bytes',
      'Log of the source of a continuous run that is not at the destination yet',
    ),
    sourceLagSeconds: gauge('source_lag_seconds', 'Age of the oldest part of that log'),
    sourceKeptBytes: gauge('source_kept_bytes', 'Log that the source keeps for a continuous run'),
    sourceSecondsLeft: gauge(
      'source_seconds_left',
      'Seconds until the source keeps too much of its log, if that grows as in the last minute',
    ),
  }
}
