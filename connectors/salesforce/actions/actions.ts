import type { Action } from '../../action.ts'
import { createRecords, deleteRecords, updateRecords, upsertRecords } from './collections.ts'
import { describeObject, getLimits, listObjects, query, queryMore, search } from './queries.ts'
import { createRecord, deleteRecord, getRecord, updateRecord, upsertRecord } from './records.ts'
import {
  createContact,
  createLead,
  createOpportunity,
  createTask,
  runInvocable,
  updateOpportunity,
} from './sales.ts'

/** In the order of the documentation. */
export const salesforceActions: readonly Action[] = [
  createRecord,
  updateRecord,
  upsertRecord,
  deleteRecord,
  getRecord,
  createRecords,
  updateRecords,
  upsertRecords,
  deleteRecords,
  query,
  queryMore,
  search,
  describeObject,
  listObjects,
  getLimits,
  createLead,
  createContact,
  createOpportunity,
  updateOpportunity,
  createTask,
  runInvocable,
]
