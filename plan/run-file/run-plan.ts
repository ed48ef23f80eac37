import {
  defaultLimits,
  type FunctionsService,
  type LogConfig,
  type RunLimits,
  type RunPlan,
} from '../../engine/run-types.ts'
import { markMaskKey } from '../../engine/mask-key-mark.ts'
import type { KafkaLogConfig } from '../../engine/log/kafka/kafka-log.ts'
import { kindOfType } from '../../sinks/registry.ts'
import type { StorageConfig } from '../../storage/storage-config.ts'
import type { LoadedRunFile } from './load-run-file.ts'
import { defaultKafka, type RunFile } from './run-file-schema.ts'

export interface RunPlanOptions {
  readonly streams: RunPlan['streams']
  /** `--log`: overrides the file. */
  readonly log: 'embedded' | 'kafka' | undefined
  /** `--continuous`: overrides the file. */
  readonly continuous?: boolean | undefined
}

/** Everything that the engine needs, from the file, the resolved streams and the options of the command. */
export function runPlanOf(file: LoadedRunFile, options: RunPlanOptions): RunPlan {
  const { connection, functions, log, storage, mask_key: maskKey, schema_drift } = file.content
  const isContinuous = options.continuous ?? file.content.continuous
  return {
    connection,
    source: file.source,
    destination: file.destination,
    streams: markMaskKey(options.streams, { connection, maskKey }),
    ...(functions !== undefined && { functions: functionsService(functions) }),
    ...(maskKey !== undefined && { maskKey }),
    ...(schema_drift === 'backfill' && { backfills: true }),
    ...(isContinuous && { isContinuous }),
    log: {
      ...logConfig(log, options.log),
      ...(storage !== undefined && { storage: storageConfig(storage) }),
    },
    limits: runLimitsOf(file, options.log, isContinuous),
  }
}

function functionsService({
  url,
  api_key: apiKey,
}: NonNullable<RunFile['functions']>): FunctionsService {
  return { url, ...(apiKey !== undefined && { apiKey }) }
}

function storageConfig({
  api_key: secretAccessKey,
  access_key_id: accessKeyId,
  ...place
}: NonNullable<RunFile['storage']>): StorageConfig {
  return { ...place, accessKeyId, secretAccessKey }
}

/** The brokers of a file whose log they are. */
export function kafkaOf(log: RunFile['log']): KafkaLogConfig | undefined {
  const config = logConfig(log, undefined)
  return config.kind === 'kafka' ? config : undefined
}

/** @param override the option of the command */
export function logConfig(log: RunFile['log'], override: RunPlanOptions['log']): LogConfig {
  const kind = override ?? (typeof log === 'object' ? 'kafka' : log)
  if (kind === 'embedded') return { kind }
  const {
    sasl,
    topics_per_connection: topicsPerConnection,
    ...kafka
  } = typeof log === 'object' ? log.kafka : defaultKafka
  return {
    kind,
    ...kafka,
    ...(topicsPerConnection && { topicsPerConnection }),
    ...(sasl !== undefined && { sasl }),
  }
}

/** @param override the option of the command */
export function runLimitsOf(
  { content: { limits, log, destination } }: Pick<LoadedRunFile, 'content'>,
  override: RunPlanOptions['log'],
  isContinuous = false,
): RunLimits {
  const { commits } = kindOfType(destination.type)
  const { kind } = logConfig(log, override)
  const defaults = { ...defaultLimits(kind, isContinuous), ...commits }
  return {
    parallelLanes: limits.parallel_lanes ?? defaults.parallelLanes,
    partitionsPerStream: limits.partitions_per_stream ?? defaults.partitionsPerStream,
    commitBytes: limits.commit_bytes ?? defaults.commitBytes,
    commitMs: limits.commit_ms ?? defaults.commitMs,
  }
}
