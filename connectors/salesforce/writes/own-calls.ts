import { z } from 'zod'
import { isJsonList, isJsonObject, type JsonObject } from '../../../protocol/index.ts'
import { anyJson, defineAction, urlPath } from '../../action.ts'
import { objectName, recordId } from '../actions/fields.ts'
import { results } from '../actions/outputs.ts'
import { listResult, restRequest } from '../actions/request.ts'
import { dataPath } from '../address.ts'

// Calls that only the writer makes: nobody invokes them as actions.

/** A composite request has no more parts. */
export const composed = 25
/** Records that are read with one call. */
export const retrieved = 2000

/** Records as they are sent, each with its `attributes`: the writer has made them. */
const readyRecords = z.custom<readonly JsonObject[]>()

/** As `createRecords`. */
export const createReady = defineAction({
  name: 'createRecords',
  title: 'Create up to 200 records',
  effect: 'create',
  idempotency: 'none',
  input: z.object({ records: readyRecords }),
  output: results,
  response: 'list',
  plan: ({ records }, config) =>
    restRequest(config, 'POST', 'composite/sobjects', { body: { allOrNone: false, records } }),
  result: listResult,
})

/** As `updateRecords`; with `path`, as `upsertRecords`. */
export const changeReady = defineAction({
  name: 'updateRecords',
  title: 'Change up to 200 records',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({ path: z.string(), records: readyRecords }),
  output: results,
  response: 'list',
  plan: ({ path, records }, config) =>
    restRequest(config, 'PATCH', path, { body: { allOrNone: false, records } }),
  result: listResult,
})

/** Changes of records that nobody has changed since a time, each for itself. */
export const guardedUpdates = defineAction({
  name: 'guardedUpdates',
  title: 'Change records that nobody else has changed',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({
    object: objectName,
    updates: z
      .array(z.object({ id: recordId, since: z.string(), fields: z.record(z.string(), anyJson) }))
      .min(1)
      .max(composed),
  }),
  output: z.looseObject({ compositeResponse: z.array(anyJson) }),
  plan: ({ object, updates }, config) =>
    restRequest(config, 'POST', 'composite', {
      body: {
        allOrNone: false,
        compositeRequest: updates.map(({ id, since, fields }, index) => ({
          method: 'PATCH',
          url: `/${dataPath}${urlPath`/sobjects/${object}/${id}`}`,
          referenceId: `record${String(index)}`,
          httpHeaders: { 'If-Unmodified-Since': new Date(since).toUTCString() },
          body: fields,
        })),
      },
    }),
})

/** Records by their ids, in their order; null for those that are gone. */
export const retrieveRecords = defineAction({
  name: 'retrieveRecords',
  title: 'Get records by their ids',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    object: objectName,
    ids: z.array(recordId).min(1).max(retrieved),
    fields: z.array(z.string()).min(1),
  }),
  output: z.looseObject({ results: z.array(anyJson) }),
  response: 'list',
  plan: ({ object, ids, fields }, config) =>
    restRequest(config, 'POST', urlPath`composite/sobjects/${object}`, { body: { ids, fields } }),
  result: listResult,
})

/** The log of deletions, of records that were purged too. */
export const deletionLog = defineAction({
  name: 'deletionLog',
  title: 'List deletions of a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ object: objectName, start: z.string(), end: z.string() }),
  output: z.looseObject({ deletedRecords: z.array(anyJson) }),
  plan: ({ object, start, end }, config) =>
    restRequest(config, 'GET', urlPath`sobjects/${object}/deleted/`, { query: { start, end } }),
})

/** Names the user of the token, among others. */
export const organizationRoot = defineAction({
  name: 'organizationRoot',
  title: 'List the resources of the organization',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({}),
  output: z.looseObject({}),
  plan: (_input, config) => restRequest(config, 'GET', ''),
})

/** The elements of a list in an output. */
export function listIn(output: unknown, name: string): readonly JsonObject[] {
  const list = isJsonObject(output) ? output[name] : undefined
  return isJsonList(list) ? list.map((item) => (isJsonObject(item) ? item : {})) : []
}
