import type { JsonObject } from '../../../protocol/index.ts'
import { isJsonObject } from '../../../protocol/index.ts'
import type { Fields, Organization } from './organization.ts'
import { SalesforceError } from './salesforce-error.ts'

interface Saved {
  readonly id: string
  readonly created: boolean
}

/** Creates the record, or changes the one that has this value in this field. */
export function upsert(
  organization: Organization,
  {
    object,
    field,
    value,
    fields,
  }: {
    readonly object: string
    readonly field: string
    readonly value: string
    readonly fields: Fields
  },
): Saved {
  const definition = organization.object(object).fields.find(({ name }) => name === field)
  if (definition?.idLookup !== true && definition?.externalId !== true)
    throw new SalesforceError(
      'NOT_FOUND',
      `Provided external ID field does not exist or is not accessible: ${field}`,
      { status: 404 },
    )
  const found = organization.holders(object, field, value).filter((row) => row.IsDeleted !== true)
  if (found.length > 1) throw new MultipleChoices(found.map(({ Id: id }) => String(id)))
  const [row] = found
  if (row === undefined) {
    const own = field === 'Id' ? {} : { [field]: value }
    return { id: organization.create(object, { ...fields, ...own }), created: true }
  }
  organization.update(object, String(row.Id), fields)
  return { id: String(row.Id), created: false }
}

/** Several records have the value of an external id. */
export class MultipleChoices extends Error {
  readonly ids: readonly string[]

  constructor(ids: readonly string[]) {
    super('several records have this value')
    this.name = 'MultipleChoices'
    this.ids = ids
  }
}

/** Up to 200 records of a collection: a result for each of them. */
export function eachRecord(
  records: readonly JsonObject[],
  save: (object: string, record: Fields) => Saved,
): readonly JsonObject[] {
  if (records.length > 200)
    throw new SalesforceError(
      'EXCEEDED_ID_LIMIT',
      'record limit reached. cannot submit more than 200 records in this transaction',
    )
  return records.map((record) => resultOf(() => save(typeOf(record), record as Fields)))
}

/** The result of a record, whatever happens to it. */
export function resultOf(save: () => Saved): JsonObject {
  try {
    const { id, created } = save()
    return { id, success: true, errors: [], created }
  } catch (error) {
    if (error instanceof MultipleChoices)
      return failed(new SalesforceError('DUPLICATE_EXTERNAL_ID', error.message))
    if (error instanceof SalesforceError) return failed(error)
    throw error
  }
}

function failed(error: SalesforceError): JsonObject {
  return { success: false, errors: [error.result as JsonObject] }
}

function typeOf({ attributes }: JsonObject): string {
  const type = isJsonObject(attributes) ? attributes.type : undefined
  if (typeof type === 'string') return type
  throw new SalesforceError('INVALID_FIELD', 'Must send sObject type in entity attributes')
}

/** The result of a flow, whatever happens in it. */
export function ranFlow(actionName: string, run: () => JsonObject): JsonObject {
  try {
    return { actionName, isSuccess: true, errors: null, outputValues: run() }
  } catch (error) {
    if (!(error instanceof SalesforceError)) throw error
    return {
      actionName,
      isSuccess: false,
      errors: [error.result as JsonObject],
      outputValues: null,
    }
  }
}
