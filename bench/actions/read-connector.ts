import { pino } from 'pino'
import type { ConfiguredAirbyteStream } from '../../protocol/index.ts'
import type { RecordOutput } from '../../connectors/connector.ts'
import { connectorOf } from '../../connectors/registry.ts'
import { jsonObjectSchema } from '../../protocol/json-object.ts'

/**
 * Reads a stream of a connector to its end, and prints each record as a message of Airbyte. Arguments: type
 * of the connector, stream, configuration (JSON), records that must come at least.
 */
const [type = '', name = '', text = '{}', expected] = process.argv.slice(2)
const connector = await connectorOf(type)
const config = jsonObjectSchema.parse(JSON.parse(text))
let count = 0

const out: RecordOutput = {
  async records(batch) {
    count += batch.length
    const lines = batch.map((data) => {
      const record = { stream: name, data, emitted_at: Date.now() }
      return `${JSON.stringify({ type: 'RECORD', record })}\n`
    })
    process.stdout.write(lines.join(''))
    return Promise.resolve()
  },
  copyText: () => Promise.reject(new TypeError('rows of COPY')),
  state: () => Promise.resolve(),
  rateLimited: () => undefined,
}
const context = {
  logger: pino({ level: 'silent' }),
  signal: new AbortController().signal,
  allowedNetworks: ['127.0.0.0/8'],
  now: Date.now,
}
const stream: ConfiguredAirbyteStream = {
  stream: {
    name,
    json_schema: { type: 'object', properties: {} },
    supported_sync_modes: ['full_refresh', 'incremental'],
  },
  sync_mode: 'full_refresh',
  destination_sync_mode: 'append',
}
await using session = await connector.openRead(config, context)
for (const { slice, state } of await session.plan(stream, new Map())) {
  const task = { config, stream, slice, state, session: session.shared }
  await connector.read(task, out, context)
}
// A list that begins again after a time gives the record of that time twice.
if (count < Number(expected)) throw new Error(`${type}: ${String(count)} records`)
