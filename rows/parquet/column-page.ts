import type { ColumnValues } from './column-values.ts'

/** The levels of a data page: which of its rows have a value. */
export function levelBytes({ rows, nulls, levels }: ColumnValues): Buffer {
  if (nulls === 0 || nulls === rows) return Buffer.from([...varint(rows * 2), nulls === 0 ? 1 : 0]) // one run of the same level
  return Buffer.concat([Buffer.from(varint(levels.length * 2 + 1)), levels])
}

/** The values of a data page without a dictionary. */
export function plainBytes({ type, bytes }: ColumnValues): Buffer {
  if (type !== 'boolean') return bytes
  const bits = Buffer.alloc((bytes.length + 7) >>> 3)
  for (let index = 0; index < bytes.length; index++)
    if (bytes[index] === 1) bits[index >>> 3] = (bits[index >>> 3] ?? 0) | (1 << (index & 7))
  return bits
}

/** The values of a data page as numbers of dictionary entries, packed into as few bits as they need. */
export function idBytes(ids: Int32Array, entries: number): Buffer {
  const width = entries <= 1 ? 1 : 32 - Math.clz32(entries - 1)
  const groups = (ids.length + 7) >>> 3
  const head = Buffer.from([width, ...varint(groups * 2 + 1)])
  const bytes = Buffer.alloc(head.length + groups * width)
  head.copy(bytes)
  let offset = head.length
  let bits = 0
  let count = 0
  for (const id of ids) {
    bits |= id << count
    count += width
    while (count >= 8) {
      bytes[offset++] = bits & 0xff
      bits >>>= 8
      count -= 8
    }
  }
  if (count > 0) bytes[offset] = bits & 0xff
  return bytes
}

function varint(value: number): readonly number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80)
  return [...bytes, rest]
}
