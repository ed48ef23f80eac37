import type { ColumnKind } from '../columns.ts'
import type { AvroSchema } from './avro-types.ts'

/** JSON text. */
export const json: AvroSchema = { type: 'string', logicalType: 'json' }

const avroTypes: Readonly<Record<ColumnKind, AvroSchema>> = {
  boolean: 'boolean',
  integer: 'long',
  number: 'string',
  double: 'double',
  string: 'string',
  date: { type: 'int', logicalType: 'date' },
  timestamptz: { type: 'long', logicalType: 'timestamp-micros' },
  timestamp: { type: 'long', logicalType: 'local-timestamp-micros' },
  timetz: 'string',
  time: { type: 'long', logicalType: 'time-micros' },
  bytes: 'bytes',
  json,
}

/** The type of a value of this kind. */
export function avroTypeOf(kind: ColumnKind): AvroSchema {
  return avroTypes[kind]
}

/**
 * Names that Avro allows, all different, none of them one of our `own` fields. Legal names stay as they are.
 */
export function avroNames(names: readonly string[], own: readonly string[]): string[] {
  const isFree = (name: string): boolean => isLegal(name) && !own.includes(name)
  const taken = new Set<string>([...own, ...names.filter(isFree)])
  return names.map((name) => {
    if (isFree(name)) return name
    const base = avroName(name)
    let candidate = base
    for (let n = 2; taken.has(candidate); n++) candidate = `${base}_${n}`
    taken.add(candidate)
    return candidate
  })
}

/** Any text as an Avro name. */
export function avroName(text: string): string {
  return text.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=[0-9]|$)|^__proto__$/, '_')
}

/** `__proto__` is a legal Avro name, but JavaScript readers lose such a field. */
function isLegal(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && name !== '__proto__'
}
