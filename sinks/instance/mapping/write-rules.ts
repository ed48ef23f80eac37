import { z } from 'zod'
import type { JsonValue } from '../../../protocol/index.ts'

const column = z.string().min(1).max(512)
const json = z.custom<JsonValue>((value) => value !== undefined)

/** Where the value of a field comes from. */
const fieldRule = z.union([
  column.meta({ description: 'The name of a column.' }),
  z.strictObject({ value: json.meta({ description: 'The same value for all records.' }) }),
  z.strictObject({
    column,
    path: z
      .string()
      .startsWith('$')
      .max(1000)
      .exactOptional()
      .meta({
        description: 'A JSONPath into a column of JSON; its first match is the value.',
        examples: ['$.address.city'],
      }),
    map: z
      .record(z.string(), json)
      .exactOptional()
      .meta({
        description: 'Values by those of the column; a value that is missing here is an error.',
        examples: [{ gold: 'Gold', silver: 'Silver' }],
      }),
    otherwise: json.exactOptional().meta({
      description: 'For values that `map` does not have, and for null.',
    }),
    reference: z
      .string()
      .min(1)
      .max(200)
      .exactOptional()
      .meta({
        description:
          'The field refers to another record, and the column has the value of this external id of it.',
        examples: ['Code__c'],
      }),
  }),
])
export type FieldRule = z.output<typeof fieldRule>

/** How the records of one stream become records of the vendor. */
export const writeRule = z.strictObject({
  stream: z.string().min(1).max(512),
  object: z
    .string()
    .min(1)
    .max(200)
    .exactOptional()
    .meta({
      description: 'The object of the vendor; default: the one with the name of the stream.',
      examples: ['Lead'],
    }),
  key: z
    .string()
    .min(1)
    .max(200)
    .exactOptional()
    .meta({
      description:
        'The field of the vendor by which a record is found: an external id, or its id. Default: the only external id, or the one that has the name of the key.',
      examples: ['Code__c'],
    }),
  fields: z
    .record(z.string().min(1).max(200), fieldRule)
    .exactOptional()
    .meta({
      description:
        'By the names of the vendor’s fields. Default: each column goes into the field with its name; capital letters and `_` do not count.',
      examples: [{ LastName: 'last_name', LeadSource: { value: 'Web' } }],
    }),
})
export type WriteRule = z.output<typeof writeRule>
