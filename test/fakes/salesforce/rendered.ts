import type { JsonObject, JsonValue } from '../../../protocol/index.ts'
import type { FieldDefinition, ObjectDefinition } from './objects.ts'
import type { Row, Value } from './soql.ts'

/** A record as the REST API shows it. */
export function shownRecord(
  object: ObjectDefinition,
  row: Row,
  { columns, root }: { readonly columns: readonly string[]; readonly root: string },
): JsonObject {
  const fields = new Map(object.fields.map((field) => [field.name, field]))
  const values = columns.map((name): [string, JsonValue] => {
    const field = fields.get(name)
    return [name, field === undefined ? null : shownValue(field, { object, row, root })]
  })
  const url = `${root}/sobjects/${object.name}/${String(row.Id)}`
  return { attributes: { type: object.name, url }, ...Object.fromEntries(values) }
}

function shownValue(
  { name, type }: FieldDefinition,
  {
    object,
    row,
    root,
  }: { readonly object: ObjectDefinition; readonly row: Row; readonly root: string },
): JsonValue {
  const value = row[name] ?? null
  if (type === 'address' || type === 'location') return partsOf(object, row, name)
  if (value === null) return null
  if (type === 'base64') return `${root}/sobjects/${object.name}/${String(row.Id)}/${name}`
  return type === 'datetime' ? String(value).replace(/Z$/, '+0000') : value
}

function partsOf({ fields }: ObjectDefinition, row: Row, compound: string): JsonValue {
  const prefix = compound.replace(/Address$/, '')
  const parts = fields.filter(({ compoundFieldName }) => compoundFieldName === compound)
  const shown = parts.map(({ name }): [string, JsonValue] => {
    const own = name.slice(prefix.length)
    return [own.charAt(0).toLowerCase() + own.slice(1), row[name] ?? null]
  })
  return shown.every(([, value]) => value === null) ? null : Object.fromEntries(shown)
}

/** Rows of a result of the Bulk API: everything in quotes, null is empty. */
export function csvOf(columns: readonly string[], rows: readonly Row[]): string {
  const line = (values: readonly Value[]): string =>
    `${values.map((value) => (value === null ? '""' : `"${String(value).replaceAll('"', '""')}"`)).join(',')}\n`
  return [line(columns), ...rows.map((row) => line(columns.map((name) => row[name] ?? null)))].join(
    '',
  )
}

/** describeGlobal has no fields. */
export function describedObject({ fields, ...object }: ObjectDefinition, root: string): JsonObject {
  const urls = {
    sobject: `${root}/sobjects/${object.name}`,
    describe: `${root}/sobjects/${object.name}/describe`,
  }
  const rights = { createable: true, updateable: true, deletable: true, undeletable: true }
  const hasLayout = fields.length > 2
  const facts = { retrieveable: true, searchable: true, layoutable: hasLayout, triggerable: true }
  const others = { activateable: false, customSetting: false, deprecatedAndHidden: false }
  return { ...object, ...rights, ...facts, ...others, labelPlural: `${object.label}s`, urls }
}

export function describedFully(object: ObjectDefinition, root: string): JsonObject {
  const fields = object.fields.map(({ referenceTo, picklistValues, ...field }) => ({
    ...field,
    referenceTo: [...referenceTo],
    polymorphicForeignKey: referenceTo.length > 1,
    picklistValues: picklistValues.map((option) => ({ ...option, label: option.value })),
    soapType: soapTypes[field.type] ?? 'xsd:string',
  }))
  return { ...describedObject(object, root), fields, childRelationships: [], recordTypeInfos: [] }
}

const soapTypes: Readonly<Record<string, string>> = {
  id: 'tns:ID',
  boolean: 'xsd:boolean',
  int: 'xsd:int',
  double: 'xsd:double',
  currency: 'xsd:double',
  percent: 'xsd:double',
  date: 'xsd:date',
  datetime: 'xsd:dateTime',
  time: 'xsd:time',
  base64: 'xsd:base64Binary',
}
