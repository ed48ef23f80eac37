import process from 'node:process'

/**
 * An Airbyte source that makes records as fast as it can: `node fast-source.ts read --config …`. For the
 * benchmark: what it takes alone is the limit.
 */
const [, , command = ''] = process.argv
const records = Number(process.env.FAST_SOURCE_RECORDS ?? 500_000)
const stateEvery = 10_000

const stream = {
  name: 'people',
  json_schema: {
    type: 'object',
    properties: {
      id: { type: 'integer' },
      name: { type: 'string' },
      email: { type: 'string' },
      age: { type: 'integer' },
      height: { type: 'string' },
      created_at: { type: 'string', format: 'date-time', airbyte_type: 'timestamp_with_timezone' },
      updated_at: { type: 'string', format: 'date-time', airbyte_type: 'timestamp_with_timezone' },
      address: {
        type: 'object',
        properties: { street: { type: 'string' }, city: { type: 'string' } },
      },
    },
  },
  supported_sync_modes: ['full_refresh', 'incremental'],
  source_defined_cursor: true,
  default_cursor_field: ['updated_at'],
  source_defined_primary_key: [['id']],
  is_resumable: true,
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text))
    await new Promise((resolve) => process.stdout.once('drain', resolve))
}

async function read(): Promise<void> {
  let lines: string[] = []
  for (let id = 1; id <= records; id += 1) {
    const time = new Date(1_767_225_600_000 + id * 1000).toISOString()
    const data = {
      id,
      name: `Person number ${id}`,
      email: `person.${id}@example.com`,
      age: id % 90,
      height: `1.${id % 100}`,
      created_at: time,
      updated_at: time,
      address: { street: `Street ${id % 1000}`, city: 'Hamburg' },
    }
    lines.push(
      JSON.stringify({
        type: 'RECORD',
        record: { stream: 'people', data, emitted_at: Date.now() },
      }),
    )
    if (id % stateEvery === 0 || id === records) {
      const own = { stream_descriptor: { name: 'people' }, stream_state: { id } }
      lines.push(JSON.stringify({ type: 'STATE', state: { type: 'STREAM', stream: own } }))
    }
    if (lines.length >= 200) {
      await write(`${lines.join('\n')}\n`)
      lines = []
    }
  }
  if (lines.length > 0) await write(`${lines.join('\n')}\n`)
}

switch (command) {
  case 'discover':
    await write(`${JSON.stringify({ type: 'CATALOG', catalog: { streams: [stream] } })}\n`)
    break
  case 'check':
    await write('{"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}}\n')
    break
  case 'spec':
    await write(
      '{"type":"SPEC","spec":{"connectionSpecification":{"type":"object","properties":{}}}}\n',
    )
    break
  default:
    await read()
}
