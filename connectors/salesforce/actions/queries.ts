import { z } from 'zod'
import { defineAction, urlPath } from '../../action.ts'
import { organizationUrl } from '../address.ts'
import { objectName } from './fields.ts'
import { description, found, limits, objectList, page } from './outputs.ts'
import { restRequest } from './request.ts'

/** Salesforce takes no longer addresses. */
const statement = z.string().min(1).max(10_000)

export const query = defineAction({
  name: 'query',
  title: 'Query records with SOQL',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    soql: statement.meta({ description: 'Such as `SELECT Id, Name FROM Account LIMIT 10`.' }),
    includeDeleted: z.boolean().exactOptional().meta({
      description: 'Also records in the recycle bin, and archived ones.',
    }),
    batchSize: z.int().min(200).max(2000).exactOptional().meta({
      description: 'Records of a page, about. Default 2000.',
    }),
  }),
  output: page,
  plan: ({ soql, includeDeleted = false, batchSize }, config) =>
    restRequest(config, 'GET', includeDeleted ? 'queryAll' : 'query', {
      query: { q: soql },
      headers:
        batchSize === undefined ? {} : { 'Sforce-Query-Options': `batchSize=${String(batchSize)}` },
    }),
})

export const queryMore = defineAction({
  name: 'queryMore',
  title: 'Get the next page of a query',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    nextRecordsUrl: z
      .string()
      .regex(/^\/services\/data\/v\d+\.0\/query\/[\w-]+$/)
      .meta({ description: 'As the page before has it.' }),
  }),
  output: page,
  plan: ({ nextRecordsUrl: path }, config) => ({
    method: 'GET',
    url: organizationUrl(config) + path,
  }),
})

export const search = defineAction({
  name: 'search',
  title: 'Search records with SOSL',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    sosl: statement.meta({ description: 'Such as `FIND {Acme} IN ALL FIELDS RETURNING Account`.' }),
  }),
  output: found,
  plan: ({ sosl }, config) => restRequest(config, 'GET', 'search', { query: { q: sosl } }),
})

export const describeObject = defineAction({
  name: 'describeObject',
  title: 'Describe an object and its fields',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ object: objectName }),
  output: description,
  plan: ({ object }, config) => restRequest(config, 'GET', urlPath`sobjects/${object}/describe`),
})

export const listObjects = defineAction({
  name: 'listObjects',
  title: 'List the objects of the organization',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({}),
  output: objectList,
  plan: (_input, config) => restRequest(config, 'GET', 'sobjects'),
})

export const getLimits = defineAction({
  name: 'getLimits',
  title: 'Get the limits of the organization, and what is left of them',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({}),
  output: limits,
  plan: (_input, config) => restRequest(config, 'GET', 'limits'),
})
