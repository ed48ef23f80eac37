import { stripTypeScriptTypes } from 'node:module'
import { resolve } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../protocol/index.ts'
import { problemsOf, strictest, strictestInNode } from './compile.ts'
import { parseStoredNames } from '../../../service/codegen/stored-names.ts'
import { action, crm, generated, stream } from './sample-input.ts'
import { longTest, usually } from '../../support/long.ts'

/** The part that is made from the instance. */
function ownPart(client: string): string {
  return client.slice(0, client.indexOf('// ----'))
}

interface LoadedClient {
  readonly ConnectError: new (status: number, body: object) => Error
}

/** A client as a program imports it. */
async function loaded(client: string): Promise<LoadedClient> {
  const text = stripTypeScriptTypes(client)
  const url = `data:text/javascript;base64,${Buffer.from(text).toString('base64')}`
  return (await import(/* @vite-ignore */ url)) as LoadedClient
}

function typeOf(schema: JsonObject): string {
  const root = { type: 'object', properties: { it: schema } }
  const [, type] =
    /^ {2}it\?:\s([^]*?)^}/m.exec(generated({ catalog: { streams: [stream('s', root)] } })) ?? []
  return (type ?? '').trim()
}

describe('a client', () => {
  test('is what the reference file shows', async () => {
    const reference = resolve('test/service/codegen/crm-client.txt')
    await expect(ownPart(generated(crm))).toMatchFileSnapshot(reference)
  })

  test('is the same bytes in whatever order a source lists its streams, fields and actions', () => {
    const turned = {
      ...crm,
      catalog: { streams: crm.catalog.streams.toReversed().map(backwards) },
      actions: crm.actions.toReversed(),
    }
    expect(generated(turned)).toBe(generated(crm))
  })

  test.each([
    ['read', 'none', 'always'],
    ['read', 'natural', 'always'],
    ['delete', 'natural', 'with key'],
    ['create', 'native_key', 'with key'],
    ['update', 'none', 'never'],
  ] as const)('repeats an action that is %s and %s %s', (effect, idempotency, repeat) => {
    const client = generated({ actions: [{ ...action('go'), effect, idempotency }] })
    expect(client).toContain(`['go']: '${repeat}'`)
  })

  test('knows the errors of another client as its own, and no others', async () => {
    const first = await loaded(generated(crm))
    const other = await loaded(generated({}))
    const body = { code: 'rate_limited', message: 'No' }
    const thrown = new other.ConnectError(429, body)
    expect(thrown).toBeInstanceOf(first.ConnectError)
    expect(thrown).toBeInstanceOf(other.ConnectError)
    expect(thrown).toBeInstanceOf(Error)
    expect(first.ConnectError).not.toBe(other.ConnectError)
    for (const strange of [new Error('No'), body, null, 'No'])
      expect(strange).not.toBeInstanceOf(first.ConnectError)
  })

  test('narrows an error of another client by instanceof', () => {
    const use = `import { ConnectError } from './one.ts'
      export function codeOf(thrown: unknown): string {
        return thrown instanceof ConnectError ? \`\${thrown.code} \${thrown.suggestedFix}\` : ''
      }`
    expect(problemsOf({ 'one.ts': generated({}), 'use.ts': use }, strictestInNode)).toEqual([])
  })

  longTest('of an instance without streams and actions compiles', () => {
    const client = generated({})
    expect(problemsOf({ 'client.ts': client })).toEqual([])
    expect(client).not.toMatch(/\bAction\b|DryRun|dryRuns|#region|import/)
  })

  test.each<[string, ts.CompilerOptions]>(
    usually(2, [
      ['everything strict, for browsers', strictest],
      ['strict, in a bundler', { ...plain, module: ts.ModuleKind.ESNext }],
      ['strict, as CommonJS', { ...plain, module: ts.ModuleKind.CommonJS }],
      ['everything strict, in Node', strictestInNode],
    ]),
  )('compiles: %s', (_, options) => {
    expect(problemsOf({ 'client.ts': generated(crm) }, options)).toEqual([])
  })

  test('knows its streams, fields and actions', () => {
    const use = `
      import { createClient, ConnectError, type Streams, type LeadRecord } from './client.ts'
      const crm = createClient({ baseUrl: 'http://127.0.0.1:8007', apiKey: 'key' })
      const base = { name: 'leads', destination: 'data:crm' }
      export const lead: LeadRecord = { Id: 'a', Stars: 5, CreatedAt: '2026-11-26T13:15:28Z', 'two words': ['a', null] }
      export const same: Streams['Lead'] = lead
      export const big: Streams['Lead']['Visits'] = 9007199254740993n
      // @ts-expect-error: the status is one of three
      export const wrong: LeadRecord = { Id: 'a', Status: 'maybe' }
      // @ts-expect-error: Id is required
      export const without: LeadRecord = {}
      export async function use(): Promise<string> {
        await crm.connections.create({ ...base, streams: ['Lead', { stream: 'files.folders', syncMode: 'full_refresh' }], activate: true })
        await crm.connections.create({ ...base, streams: [{ stream: 'Lead', cursorField: 'CreatedAt', primaryKey: ['Id'] }] })
        // @ts-expect-error: a misspelt stream
        await crm.connections.create({ ...base, streams: ['Leed'] })
        // @ts-expect-error: a field of another stream
        await crm.connections.create({ ...base, streams: [{ stream: 'Lead', cursorField: 'rights' }] })
        const { id } = await crm.actions.createLead({ email: 'ada@example.com' })
        const { request } = await crm.dryRuns.createLead({ email: 'ada@example.com' })
        const tried = await crm.dryRuns.charge({}, { kind: 'native', signal: AbortSignal.timeout(5) })
        const output = tried.dry_run === 'native' ? tried.output : undefined
        await crm.actions['send-message']({})
        // @ts-expect-error: it cannot be tried out
        await crm.dryRuns['send-message']({})
        // @ts-expect-error: email is missing
        await crm.actions.createLead({})
        const { id: run } = await crm.runs.start('leads')
        const { status, streams } = await crm.runs.wait(run, { onLook: ({ loaded }) => loaded.toFixed() })
        const text: 'queued' | 'running' | 'complete' | 'partial' | 'failed' | 'cancelled' = status
        return [id, request.url, output, text, streams[0]?.name].join()
      }
      export function explain(error: unknown): string {
        if (!(error instanceof ConnectError)) throw error
        return error.code === 'name_taken' ? error.suggestedFix : error.message
      }
    `
    expect(problemsOf({ 'client.ts': generated(crm), 'use.ts': use })).toEqual([])
  })
})

test('a loop over the pages of an action compiles', () => {
  const output = {
    type: 'object',
    required: ['items', 'next_page'],
    properties: {
      items: { type: 'array', items: { type: 'string' } },
      next_page: { anyOf: [{ type: 'integer', maximum: 1000, minimum: 0 }, { type: 'null' }] },
    },
  }
  const properties = { page: { type: 'integer', maximum: 1000, minimum: 0 } }
  const input = { type: 'object', properties }
  const client = generated({ actions: [action('listComments', { input, output })] })
  const use = `
    import { createClient, type ListCommentsOutput } from './client.ts'
    const client = createClient({ baseUrl: 'http://127.0.0.1:8007', apiKey: 'key' })
    export async function all(): Promise<readonly string[]> {
      const { actions } = client
      const first: Awaited<ReturnType<typeof actions.listComments>> = { items: [], next_page: 1 }
      const same: ListCommentsOutput = first
      const out: string[] = [...same.items]
      let page: number | null = 1
      while (page !== null) {
        const r = await actions.listComments({ page })
        out.push(...r.items)
        page = r.next_page
      }
      for (let p: number | null = 1; p !== null; ) {
        const { items, next_page } = await actions.listComments({ page: p })
        out.push(...items)
        p = next_page
      }
      let q: number | undefined
      do {
        const r = await actions.listComments({ ...(q === undefined ? {} : { page: q }) })
        q = r.next_page ?? undefined
      } while (q !== undefined)
      return out
    }
  `
  expect(problemsOf({ 'client.ts': client, 'use.ts': use })).toEqual([])
})

describe('an output', () => {
  const open = { type: 'object', properties: { id: { type: 'string' } }, additionalProperties: {} }
  const list = { type: 'array', items: open }
  const client = generated({
    catalog: { streams: [stream('s', open)] },
    actions: [
      action('get', { output: { ...open, properties: { ...open.properties, list } } }),
      action('find', { output: { anyOf: [open, list] } }),
      action('closed', { output: { ...open, additionalProperties: false } }),
    ],
  })

  test('that may have other fields lets a program read them', () => {
    expect(client).toContain('export type GetOutput = {\n  id?: string\n')
    const use = `
      import { createClient } from './client.ts'
      const { actions, connections } = createClient({ baseUrl: 'http://127.0.0.1:8007', apiKey: 'key' })
      export async function use(): Promise<readonly unknown[]> {
        const got = await actions.get({})
        const id: string | undefined = got.id
        const inner: unknown = got.list?.[0]?.['other']
        // @ts-expect-error: its type is not known
        const text: string = got['other']
        const { id: closedId, ...closed } = await actions.closed({})
        // @ts-expect-error: there is no such field
        const none = closed.other
        // @ts-expect-error: a stream shows a misspelt field
        await connections.create({ name: 'a', destination: 'data:a', streams: [{ stream: 's', cursorField: 'di' }] })
        return [id, inner, text, closedId, none, got['other']]
      }
    `
    expect(problemsOf({ 'client.ts': client, 'use.ts': use })).toEqual([])
  })

  test('that is an object or a list is told apart with Array.isArray', () => {
    const use = `
      import { createClient } from './client.ts'
      const { actions } = createClient({ baseUrl: 'http://127.0.0.1:8007', apiKey: 'key' })
      const found = await actions.find({})
      export const id: string | undefined = Array.isArray(found) ? found[0]?.id : found.id
    `
    expect(problemsOf({ 'client.ts': client, 'use.ts': use })).toEqual([])
  })
})

const plain: ts.CompilerOptions = {
  strict: true,
  target: ts.ScriptTarget.ES2022,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
  types: [],
  noEmit: true,
  skipLibCheck: true,
}

describe('a schema', () => {
  test.each<[string, JsonObject]>([
    ['string', { type: 'string', format: 'uuid' }],
    [
      'IsoLocalDateTime',
      { type: 'string', format: 'date-time', airbyte_type: 'timestamp_without_timezone' },
    ],
    ['Base64', { type: 'string', contentEncoding: 'base64' }],
    ['Integer', { type: 'number', airbyte_type: 'integer' }],
    ['number', { type: 'integer', minimum: 0, maximum: 255 }],
    ['Integer', { type: 'integer', minimum: 0, maximum: 1e19 }],
    ['string | boolean | null', { type: ['boolean', 'null', 'string'].toReversed() }],
    ["'a' | 1 | null", { enum: ['a', null, 1, 'a'] }],
    ['Integer', { const: 1e19 }],
    ["{ a: 'b' }", { const: { a: 'b' } }],
    ['string | null', { type: 'string', nullable: true }],
    ['readonly (string | null)[]', { type: 'array', items: { type: ['string', 'null'] } }],
    // As a PostgreSQL source declares numeric[].
    [
      'readonly (Decimal | string | null)[] | string | null',
      { type: ['null', 'array', 'string'], items: { type: ['null', 'number', 'string'] } },
    ],
    ['readonly unknown[]', { type: 'array' }],
    [
      'readonly [string?, ...number[]]',
      { prefixItems: [{ type: 'string' }], items: { type: 'number', format: 'float' } },
    ],
    [
      'readonly [string, (string | null)?]',
      {
        items: [{ type: 'string' }, { type: ['string', 'null'] }],
        minItems: 1,
        additionalItems: false,
      },
    ],
    ['{ [key: string]: unknown }', { type: 'object' }],
    ['{ [key: string]: never }', { type: 'object', additionalProperties: false }],
    ['{ [key: string]: string | null }', { additionalProperties: { type: ['string', 'null'] } }],
    [
      '{ [key: string]: string | boolean }',
      {
        type: 'object',
        patternProperties: { '^a': { type: 'string' } },
        additionalProperties: { type: 'boolean' },
      },
    ],
    ['unknown', {}],
    ['unknown', { type: 'nothing that is known' }],
    ['unknown', { $ref: 'https://example.com/other.json' }],
    ['unknown', { $ref: '#/definitions/none' }],
    ['unknown', { $ref: '#/%' }],
  ])('%s', (type, schema) => {
    expect(typeOf(schema)).toBe(type)
  })

  test('that is nothing but itself is unknown, and one that holds itself is recursive', () => {
    const schema = {
      type: 'object',
      properties: { a: { $ref: '#/$defs/a' }, me: { $ref: '#' }, lists: { $ref: '#/$defs/lists' } },
      $defs: {
        a: { anyOf: [{ $ref: '#/$defs/b' }, { type: 'null' }] },
        b: { $ref: '#/$defs/a' },
        lists: { type: 'array', items: { $ref: '#/$defs/lists' } },
      },
    }
    const client = generated({ catalog: { streams: [stream('s', schema)] } })
    expect(problemsOf({ 'client.ts': client })).toEqual([])
    expect(client).toContain('export type SRecordA = unknown\n')
    expect(client).toContain('me?: SRecord\n')
    expect(client).toContain('export type SRecordLists = readonly SRecordLists[]\n')
  })

  test('that is nested without end, or refers on and on, breaks nothing', () => {
    let deep: JsonObject = { type: 'string' }
    for (let level = 0; level < 5_000; level += 1)
      deep =
        level % 2 === 0
          ? { type: ['array', 'null'], items: deep }
          : { properties: { a: deep, b: {} } }
    const definitions = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, n) => [
        `d${String(n)}`,
        { $ref: `#/definitions/d${String(n + 1)}` },
      ]),
    )
    const chain = {
      type: 'object',
      properties: { first: { $ref: '#/definitions/d0' } },
      definitions,
    }
    const streams = [stream('deep', { properties: { deep } }), stream('chain', chain)]
    expect(generated({ catalog: { streams } })).toContain(
      'export type ChainRecordD0 = ChainRecordD1\n',
    )
  })
})

describe('names and texts of others', () => {
  test('cannot end a comment or a text, speak to the compiler, or take a name of the client', () => {
    const hostile = [
      '*/ throw 0 /*',
      '`${process.exit()}`',
      "'; throw 0; '",
      'line\u2028separator\u2029paragraph\nnewline\r\0',
      '\\',
      '\u202Eright to left',
      '\ud800 half a pair',
      '__proto__',
      'constructor',
      'ConnectError',
      'createClient',
      'Streams',
      'class',
      'default',
      '1st',
      '',
      ' ',
      '日本語',
      '🚀',
      '@ts-expect-error',
      '@ts-ignore',
      '@jsx h',
      '/// <reference path="x" />',
      '#endregion',
    ]
    const properties = Object.fromEntries(
      hostile.map((name) => [name, { type: 'string', description: name, format: name }]),
    )
    const schema = { type: 'object', description: hostile.join('\n'), properties }
    const client = generated({
      catalog: {
        streams: [
          ...hostile.map((name) => stream(name, schema)),
          ...hostile.map((name) => stream(name, schema, { namespace: name })),
          ...hostile.map((name) =>
            stream(
              name,
              {
                properties: { a: { $ref: '#/$defs/x' } },
                $defs: { x: { description: name } },
              },
              { namespace: 'referring' },
            ),
          ),
        ],
      },
      actions: hostile.map((name) => action(name, { title: name, input: schema })),
    })
    expect(problemsOf({ 'client.ts': client })).toEqual([])
    expect(client).not.toMatch(/[\u2028\u2029\u202E\0\r]/)
    expect(client.isWellFormed()).toBe(true)
  })

  const recordsOf = (client: string): Readonly<Record<string, string>> =>
    Object.fromEntries(parseStoredNames(client).map(({ stream, type }) => [stream, type]))

  test('that are alike here get names that are not, in whatever company', () => {
    const alike = [
      stream('a.b', {}),
      stream('b', {}, { namespace: 'a' }),
      stream('a-b', {}),
      stream('A B', {}),
    ]
    const client = generated({ catalog: { streams: alike } })
    const records = recordsOf(client)
    expect(new Set(Object.values(records)).size).toBe(4)
    expect(Object.keys(records)).toEqual(['"a.b"', 'A B', 'a-b', 'a.b'])
    for (const name of Object.values(records)) expect(name).toMatch(/^ABRecord_[0-9a-f]{6}$/)
    expect(client).toContain(`  ['a.b', { name: 'b', namespace: 'a' }],`)
    expect(client).toContain(`  ['"a.b"', { name: 'a.b' }],`)
    const fewer = generated({ catalog: { streams: alike.slice(1) } })
    expect(recordsOf(fewer)).toEqual({ ...records, '"a.b"': undefined })
  })

  test('stay where the client is made again in place of another, whatever was added or dropped', () => {
    const orders = stream('orders', {}, { namespace: 'public' })
    const twin = stream('Orders', {}, { namespace: 'public' })
    const odd = stream("it's\na \\ 日本", {})
    const before = generated({ catalog: { streams: [orders, odd] } })
    const names = parseStoredNames(before)
    expect(names).toEqual([
      { stream: "it's\na \\ 日本", type: 'ItSARiBenRecord' },
      { stream: 'public.orders', type: 'PublicOrdersRecord' },
    ])
    const formatted = before.replace(
      "'public.orders': PublicOrdersRecord",
      '  "public.orders": PublicOrdersRecord;',
    )
    expect(parseStoredNames(formatted)).toEqual(names)
    const after = generated({ catalog: { streams: [twin, odd, orders] }, names })
    expect(recordsOf(after)).toMatchObject(recordsOf(before))
    expect(recordsOf(after)['public.Orders']).toMatch(/^PublicOrdersRecord_[0-9a-f]{6}$/)

    // A removed stream leaves no name that another stream could take: code that uses the name must not
    // compile.
    const without = generated({ catalog: { streams: [twin] }, names: parseStoredNames(after) })
    expect(recordsOf(without)).toEqual({ 'public.Orders': recordsOf(after)['public.Orders'] })
    const replaced = generated({ catalog: { streams: [twin] }, names })
    expect(recordsOf(replaced)['public.Orders']).toMatch(/^PublicOrdersRecord_[0-9a-f]{6}$/)
    expect(parseStoredNames('export type Streams = {\n  a: B\n}\n')).toEqual([])
  })

  test('that are kept are not taken where the client needs them itself', () => {
    const streams = [stream('a', {}), stream('b', {})]
    const names = [
      { stream: 'a', type: 'Client' },
      { stream: 'b', type: 'ARecord' },
    ]
    const client = generated({ catalog: { streams }, names })
    expect(problemsOf({ 'client.ts': client })).toEqual([])
    expect(recordsOf(client).b).toBe('ARecord')
    expect(recordsOf(client).a).toMatch(/^ARecord_/)
  })
})

/** Returns the value with the properties of its schema in reverse order. */
function backwards<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(backwards) as Value
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).toReversed()
  return Object.fromEntries(entries.map(([name, inner]) => [name, backwards(inner)])) as Value
}
