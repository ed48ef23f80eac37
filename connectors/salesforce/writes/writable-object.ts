import { z } from 'zod'
import { ConnectError, type JsonValue } from '../../../protocol/index.ts'
import type { WritableField, WritableObject, WriteOperation } from '../../record-writer.ts'

/** The most records of a request for collections. */
export const collectionSize = 200

const descriptionSchema = z.object({
  name: z.string(),
  createable: z.boolean(),
  updateable: z.boolean(),
  deletable: z.boolean().default(false),
  fields: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      nillable: z.boolean(),
      createable: z.boolean(),
      updateable: z.boolean(),
      externalId: z.boolean(),
      idLookup: z.boolean().default(false),
      defaultedOnCreate: z.boolean().default(false),
      referenceTo: z.array(z.string()).default([]),
    }),
  ),
})
type Description = z.output<typeof descriptionSchema>

/** Reads a description of an object. Throws `write_object_unknown` if the user may not write it. */
export function writableObject(description: JsonValue): WritableObject {
  const parsed = descriptionSchema.safeParse(description)
  if (!parsed.success) throw unknownObject('?', 'the response does not describe an object')
  const object = parsed.data
  const externalIds = object.fields
    .filter(({ externalId, idLookup }) => externalId || idLookup)
    .map(({ name }) => name)
    .filter((name) => name !== 'Id')
  const operations = operationsOf(object, externalIds.length > 0)
  if (operations.length === 0)
    throw unknownObject(object.name, 'the user may neither create, change nor delete its records')
  return {
    name: object.name,
    operations,
    // A record that is created twice exists twice.
    repeats: operations.filter((operation) => operation !== 'create'),
    externalIds,
    batchSize: collectionSize,
    conditional: 'guarded',
    fields: object.fields.map(writableField),
  }
}

export function unknownObject(object: string, reason: string): ConnectError {
  return new ConnectError('write_object_unknown', {
    details: { object, vendor: 'Salesforce', reason },
  })
}

function operationsOf(
  { createable, updateable, deletable }: Description,
  hasExternalId: boolean,
): readonly WriteOperation[] {
  return [
    ...(createable ? (['create'] as const) : []),
    ...(updateable ? (['update'] as const) : []),
    ...(createable && updateable && hasExternalId ? (['upsert'] as const) : []),
    ...(deletable ? (['delete'] as const) : []),
  ]
}

function writableField(field: Description['fields'][number]): WritableField {
  const { name, type, nillable, createable, updateable, defaultedOnCreate, referenceTo } = field
  return {
    name,
    type,
    onCreate: createable,
    onUpdate: updateable,
    isRequired: createable && !nillable && !defaultedOnCreate && type !== 'boolean',
    refersTo: referenceTo,
  }
}
