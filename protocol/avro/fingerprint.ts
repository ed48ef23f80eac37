import type { AvroNamedSchema, AvroSchema } from './avro-types.ts'

/** The CRC-64-AVRO fingerprint of a schema: what stands in a message, and how it is written in a URL. */
export interface Fingerprint {
  /** 16 hexadecimal digits, the most significant first. */
  readonly hex: string
  /** The same 64 bits as they stand in Avro's single-object encoding: little endian. */
  readonly bytes: Uint8Array
}

/**
 * Fingerprint (Rabin, CRC-64-AVRO) of the schema's Parsing Canonical Form, as the Avro specification defines
 * both.
 */
export function fingerprintOf(schema: AvroSchema): Fingerprint {
  const crc = crc64Avro(new TextEncoder().encode(canonicalForm(schema)))
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, crc, true)
  return { hex: crc.toString(16).padStart(16, '0'), bytes }
}

/** CRC-64-AVRO of some bytes, as an unsigned 64-bit number. */
export function crc64Avro(bytes: Uint8Array): bigint {
  const table = crcTable()
  let crc = EMPTY
  for (const byte of bytes) {
    crc = (crc >> 8n) ^ (table[Number((crc ^ BigInt(byte)) & 0xffn)] ?? 0n)
  }
  return crc
}

const EMPTY = 0xc15d213aa4d7a795n

let madeTable: readonly bigint[] | undefined

function crcTable(): readonly bigint[] {
  madeTable ??= Array.from({ length: 256 }, (_, index) => {
    let crc = BigInt(index)
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ EMPTY : crc >> 1n
    return crc
  })
  return madeTable
}

/**
 * The Parsing Canonical Form: full names, only the attributes that parsing needs, in a fixed order, no white
 * space.
 */
export function canonicalForm(schema: AvroSchema): string {
  return canonical(schema, '')
}

const PRIMITIVES = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'])

function canonical(schema: AvroSchema, namespace: string): string {
  if (typeof schema === 'string') {
    return JSON.stringify(PRIMITIVES.has(schema) ? schema : fullName(schema, namespace))
  }
  if (isUnion(schema)) return `[${schema.map((branch) => canonical(branch, namespace)).join(',')}]`
  if (schema.type === 'array')
    return `{"type":"array","items":${canonical(schema.items, namespace)}}`
  if (schema.type === 'map') return `{"type":"map","values":${canonical(schema.values, namespace)}}`
  if (isNamed(schema)) return canonicalNamed(schema, namespace)
  return canonical(schema.type, namespace)
}

function canonicalNamed(schema: AvroNamedSchema, outer: string): string {
  const name = fullName(schema.name, schema.namespace ?? outer)
  const head = `{"name":${JSON.stringify(name)},"type":"${schema.type}"`
  if (schema.type === 'enum') return `${head},"symbols":${JSON.stringify(schema.symbols)}}`
  if (schema.type === 'fixed') return `${head},"size":${schema.size}}`
  const inner = name.slice(0, Math.max(0, name.lastIndexOf('.')))
  const fields = schema.fields.map(
    (field) => `{"name":${JSON.stringify(field.name)},"type":${canonical(field.type, inner)}}`,
  )
  return `${head},"fields":[${fields.join(',')}]}`
}

function isNamed(schema: Exclude<AvroSchema, string>): schema is AvroNamedSchema {
  return 'name' in schema
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema)
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
}
