export interface StreamLabels {
  readonly connection: string
  readonly stream: string
}

interface ConnectionLabels {
  readonly connection: string
}

interface Counted<Labels = StreamLabels> {
  inc(labels: Labels, value?: number): void
}

interface Gauged<Labels = StreamLabels> {
  set(labels: Labels, value: number): void
}

interface Distributed<Labels = StreamLabels> {
  observe(labels: Labels, value: number): void
}

/** The metrics of runs. docs/operations.md says how to read them. */
export interface RunMetrics {
  readonly readRecords: Counted
  readonly readBytes: Counted
  readonly readRejected: Counted
  readonly sourceSeconds: Counted
  readonly encodeSeconds: Counted
  readonly logWriteWaitSeconds: Counted
  readonly queueBytes: Gauged
  readonly lagRecords: Gauged
  readonly committedAt: Gauged
  readonly loadedRecords: Counted
  readonly loadRejected: Counted
  readonly nulledValues: Counted
  readonly logReadWaitSeconds: Counted
  readonly copySeconds: Counted
  readonly mergeSeconds: Counted
  readonly commitSeconds: Counted
  readonly batchRecords: Distributed
  readonly batchBytes: Distributed
  readonly bottleneck: Gauged<StreamLabels & { readonly stage: string }>
  readonly retries: Counted
  readonly sourceLagBytes: Gauged<ConnectionLabels>
  readonly sourceLagSeconds: Gauged<ConnectionLabels>
  readonly sourceKeptBytes: Gauged<ConnectionLabels>
  readonly sourceSecondsLeft: Gauged<ConnectionLabels>
  readonly streams: Counted<{ readonly connection: string; readonly status: string }>
}

const counter = { inc: (): void => undefined }
const gauge = { set: (): void => undefined }
const histogram = { observe: (): void => undefined }

/**
 * The metrics of a run that nobody reads: they need no Prometheus client, which takes 50 ms of CPU to load
 * (2026-11).
 */
export const unreadMetrics: RunMetrics = {
  readRecords: counter,
  readBytes: counter,
  readRejected: counter,
  sourceSeconds: counter,
  encodeSeconds: counter,
  logWriteWaitSeconds: counter,
  queueBytes: gauge,
  lagRecords: gauge,
  committedAt: gauge,
  loadedRecords: counter,
  loadRejected: counter,
  nulledValues: counter,
  logReadWaitSeconds: counter,
  copySeconds: counter,
  mergeSeconds: counter,
  commitSeconds: counter,
  batchRecords: histogram,
  batchBytes: histogram,
  bottleneck: gauge,
  retries: counter,
  sourceLagBytes: gauge,
  sourceLagSeconds: gauge,
  sourceKeptBytes: gauge,
  sourceSecondsLeft: gauge,
  streams: counter,
}
