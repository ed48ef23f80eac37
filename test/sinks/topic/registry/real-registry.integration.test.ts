import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Column } from '../../../../protocol/index.ts'
import { SchemaRegistry } from '../../../../sinks/topic/registry/schema-registry.ts'
import { messageSchemas } from '../../../../sinks/topic/rows/message-schemas.ts'
import type { MessageSchemas, RowFormat } from '../../../../sinks/topic/rows/row-options.ts'
import { optionsOf } from '../rows/messages.ts'
import { startRealRegistry, type RealRegistry } from './real-registry.ts'

/**
 * Needs Java and Maven, and a download of 109 MB at its first use: `npm run test:long -- registry` sets
 * REAL_REGISTRY.
 */
const wanted = process.env.REAL_REGISTRY !== undefined

const columns: Column[] = [
  { name: 'id', kind: 'integer' },
  { name: 'a note', kind: 'string' },
  { name: 'paid at', kind: 'timestamptz' },
  { name: 'extra', kind: 'json' },
]

describe.runIf(wanted)('a real registry', () => {
  let server: RealRegistry
  let registry: SchemaRegistry
  beforeAll(async () => {
    server = await startRealRegistry()
    registry = new SchemaRegistry({ url: server.url })
  }, 10 * 60_000)
  afterAll(() => server[Symbol.asyncDispose]())

  it.each<RowFormat>([
    { encoding: 'avro', envelope: 'row' },
    { encoding: 'avro', envelope: 'debezium' },
    { encoding: 'json', envelope: 'row' },
    { encoding: 'json', envelope: 'debezium' },
  ])('takes the schemas of %o, and gives the same ids again', async (format) => {
    await registry.check()
    const topic = `shop.${format.encoding}.${format.envelope}`
    const { key, value } = schemasOf(columns, format)
    if (key === undefined) throw new TypeError('there is no key')
    const ids = [
      await registry.register(`${topic}-key`, key),
      await registry.register(`${topic}-value`, value),
    ]
    expect(new Set(ids).size).toBe(2)
    expect(await registry.register(`${topic}-key`, key)).toBe(ids[0])
    expect(await registry.register(`${topic}-value`, value)).toBe(ids[1])
  })

  it('takes columns that come and go under every rule, and refuses another type', async () => {
    const subject = 'changes-value'
    const format = { encoding: 'avro', envelope: 'debezium' } as const
    const register = async (some: readonly Column[]): Promise<number> =>
      registry.register(subject, schemasOf(some, format).value)
    const first = await register(columns)
    await setRule(subject, 'FULL_TRANSITIVE')
    const more = await register([...columns, { name: 'new', kind: 'boolean' }])
    expect(more).not.toBe(first)
    expect(await register(columns.slice(0, 2))).not.toBe(more)
    const changed = [{ name: 'id', kind: 'boolean' as const }, ...columns.slice(1)]
    await expect(register(changed)).rejects.toMatchObject({
      code: 'schema_incompatible',
      details: { subject, compatibility: 'FULL_TRANSITIVE' },
    })
    await setRule(subject, 'NONE')
    expect(await register(changed)).not.toBe(first)
  })

  async function setRule(subject: string, compatibility: string): Promise<void> {
    const response = await fetch(`${server.url}/config/${subject}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ compatibility }),
    })
    expect(response.status).toBe(200)
  }

  it('refuses a path that is not its own', async () => {
    const elsewhere = new SchemaRegistry({ url: `${server.url}/none` })
    await expect(elsewhere.check()).rejects.toMatchObject({ code: 'schema_registry_refused' })
  })
})

function schemasOf(some: readonly Column[], format: RowFormat): MessageSchemas {
  return messageSchemas(
    optionsOf(some, { format, lookup: 'registry', sink: { primaryKey: [['id']] } }),
  )
}
