import { z } from 'zod'
import { defineAction, urlPath } from '../../action.ts'
import { allOrNone, apiName, objectName, recordId, recordList, writeOptions } from './fields.ts'
import { results } from './outputs.ts'
import { listResult, restRequest, typed } from './request.ts'

// Up to 200 records of one object with one call. The result has one entry for each, in their order.

export const createRecords = defineAction({
  name: 'createRecords',
  title: 'Create up to 200 records',
  effect: 'create',
  idempotency: 'none',
  dryRun: 'native',
  input: z.object({ object: objectName, records: recordList, allOrNone, ...writeOptions }),
  output: results,
  response: 'list',
  plan: ({ object, records, allOrNone: all = false, ...options }, config) =>
    restRequest(config, 'POST', 'composite/sobjects', {
      body: { allOrNone: all, records: typed(object, records) },
      options,
    }),
  result: listResult,
})

export const updateRecords = defineAction({
  name: 'updateRecords',
  title: 'Change up to 200 records',
  effect: 'update',
  idempotency: 'natural',
  dryRun: 'native',
  input: z.object({
    object: objectName,
    records: recordList.meta({ description: 'Each has its `Id`.' }),
    allOrNone,
    ...writeOptions,
  }),
  output: results,
  response: 'list',
  plan: ({ object, records, allOrNone: all = false, ...options }, config) =>
    restRequest(config, 'PATCH', 'composite/sobjects', {
      body: { allOrNone: all, records: typed(object, records) },
      options,
    }),
  result: listResult,
})

export const upsertRecords = defineAction({
  name: 'upsertRecords',
  title: 'Create or change up to 200 records by their external ids',
  effect: 'update',
  idempotency: 'natural',
  dryRun: 'native',
  input: z.object({
    object: objectName,
    externalIdField: apiName.meta({ description: 'Each record has a value of its own in it.' }),
    records: recordList,
    allOrNone,
    ...writeOptions,
  }),
  output: results,
  response: 'list',
  plan: ({ object, externalIdField: field, records, allOrNone: all = false, ...options }, config) =>
    restRequest(config, 'PATCH', urlPath`composite/sobjects/${object}/${field}`, {
      body: { allOrNone: all, records: typed(object, records) },
      options,
    }),
  result: listResult,
})

export const deleteRecords = defineAction({
  name: 'deleteRecords',
  title: 'Delete up to 200 records',
  effect: 'delete',
  idempotency: 'natural',
  dryRun: 'native',
  input: z.object({ ids: z.array(recordId).min(1).max(200), allOrNone }),
  output: results,
  response: 'list',
  plan: ({ ids, allOrNone: all = false }, config) =>
    restRequest(config, 'DELETE', 'composite/sobjects', {
      query: { ids: ids.join(','), allOrNone: all },
    }),
  result: listResult,
})
