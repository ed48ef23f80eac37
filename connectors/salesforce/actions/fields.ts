import { z } from 'zod'
import { anyJson, pathSegment } from '../../action.ts'

export const apiName = z
  .string()
  .regex(/^[A-Za-z]\w{0,79}$/, 'must be an API name, such as `Invoice__c`')

export const objectName = apiName.meta({ description: 'API name of the object: `Invoice__c`.' })

export const recordId = z
  .string()
  .regex(/^[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?$/, 'must be an id of 15 or 18 characters')

/** Values by the API names of fields. Null empties a field. */
export const fieldValues = z
  .record(z.string(), anyJson)
  .meta({ description: 'Values by the API names of fields. Null empties a field.' })

export const externalId = pathSegment.meta({ description: 'Value of the external id.' })

/** Headers that decide what else happens with a write. */
export const writeOptions = {
  allowDuplicates: z.boolean().exactOptional().meta({
    description: 'Save it although a duplicate rule that permits it finds duplicates.',
  }),
  assignsOwner: z.boolean().exactOptional().meta({
    description:
      'Whether the active assignment rule chooses the owner. Default, as Salesforce does.',
  }),
}

export const recordList = z.array(fieldValues).min(1).max(200)
export const allOrNone = z.boolean().exactOptional().meta({
  description: 'Undo all if one fails. Default: each counts for itself.',
})

/** At least one field. */
export function hasFields(input: { readonly fields: object }): boolean {
  return Object.keys(input.fields).length > 0
}
export const fieldsMissing = 'give at least one field in `fields`'
