import type { Schema } from 'avsc'
import { stringifyExact } from '../exact-json.ts'
import type { RecordValue } from '../json.ts'
import { avsc } from './avsc.ts'
import { exactLongs } from './decode-block.ts'

/**
 * Shows data of a schema, which is given as text, as JSON for people: moments are numbers, as on the wire;
 * bytes are base64.
 */
export function datumTexts(schemaText: string): (datum: Uint8Array) => string {
  const type = avsc().Type.forSchema(JSON.parse(schemaText) as Schema, { typeHook: exactLongs() })
  return (datum) => stringifyExact(shown(type.fromBuffer(Buffer.from(datum))))
}

/** avsc gives records as instances of classes of its own. */
function shown(value: unknown): RecordValue {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(shown)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shown(inner)]))
  if (typeof value === 'string' || typeof value === 'number') return value
  if (typeof value === 'boolean' || typeof value === 'bigint') return value
  return null
}
