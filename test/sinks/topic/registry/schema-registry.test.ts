import { describe, expect, it, onTestFinished } from 'vitest'
import { SchemaRegistry } from '../../../../sinks/topic/registry/schema-registry.ts'
import { messageSchemas } from '../../../../sinks/topic/rows/message-schemas.ts'
import type { MessageSchema } from '../../../../sinks/topic/rows/row-options.ts'
import { optionsOf } from '../rows/messages.ts'
import { startFakeRegistry, type FakeRegistry } from './fake-registry.ts'

const subject = 'shop orders/1-value'

function valueSchema(kind: 'string' | 'integer', encoding: 'avro' | 'json' = 'avro') {
  const format = { encoding, envelope: 'row' } as const
  return messageSchemas(optionsOf([{ name: 'c', kind }], { format, lookup: 'registry' })).value
}

async function open(
  options: {
    readonly username?: string
    readonly password?: string
    readonly attempts?: number
  } = {},
): Promise<{ readonly server: FakeRegistry; readonly registry: SchemaRegistry }> {
  const server = await startFakeRegistry()
  onTestFinished(async () => server[Symbol.asyncDispose]())
  const { attempts = 3, ...login } = options
  const registry = new SchemaRegistry({ url: server.url, ...login }, { attempts, pauseMs: () => 1 })
  return { server, registry }
}

describe('a schema registry', () => {
  it('gives a schema one id, and registers it once', async () => {
    const { server, registry } = await open()
    const id = await registry.register(subject, valueSchema('string'))
    expect(await registry.register(subject, valueSchema('string'))).toBe(id)
    expect(await registry.register(subject, valueSchema('integer'))).toBe(id + 1)
    const paths = server.requests.map(({ method, path }) => `${method} ${path}`)
    const lookup = 'POST /subjects/shop%20orders%2F1-value'
    expect(paths).toEqual([lookup, `${lookup}/versions`, lookup, lookup, `${lookup}/versions`])
    expect(server.requests[1]?.body).toEqual({ schema: valueSchema('string').text })
  })

  it('is told the type of a schema that is not Avro', async () => {
    const { server, registry } = await open()
    await registry.register(subject, valueSchema('string', 'json'))
    expect(server.requests[1]?.body).toMatchObject({ schemaType: 'JSON' })
  })

  it('is given the credentials, and no others', async () => {
    const { server, registry } = await open({ username: 'ann', password: 'pä:ss' })
    await registry.check()
    const login = Buffer.from('ann:pä:ss').toString('base64')
    expect(server.requests[0]).toMatchObject({ path: '/subjects', authorization: `Basic ${login}` })
    await new SchemaRegistry({ url: server.url }).check()
    expect(server.requests[1]?.authorization).toBeUndefined()
  })

  it('is asked again after an error that may pass', async () => {
    const { server, registry } = await open({ attempts: 4 })
    server.scripted.push('cut', { status: 503, body: 'a page' }, { status: 429, body: {} })
    await registry.check()
    expect(server.requests).toHaveLength(4)
  })

  it.each([
    ['is not there', 'cut' as const, /^other side closed$/],
    [
      'fails',
      { status: 500, body: { error_code: 50001, message: 'Error in the backend data store' } },
      /^it responded with status 500 \(Error in the backend data store\)$/,
    ],
  ])('that %s is named as unreachable', async (_, reply, reason) => {
    const { server, registry } = await open()
    server.scripted.push(reply, reply, reply)
    await expect(registry.check()).rejects.toMatchObject({
      code: 'schema_registry_unreachable',
      details: {
        registry: new URL(server.url).host + '/registry',
        reason: expect.stringMatching(reason) as unknown,
      },
    })
    expect(server.requests).toHaveLength(3)
  })

  it.each([
    [
      { status: 401, body: { error_code: 401, message: 'Unauthorized' } },
      'it responded with status 401 (Unauthorized)',
    ],
    [
      { status: 302, body: '', headers: { location: 'http://127.0.0.1:1/' } },
      'it responded with status 302',
    ],
    [{ status: 200, body: '<html>' }, 'its response is not that of a schema registry'],
  ])('that refuses is named with its words: %o', async (reply, reason) => {
    const { server, registry } = await open({ password: 'secret', username: 'ann' })
    server.scripted.push(reply)
    await expect(registry.check()).rejects.toMatchObject({
      code: 'schema_registry_refused',
      details: { doing: 'listing its subjects', reason },
    })
    expect(server.requests).toHaveLength(1)
  })

  it('that takes no new schema of a subject says why', async () => {
    const { server, registry } = await open()
    await registry.register(subject, valueSchema('string'))
    server.strict.add(subject)
    await expect(registry.register(subject, valueSchema('integer'))).rejects.toMatchObject({
      code: 'schema_incompatible',
      details: { subject, compatibility: 'BACKWARD', reason: 'field c is of another type' },
    })
  })

  it('tells what would become of a schema, and takes none', async () => {
    const { server, registry } = await open()
    expect(await registry.preview(subject, valueSchema('string'))).toBeUndefined()
    const id = await registry.register(subject, valueSchema('string'))
    expect(await registry.preview(subject, valueSchema('string'))).toBe(id)
    expect(await registry.preview(subject, valueSchema('integer'))).toBeUndefined()
    server.strict.add(subject)
    await expect(registry.preview(subject, valueSchema('integer'))).rejects.toMatchObject({
      code: 'schema_incompatible',
      details: { subject, reason: 'field c is of another type' },
    })
    const writes = server.requests.filter(({ path }) => path.endsWith('/versions'))
    expect(writes).toHaveLength(1)
  })

  it.each(['row', 'debezium'] as const)(
    'that only says that a schema does not fit is asked for the older one: the columns are named (envelope %s)',
    async (envelope) => {
      const { server, registry } = await open()
      const format = { encoding: 'avro', envelope } as const
      const schemaOf = (kind: 'string' | 'integer'): MessageSchema =>
        messageSchemas(
          optionsOf(
            [
              { name: 'a', kind: 'json' },
              { name: 'the c', kind },
            ],
            { format, lookup: 'registry' },
          ),
        ).value
      await registry.register(subject, schemaOf('integer'))
      const missing = { status: 404, body: { error_code: 40403, message: 'Schema not found' } }
      const unlike = { status: 200, body: { is_compatible: false } }
      const level = { status: 200, body: { compatibilityLevel: 'FULL' } }
      server.scripted.push(missing, unlike, level, unlike)
      await expect(registry.preview(subject, schemaOf('string'))).rejects.toMatchObject({
        code: 'schema_incompatible',
        details: { compatibility: 'FULL', reason: 'column the c was integer, and is string' },
      })
    },
  )

  it('whose response has no id is refused', async () => {
    const { server, registry } = await open()
    server.scripted.push({ status: 200, body: {} })
    await expect(registry.register(subject, valueSchema('string'))).rejects.toMatchObject({
      code: 'schema_registry_refused',
      details: { reason: 'its response has no id' },
    })
  })

  it.each([4_294_967_296, 2 ** 31, 0, -1, 1.5])(
    'whose response has the id %s, which fits no message, is refused at once',
    async (id) => {
      const { server, registry } = await open()
      const missing = { status: 404, body: { error_code: 40401, message: 'Subject not found' } }
      const given = { status: 200, body: { id } }
      server.scripted.push(missing, given, given)
      const refusal = {
        code: 'schema_registry_refused',
        retryable: false,
        details: { reason: expect.stringContaining(`has the id ${String(id)},`) as string },
      }
      await expect(registry.register(subject, valueSchema('string'))).rejects.toMatchObject(refusal)
      await expect(registry.find(subject, valueSchema('string'))).rejects.toMatchObject(refusal)
      expect(server.requests).toHaveLength(3)
    },
  )

  it('is left alone when the run is stopped', async () => {
    const server = await startFakeRegistry()
    onTestFinished(async () => server[Symbol.asyncDispose]())
    const stop = new AbortController()
    const registry = new SchemaRegistry({ url: server.url, signal: stop.signal })
    stop.abort()
    await expect(registry.check()).rejects.toMatchObject({ code: 'schema_registry_unreachable' })
    expect(server.requests).toHaveLength(0)
  })
})
