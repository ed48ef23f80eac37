import { isJsonObject, own, type JsonObject, type JsonValue } from '../../../protocol/index.ts'

/**
 * Columns whose type differs between two schemas of values or keys, as the ends of a reason; a registry may
 * not name any itself.
 */
export function listChangedColumns(
  before: JsonValue | undefined,
  now: JsonValue | undefined,
): readonly string[] {
  const kinds = kindsOf(before)
  return [...kindsOf(now)].flatMap(([column, kind]) => {
    const was = kinds.get(column)
    return was === undefined || was === kind ? [] : [`column ${column} was ${was}, and is ${kind}`]
  })
}

/**
 * Our schemas have the name and the kind of a column in its field. In Debezium's envelope, the row is in
 * `before`.
 */
function kindsOf(schema: JsonValue | undefined): ReadonlyMap<string, string> {
  const fields = fieldsOf(schema)
  const row = fields.find((field) => own(field, 'name') === 'before' && !('kind' in field))
  const columns = row === undefined ? fields : fieldsOf(recordIn(own(row, 'type')))
  return new Map(
    columns.flatMap((field) => {
      const [name, kind] = [own(field, 'original_name'), own(field, 'kind')]
      return typeof name === 'string' && typeof kind === 'string' ? [[name, kind] as const] : []
    }),
  )
}

function fieldsOf(schema: JsonValue | undefined): readonly JsonObject[] {
  const fields = isJsonObject(schema) ? own(schema, 'fields') : undefined
  return Array.isArray(fields) ? fields.filter((field) => isJsonObject(field)) : []
}

function recordIn(type: JsonValue | undefined): JsonValue | undefined {
  return Array.isArray(type) ? type.find((branch) => isJsonObject(branch)) : type
}
