import type { Statistics } from 'hyparquet/src/types.js'
import type { ColumnValues } from './column-values.ts'

/** Bounds of the values, as readers use them to pass over row groups. */
export function statisticsOf(values: ColumnValues): Statistics {
  const null_count = BigInt(values.nulls)
  if (values.present === 0) return { null_count }
  return { null_count, ...bounds[values.type](values) }
}

type Bounds = Pick<Statistics, 'min_value' | 'max_value'>

const bounds: Readonly<Record<ColumnValues['type'], (values: ColumnValues) => Bounds>> = {
  boolean: ({ bytes }) => ({ min_value: !bytes.includes(0), max_value: bytes.includes(1) }),
  int32: ({ bytes, view }) => {
    let min = view.getInt32(0, true)
    let max = min
    for (let offset = 4; offset < bytes.length; offset += 4) {
      const value = view.getInt32(offset, true)
      if (value < min) min = value
      if (value > max) max = value
    }
    return { min_value: min, max_value: max }
  },
  int64: ({ bytes, view }) => {
    let min = 0
    let max = 0
    for (let offset = 8; offset < bytes.length; offset += 8) {
      if (isLess(view, offset, min)) min = offset
      if (isLess(view, max, offset)) max = offset
    }
    return { min_value: view.getBigInt64(min, true), max_value: view.getBigInt64(max, true) }
  },
  double: doubleBounds,
  bytes: byteBounds,
}

function isLess(view: DataView, left: number, right: number): boolean {
  const upper = view.getInt32(left + 4, true) - view.getInt32(right + 4, true)
  return upper === 0 ? view.getUint32(left, true) < view.getUint32(right, true) : upper < 0
}

/** Without NaN, and zero as Parquet wants it: the lower bound is -0, the upper one +0. */
function doubleBounds({ bytes, view }: ColumnValues): Bounds {
  let min = Infinity
  let max = -Infinity
  for (let offset = 0; offset < bytes.length; offset += 8) {
    const value = view.getFloat64(offset, true)
    if (value < min) min = value
    if (value > max) max = value
  }
  if (min > max) return {}
  return { min_value: min === 0 ? -0 : min, max_value: max === 0 ? 0 : max }
}

/** In the order of their bytes. Each value has its length in the four bytes before it. */
function byteBounds({ bytes: plain, dictionary }: ColumnValues): Bounds {
  const bytes = dictionary?.entries.bytes ?? plain
  let min = 4
  let max = 4
  for (let start = 4; start <= bytes.length; start += bytes.readInt32LE(start - 4) + 4) {
    if (compare(bytes, start, min) < 0) min = start
    else if (compare(bytes, start, max) > 0) max = start
  }
  return { min_value: valueAt(bytes, min), max_value: valueAt(bytes, max) }
}

function compare(bytes: Buffer, left: number, right: number): number {
  if (left === right) return 0
  const leftLength = bytes.readInt32LE(left - 4)
  const rightLength = bytes.readInt32LE(right - 4)
  const length = Math.min(leftLength, rightLength)
  for (let offset = 0; offset < length; offset++) {
    const order = (bytes[left + offset] ?? 0) - (bytes[right + offset] ?? 0)
    if (order !== 0) return order
  }
  return leftLength - rightLength
}

function valueAt(bytes: Buffer, start: number): Uint8Array {
  return Uint8Array.from(bytes.subarray(start, start + bytes.readInt32LE(start - 4)))
}
