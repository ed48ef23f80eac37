/**
 * The messages of `pgoutput`, PostgreSQL's own format of changes, protocol 1: a transaction comes as a whole,
 * after its commit. Numbers are big-endian, texts end in a zero byte. Only the parts that come once a
 * transaction or once a table become objects; rows are read where they are (change-tuple.ts).
 */
export const messageTypes = {
  begin: 0x42,
  commit: 0x43,
  origin: 0x4f,
  relation: 0x52,
  type: 0x59,
  insert: 0x49,
  update: 0x55,
  delete: 0x44,
  truncate: 0x54,
  message: 0x4d,
} as const

export interface BeginMessage {
  /** Where the record of the commit begins: it orders transactions. */
  readonly commitLsn: bigint
  /** Microseconds since 2000-01-01. */
  readonly committedAt: bigint
  readonly xid: number
}

export interface RelationColumn {
  readonly name: string
  /** It belongs to the replica identity. */
  readonly isKey: boolean
  readonly type: number
  readonly modifier: number
}

/** A table as the changes that follow have it. */
export interface Relation {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** `d` primary key, `i` index, `f` full, `n` nothing. */
  readonly identity: string
  readonly columns: readonly RelationColumn[]
}

export interface TruncateMessage {
  readonly relations: readonly number[]
}

/** `start`: behind the type of the message. */
export function readBegin(bytes: Buffer, start: number): BeginMessage {
  return {
    commitLsn: bytes.readBigUInt64BE(start),
    committedAt: bytes.readBigInt64BE(start + 8),
    xid: bytes.readUInt32BE(start + 16),
  }
}

/** Returns where the next transaction can begin at the earliest. */
export function readCommitEnd(bytes: Buffer, start: number): bigint {
  return bytes.readBigUInt64BE(start + 9)
}

/** The name of the replication origin. */
export function readOrigin(bytes: Buffer, start: number): string {
  return textAt(bytes, start + 8).text
}

export function readRelation(bytes: Buffer, start: number): Relation {
  const oid = bytes.readUInt32BE(start)
  const schema = textAt(bytes, start + 4)
  const name = textAt(bytes, schema.end)
  const identity = String.fromCharCode(bytes[name.end] ?? 0)
  const count = bytes.readUInt16BE(name.end + 1)
  const columns: RelationColumn[] = []
  let offset = name.end + 3
  for (let index = 0; index < count; index++) {
    const isKey = ((bytes[offset] ?? 0) & 1) === 1
    const column = textAt(bytes, offset + 1)
    columns.push({
      name: column.text,
      isKey,
      type: bytes.readUInt32BE(column.end),
      modifier: bytes.readInt32BE(column.end + 4),
    })
    offset = column.end + 8
  }
  // The catalog's own schema has no name here.
  return { oid, schema: schema.text || 'pg_catalog', name: name.text, identity, columns }
}

export function readTruncate(bytes: Buffer, start: number): TruncateMessage {
  const count = bytes.readUInt32BE(start)
  const relations = Array.from({ length: count }, (_, index) =>
    bytes.readUInt32BE(start + 5 + 4 * index),
  )
  return { relations }
}

function textAt(bytes: Buffer, start: number): { readonly text: string; readonly end: number } {
  const end = bytes.indexOf(0, start)
  if (end < 0) throw new RangeError('a text without an end')
  return { text: bytes.toString('utf8', start, end), end: end + 1 }
}
