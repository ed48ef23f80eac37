import { z } from 'zod'
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'

/**
 * The attribute of a property that is a column of PostgreSQL: its type there. It decides only what a new
 * table of a PostgreSQL destination gets (`types: source`). It is no part of the schema that drift,
 * fingerprints and promote tokens compare.
 */
export const postgresTypeMark = 'postgres_type'

/**
 * Types of pg_catalog whose values are read back from their text, on any server, without looking anything up.
 */
const builtInNames = [
  ...['boolean', 'smallint', 'integer', 'bigint', 'real', 'double precision', 'numeric', 'money'],
  ...['text', 'character varying', 'character', 'bpchar', 'name', '"char"', 'bytea', 'uuid'],
  ...['date', 'time', 'timestamp', 'interval', 'json', 'jsonb', 'jsonpath', 'xml', 'oid'],
  ...['inet', 'cidr', 'macaddr', 'macaddr8', 'bit', 'bit varying', 'tsvector', 'tsquery'],
  ...['point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle'],
  ...['int4range', 'int8range', 'numrange', 'daterange', 'tsrange', 'tstzrange'],
  ...['int4multirange', 'int8multirange', 'nummultirange', 'datemultirange'],
  ...['tsmultirange', 'tstzmultirange', 'pg_lsn', 'xid8', 'pg_snapshot', 'txid_snapshot'],
] as const

/**
 * A built-in type as `format_type` writes it, and nothing else: its text becomes a part of statements.
 * Length, precision and scale, the fields of an interval, the time zone.
 */
const builtIn = new RegExp(
  `^(?:${builtInNames.join('|')})(?: (?:year|month|day|hour|minute|second)(?: to (?:month|hour|minute|second))?)?(?:\\(\\d{1,9}(?:,-?\\d{1,4})?\\))?(?: with(?:out)? time zone)?$`,
)

const typeName = z.string().min(1).max(63)

const postgresType = z
  .object({
    /**
     * As `format_type` writes it for a built-in type: `numeric(10,2)`, `timestamp(3) without time zone`. For
     * an enum or a type of an extension: its name, without its schema and without quotes.
     */
    name: typeName,
    /** An array of such values. */
    array: z.literal(true).exactOptional(),
    /** The labels of an enum, in their order. */
    labels: z.array(z.string().max(63)).max(500).readonly().exactOptional(),
    /** The extension that has the type, and the type's modifier, such as `(3)` or `(Point,4326)`. */
    extension: typeName.exactOptional(),
    modifier: z
      .string()
      .regex(/^\([A-Za-z0-9_, ]{1,100}\)$/)
      .exactOptional(),
  })
  .refine(
    ({ name, labels, extension, modifier }) =>
      labels !== undefined
        ? extension === undefined && modifier === undefined
        : extension !== undefined || (modifier === undefined && builtIn.test(name)),
    'must be a type of PostgreSQL',
  )

/** A type of PostgreSQL: a built-in one, an enum, or a type of an extension. Plain data. */
export type PostgresType = Readonly<z.infer<typeof postgresType>>

/** For bookkeeping and logs that carry columns. A type that this version does not know counts as none. */
export const storedPostgresType = postgresType.optional().catch(undefined)

/** The type that a property names; undefined if it names none that is known. */
export function postgresTypeOf(property: JsonValue | undefined): PostgresType | undefined {
  if (!isJsonObject(property) || property[postgresTypeMark] === undefined) return undefined
  return parsePostgresType(property[postgresTypeMark])
}

/** Undefined for anything that is no such type. */
export function parsePostgresType(value: unknown): PostgresType | undefined {
  return postgresType.safeParse(value).data
}

/**
 * Types whose values arrive as JSON, unless they are read as PostgreSQL's own text (`asOwnText`). All other
 * types are read in one way.
 */
export function hasPortableForm({ name, array, extension }: PostgresType): boolean {
  return array === true || name === 'json' || (extension !== undefined && name === 'hstore')
}

/** The schema of a stream whose fields of these names arrive as PostgreSQL's own text. */
export function withOwnText(schema: JsonObject, fields: ReadonlySet<string>): JsonObject {
  const { properties } = schema
  if (fields.size === 0 || !isJsonObject(properties)) return schema
  const entries = Object.entries(properties).map(([name, property]) => {
    return [
      name,
      fields.has(name) && isJsonObject(property) ? asOwnText(property) : property,
    ] as const
  })
  return { ...schema, properties: Object.fromEntries(entries) }
}

/** The property of such a column as PostgreSQL's own text. */
export function asOwnText(property: JsonObject): JsonObject {
  const { type, [postgresTypeMark]: mark = null } = property
  const isNullable = !Array.isArray(type) || type.includes('null')
  return { type: isNullable ? ['null', 'string'] : 'string', [postgresTypeMark]: mark }
}
