import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { connectorOf, nativeTypes } from '../../../connectors/registry.ts'
import { jsonObjectSchema } from '../../../protocol/json-object.ts'
import { TestApi } from '../../support/test-api.ts'

const documentSchema = z.looseObject({
  info: z.looseObject({ title: z.string() }),
  paths: z.record(z.string(), z.object({ post: z.looseObject({ operationId: z.string() }) })),
  components: z.looseObject({
    schemas: z.record(z.string(), jsonObjectSchema).default({}),
    responses: z.record(z.string(), jsonObjectSchema).default({}),
    parameters: z.record(z.string(), jsonObjectSchema).default({}),
  }),
})

let api: TestApi
beforeAll(async () => {
  api = await TestApi.start()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

async function rawDocument(type: string): Promise<Record<string, unknown>> {
  const { status, body } = await api.call(`GET /catalog/${type}/openapi.json`)
  expect(status).toBe(200)
  return z.record(z.string(), z.unknown()).parse(body)
}

describe.each(nativeTypes())('the OpenAPI document of the actions of %s', (type) => {
  test('is valid, and refers to all that it has and to nothing else', async () => {
    const raw = await rawDocument(type)
    const validator = new Validator()
    expect(await validator.validate(structuredClone(raw))).toEqual({ valid: true })
    expect(validator.version).toBe('3.1')
    const text = JSON.stringify(raw)
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference)
    const { schemas, responses, parameters } = documentSchema.parse(raw).components
    const parts = [
      ...Object.keys(schemas).map((name) => `#/components/schemas/${name}`),
      ...Object.keys(responses).map((name) => `#/components/responses/${name}`),
      ...Object.keys(parameters).map((name) => `#/components/parameters/${name}`),
    ]
    expect([...new Set(references)].toSorted()).toEqual(parts.toSorted())
    // Its parts are there once: those that all actions share, and little more than its fields for each of
    // them.
    const actions = Object.keys(documentSchema.parse(raw).paths).length
    expect(text.length).toBeLessThan(30_000 + 7_500 * actions)
  })

  test('has an operation for each action', async () => {
    const { paths } = documentSchema.parse(await rawDocument(type))
    const actions = (await (await connectorOf(type)).actions?.load()) ?? []
    expect(Object.entries(paths).map(([path, { post }]) => [path, post.operationId])).toEqual(
      actions.map(({ descriptor: { name } }) => [
        `/connect/v1/instances/{name}/actions/${name}/invoke`,
        name,
      ]),
    )
  })
})

test('a request and its result fit the schemas of their action only', async () => {
  const document = await rawDocument('stripe')
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema(document, 'document')
  const fits = (schema: string, value: unknown): boolean =>
    ajv.validate({ $ref: `document#/components/schemas/${schema}` }, value)
  const input = { email: 'ada@example.com' }
  expect(fits('CreateCustomerRequest', { input, dry_run: true })).toBe(true)
  expect(fits('CreateCustomerRequest', { input: { mail: 'ada@example.com' } })).toBe(false)
  expect(fits('CreateCustomerRequest', { input, dryrun: true })).toBe(false)
  expect(fits('CreateProductRequest', { input })).toBe(false)
  const output = { id: 'cus_1', object: 'customer', created: 1_767_225_600, livemode: false }
  const invocation = { action: 'createCustomer', output, vendor_request_id: null }
  expect(fits('CreateCustomerInvocation', invocation)).toBe(true)
  expect(fits('CreateProductInvocation', invocation)).toBe(false)
})

test('an unknown connector has none', async () => {
  expect(await api.call('GET /catalog/none/openapi.json')).toMatchObject({
    status: 404,
    body: { error: { code: 'unknown_connector' } },
  })
})
