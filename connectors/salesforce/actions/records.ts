import { z } from 'zod'
import { defineAction, urlPath } from '../../action.ts'
import {
  apiName,
  externalId,
  fieldsMissing,
  fieldValues,
  hasFields,
  objectName,
  recordId,
  writeOptions,
} from './fields.ts'
import { record, saved, upserted } from './outputs.ts'
import { changedResult, restRequest } from './request.ts'

const unmodified = z.iso.datetime().exactOptional().meta({
  description: 'Only if nobody has changed it since: `2026-03-01T08:00:00Z`.',
})

export const createRecord = defineAction({
  name: 'createRecord',
  title: 'Create a record',
  effect: 'create',
  idempotency: 'none',
  dryRun: 'native',
  input: z.object({ object: objectName, fields: fieldValues, ...writeOptions }),
  output: saved,
  plan: ({ object, fields, ...options }, config) =>
    restRequest(config, 'POST', urlPath`sobjects/${object}`, { body: fields, options }),
})

export const updateRecord = defineAction({
  name: 'updateRecord',
  title: 'Change a record',
  effect: 'update',
  idempotency: 'natural',
  dryRun: 'native',
  input: z
    .object({
      object: objectName,
      id: recordId,
      fields: fieldValues,
      ifUnmodifiedSince: unmodified,
      ...writeOptions,
    })
    .refine(hasFields, fieldsMissing),
  output: saved,
  plan: ({ object, id, fields, ifUnmodifiedSince: since, ...options }, config) =>
    restRequest(config, 'PATCH', urlPath`sobjects/${object}/${id}`, {
      body: fields,
      options,
      headers: since === undefined ? {} : { 'If-Unmodified-Since': new Date(since).toUTCString() },
    }),
  result: changedResult,
})

export const upsertRecord = defineAction({
  name: 'upsertRecord',
  title: 'Create or change a record by its external id',
  effect: 'update',
  idempotency: 'natural',
  dryRun: 'native',
  input: z.object({
    object: objectName,
    externalIdField: apiName.meta({ description: 'API name of the external id: `Number__c`.' }),
    externalId,
    fields: fieldValues,
    ...writeOptions,
  }),
  output: upserted,
  plan: ({ object, externalIdField: field, externalId: value, fields, ...options }, config) =>
    restRequest(config, 'PATCH', urlPath`sobjects/${object}/${field}/${value}`, {
      body: fields,
      options,
    }),
})

export const deleteRecord = defineAction({
  name: 'deleteRecord',
  title: 'Delete a record',
  effect: 'delete',
  idempotency: 'natural',
  dryRun: 'native',
  input: z.object({ object: objectName, id: recordId }),
  output: saved,
  plan: ({ object, id }, config) =>
    restRequest(config, 'DELETE', urlPath`sobjects/${object}/${id}`),
  result: changedResult,
})

export const getRecord = defineAction({
  name: 'getRecord',
  title: 'Get a record',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    object: objectName,
    id: recordId,
    fields: z.array(apiName).min(1).max(200).exactOptional().meta({
      description: 'Default, all that the user may see.',
    }),
  }),
  output: record,
  plan: ({ object, id, fields }, config) =>
    restRequest(config, 'GET', urlPath`sobjects/${object}/${id}`, {
      query: { fields: fields?.join(',') },
    }),
})
