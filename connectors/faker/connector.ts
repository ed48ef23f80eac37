import { ConnectError } from '../../protocol/index.ts'
import type { AirbyteConnectionStatus, AirbyteStream, JsonObject } from '../../protocol/index.ts'
import type { Connector, ReadSession } from '../connector.ts'
import { fakerSpec, parseFakerConfig, type FakerConfig, type FakerStream } from './config.ts'
import { planSlices, readSlice, streamNamed } from './read.ts'
import { columnsOfPreset } from './rows.ts'

/** Synthetic streams that are the same every time: for demos, benchmarks, and tests of a failing source. */
export const fakerConnector: Connector = {
  descriptor: {
    type: 'faker',
    title: 'Faker',
    docsUrl: 'docs/connectors/faker.md',
    spec: fakerSpec,
    auth: [{ kind: 'none' }],
    webhooks: [],
    addressFields: () => [],
  },
  check: (config) => Promise.resolve(checkConfig(config)),
  discover: (config) => parsed(config).then(({ streams }) => ({ streams: streams.map(streamOf) })),
  openRead: (config) => parsed(config).then(openSession),
  read: readSlice,
}

function streamOf(stream: FakerStream): AirbyteStream {
  return {
    name: stream.name,
    ...(stream.namespace !== undefined && { namespace: stream.namespace }),
    json_schema: { type: 'object', properties: columnsOfPreset[stream.columns] },
    supported_sync_modes: ['full_refresh', 'incremental'],
    source_defined_cursor: true,
    default_cursor_field: ['updated_at'],
    source_defined_primary_key: [['id']],
    is_resumable: true,
  }
}

function checkConfig(config: JsonObject): AirbyteConnectionStatus {
  try {
    parseFakerConfig(config)
    return { status: 'SUCCEEDED' }
  } catch (thrown) {
    const { message, suggestedFix } = ConnectError.from(thrown)
    return { status: 'FAILED', message: `${message}. ${suggestedFix}` }
  }
}

/** As a promise, so that an invalid configuration rejects and never throws from the call itself. */
function parsed(config: JsonObject): Promise<FakerConfig> {
  return Promise.resolve(config).then(parseFakerConfig)
}

/** Nothing is shared: every record is a function of the configuration. */
function openSession({ streams }: FakerConfig): ReadSession {
  return {
    shared: null,
    plan: (stream, states) =>
      Promise.resolve().then(() => planSlices(streamNamed(streams, stream.stream), states)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
