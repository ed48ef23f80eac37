import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../../../protocol/index.ts'

/**
 * The places of all fields of an input, however deep: `a.b`, and `a.*.b` for what is below a list or a name
 * of the caller's own.
 */
export function fieldsOf(schema: JsonValue | undefined, place = ''): readonly string[] {
  if (!isJsonObject(schema)) return []
  const { properties, items, additionalProperties, anyOf } = schema
  return [
    ...(isJsonList(anyOf) ? anyOf.flatMap((option) => fieldsOf(option, place)) : []),
    ...fieldsOf(items, inner(place, '*')),
    ...fieldsOf(additionalProperties, inner(place, '*')),
    ...Object.entries(isJsonObject(properties) ? properties : {}).flatMap(([name, property]) => [
      inner(place, name),
      ...fieldsOf(property, inner(place, name)),
    ]),
  ]
}

/**
 * The places that a value has, in the same words. A name that may be one of the caller's own is there in both
 * ways.
 */
export function givenFields(value: JsonValue, place = ''): readonly string[] {
  if (isJsonList(value)) return value.flatMap((item) => givenFields(item, inner(place, '*')))
  if (!isJsonObject(value)) return []
  return Object.entries(value).flatMap(([name, item]) =>
    [inner(place, name), inner(place, '*')].flatMap((place) => [
      place,
      ...givenFields(item, place),
    ]),
  )
}

/** Texts of a list of choices of ours that the vendor's schema does not have. */
export function textProblems(ours: JsonValue, theirs: JsonValue, place = ''): readonly string[] {
  if (!isJsonObject(ours)) return []
  const { anyOf, properties, items } = ours
  const own = [
    ...(isJsonList(ours.enum) ? ours.enum : []),
    ...('const' in ours ? [ours.const] : []),
  ]
  const options = optionsOf(theirs)
  const known = options.flatMap(({ enum: texts }) => (isJsonList(texts) ? texts : []))
  const isFree = options.some(({ type, enum: texts }) => type === 'string' && texts === undefined)
  const unknown =
    isFree || options.length === 0 ? [] : own.filter((text) => !known.includes(text ?? null))
  return [
    ...unknown.map((text) => `${place} cannot be ${JSON.stringify(text)}`),
    ...(isJsonList(anyOf) ? anyOf.flatMap((option) => textProblems(option, theirs, place)) : []),
    ...(items === undefined ? [] : textProblems(items, itemsOf(options), inner(place, '*'))),
    ...Object.entries(isJsonObject(properties) ? properties : {}).flatMap(([name, property]) =>
      textProblems(property, propertyOf(options, name), inner(place, name)),
    ),
  ]
}

function optionsOf(schema: JsonValue): readonly JsonObject[] {
  if (!isJsonObject(schema)) return []
  return isJsonList(schema.anyOf) ? schema.anyOf.filter(isJsonObject) : [schema]
}

function itemsOf(options: readonly JsonObject[]): JsonObject {
  return { anyOf: options.flatMap((option) => optionsOf(option.items ?? null)) }
}

function propertyOf(options: readonly JsonObject[], name: string): JsonObject {
  const properties = options.map((option) => option.properties).filter(isJsonObject)
  return { anyOf: properties.flatMap((each) => optionsOf(each[name] ?? null)) }
}

function inner(place: string, name: string): string {
  return place === '' ? name : `${place}.${name}`
}
