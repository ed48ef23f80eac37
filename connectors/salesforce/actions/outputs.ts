import { z } from 'zod'
import { anyJson } from '../../action.ts'

export const saved = z.looseObject({ id: z.string(), success: z.literal(true) })
export const upserted = z.looseObject({
  id: z.string(),
  success: z.literal(true),
  created: z.boolean(),
})

export const results = z.looseObject({
  results: z.array(
    z.looseObject({
      id: z.string().exactOptional(),
      success: z.boolean(),
      errors: z.array(
        z.looseObject({
          statusCode: z.string(),
          message: z.string(),
          fields: z.array(z.string()),
        }),
      ),
      created: z.boolean().exactOptional(),
    }),
  ),
})

export const record = z.looseObject({
  attributes: z.looseObject({ type: z.string(), url: z.string().exactOptional() }),
})

export const page = z.looseObject({
  totalSize: z.int(),
  done: z.boolean(),
  records: z.array(record),
  nextRecordsUrl: z.string().exactOptional(),
})

export const description = z.looseObject({
  name: z.string(),
  label: z.string(),
  keyPrefix: z.string().nullable(),
  custom: z.boolean(),
  queryable: z.boolean(),
  createable: z.boolean(),
  updateable: z.boolean(),
  fields: z.array(
    z.looseObject({
      name: z.string(),
      label: z.string(),
      type: z.string(),
      nillable: z.boolean(),
      createable: z.boolean(),
      updateable: z.boolean(),
      externalId: z.boolean(),
      picklistValues: z.array(z.looseObject({ value: z.string(), active: z.boolean() })),
    }),
  ),
})

export const objectList = z.looseObject({
  encoding: z.string(),
  sobjects: z.array(
    z.looseObject({
      name: z.string(),
      label: z.string(),
      custom: z.boolean(),
      queryable: z.boolean(),
      createable: z.boolean(),
    }),
  ),
})

export const found = z.looseObject({ searchRecords: z.array(record) })

export const limits = z.looseObject({
  DailyApiRequests: z.looseObject({ Max: z.int(), Remaining: z.int() }),
})

export const runResults = z.looseObject({
  results: z.array(
    z.looseObject({
      actionName: z.string(),
      isSuccess: z.boolean(),
      errors: z.array(z.looseObject({ statusCode: z.string(), message: z.string() })).nullable(),
      outputValues: z.record(z.string(), anyJson).nullable(),
    }),
  ),
})
