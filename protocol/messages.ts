import { z } from 'zod'
import { airbyteCatalog, airbyteConnectionStatus } from './catalog.ts'
import type { JsonObject, RecordData, RecordValue } from './json.ts'

/**
 * The messages of the Airbyte protocol v0, as they stand in one JSON line each. Unknown properties are kept
 * everywhere; names are those of the wire. Source: airbyte-protocol, airbyte_protocol.yaml.
 */

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const jsonObject = z.custom<JsonObject>(isObject, 'must be an object')
/** Parsed with `parseExact`, so that its numbers are exact; passed on as it is, never copied. */
const recordData = z.custom<RecordData>(isObject, 'must be an object')
/** Only the source understands a state: any JSON, with exact numbers. */
const blackBox = z.custom<RecordValue>((value) => value !== undefined, 'must be present')

const streamDescriptor = z.looseObject({ name: z.string(), namespace: z.string().optional() })

/**
 * A change that was made to a field of a record. Reasons: `SOURCE_`, `DESTINATION_` or `PLATFORM_` with
 * `RECORD_SIZE_LIMITATION`, `FIELD_SIZE_LIMITATION` or `SERIALIZATION_ERROR`; `SOURCE_RETRIEVAL_ERROR`;
 * `DESTINATION_TYPECAST_ERROR`. Others pass: a newer connector must not fail a sync.
 */
const recordChange = z.looseObject({
  field: z.string(),
  change: z.enum(['NULLED', 'TRUNCATED']),
  reason: z.string(),
})

const airbyteRecord = z.looseObject({
  stream: z.string(),
  namespace: z.string().optional(),
  data: recordData,
  /** Milliseconds since 1970. */
  emitted_at: z.number(),
  meta: z.looseObject({ changes: z.array(recordChange).optional() }).optional(),
  file_reference: z
    .looseObject({
      staging_file_url: z.string(),
      source_file_relative_path: z.string(),
      file_size_bytes: z.number(),
    })
    .optional(),
})

const stats = {
  /** Records since the previous state. */
  sourceStats: z.looseObject({ recordCount: z.number().optional() }).optional(),
  destinationStats: z
    .looseObject({ recordCount: z.number().optional(), rejectedRecordCount: z.number().optional() })
    .optional(),
}

const streamState = z.looseObject({
  stream_descriptor: streamDescriptor,
  /** Absent or null: the stream starts over. */
  stream_state: blackBox.optional(),
})

/** Without a `type` it is a LEGACY state. */
const airbyteState = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('STREAM'), stream: streamState, ...stats }),
  z.looseObject({
    type: z.literal('GLOBAL'),
    global: z.looseObject({
      shared_state: blackBox.optional(),
      stream_states: z.array(streamState),
    }),
    ...stats,
  }),
  z.looseObject({
    type: z.literal('LEGACY').optional(),
    data: recordData.optional(),
    ...stats,
  }),
])

const airbyteLog = z.looseObject({
  level: z.enum(['FATAL', 'ERROR', 'WARN', 'INFO', 'DEBUG', 'TRACE']),
  message: z.string(),
  stack_trace: z.string().optional(),
})

const airbyteSpec = z.looseObject({
  connectionSpecification: jsonObject,
  documentationUrl: z.string().optional(),
  changelogUrl: z.string().optional(),
  protocol_version: z.string().optional(),
  supportsIncremental: z.boolean().optional(),
  supported_destination_sync_modes: z.array(z.string()).optional(),
  advanced_auth: z
    .looseObject({
      auth_flow_type: z.string().optional(),
      predicate_key: z.array(z.string()).optional(),
      predicate_value: z.string().optional(),
      oauth_config_specification: jsonObject.optional(),
    })
    .optional(),
})

const traceTime = { emitted_at: z.number() }

const airbyteTrace = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('ERROR'),
    ...traceTime,
    error: z.looseObject({
      message: z.string(),
      internal_message: z.string().nullish(),
      stack_trace: z.string().nullish(),
      failure_type: z.enum(['system_error', 'config_error', 'transient_error']).optional(),
      stream_descriptor: streamDescriptor.nullish(),
    }),
  }),
  z.looseObject({
    type: z.literal('ESTIMATE'),
    ...traceTime,
    estimate: z.looseObject({
      name: z.string(),
      namespace: z.string().optional(),
      type: z.enum(['STREAM', 'SYNC']),
      row_estimate: z.number().optional(),
      byte_estimate: z.number().optional(),
    }),
  }),
  z.looseObject({
    type: z.literal('STREAM_STATUS'),
    ...traceTime,
    stream_status: z.looseObject({
      stream_descriptor: streamDescriptor,
      status: z.enum(['STARTED', 'RUNNING', 'COMPLETE', 'INCOMPLETE']),
      reasons: z
        .array(
          z.looseObject({
            type: z.string(),
            rate_limited: z.looseObject({ quota_reset: z.number().optional() }).optional(),
          }),
        )
        .nullish(),
    }),
  }),
  z.looseObject({
    type: z.literal('ANALYTICS'),
    ...traceTime,
    analytics: z.looseObject({ type: z.string(), value: z.string().optional() }),
  }),
])

const airbyteControl = z.looseObject({
  type: z.literal('CONNECTOR_CONFIG'),
  emitted_at: z.number(),
  /** The whole changed configuration (a rotated token): save it at once. */
  connectorConfig: z.looseObject({ config: jsonObject }),
})

const destinationCatalog = z.looseObject({
  operations: z.array(
    z.looseObject({
      object_name: z.string(),
      sync_mode: z.string(),
      json_schema: jsonObject,
      matching_keys: z.array(z.array(z.string())).optional(),
    }),
  ),
})

/** The envelope: the contents of one line. */
export const airbyteMessage = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('RECORD'), record: airbyteRecord }),
  z.looseObject({ type: z.literal('STATE'), state: airbyteState }),
  z.looseObject({ type: z.literal('LOG'), log: airbyteLog }),
  z.looseObject({ type: z.literal('SPEC'), spec: airbyteSpec }),
  z.looseObject({
    type: z.literal('CONNECTION_STATUS'),
    connectionStatus: airbyteConnectionStatus,
  }),
  z.looseObject({ type: z.literal('CATALOG'), catalog: airbyteCatalog }),
  z.looseObject({ type: z.literal('TRACE'), trace: airbyteTrace }),
  z.looseObject({ type: z.literal('CONTROL'), control: airbyteControl }),
  z.looseObject({
    type: z.literal('DESTINATION_CATALOG'),
    destination_catalog: destinationCatalog,
  }),
])

/** One message of any type. */
export type AirbyteMessage = z.infer<typeof airbyteMessage>
/** The kinds of messages. */
export type AirbyteMessageType = AirbyteMessage['type']
/** A record of a stream. */
export type AirbyteRecord = z.infer<typeof airbyteRecord>
/** A change of a field of a record on its way. */
export type AirbyteRecordChange = z.infer<typeof recordChange>
/** A state of a stream, of all streams, or the legacy form. */
export type AirbyteState = z.infer<typeof airbyteState>
/** A line of the connector's log. */
export type AirbyteLog = z.infer<typeof airbyteLog>
/** A connector's description of its configuration. */
export type AirbyteSpec = z.infer<typeof airbyteSpec>
/** An error, an estimate, a stream's status or analytics. */
export type AirbyteTrace = z.infer<typeof airbyteTrace>
/** A changed configuration. */
export type AirbyteControl = z.infer<typeof airbyteControl>

/** Which form a state has: one without a type is LEGACY. */
export function stateType(state: AirbyteState): 'STREAM' | 'GLOBAL' | 'LEGACY' {
  return state.type ?? 'LEGACY'
}
