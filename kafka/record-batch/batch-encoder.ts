/** A message that stands alone. Headers are encoded (`encodeHeaders`). */
export interface BatchMessage {
  readonly key: Uint8Array | null
  /** In pieces; null: a tombstone, which deletes the key if a topic is compacted. */
  readonly value: readonly Uint8Array[] | null
  readonly headers: Uint8Array
}

/**
 * A message at the beginning of buffers that are used again and again: no object a message. A length of -1 is
 * null.
 */
export interface MessageParts {
  key: Buffer
  keyLength: number
  value: Buffer
  valueLength: number
  readonly headers: Buffer
}

/** Messages that differ in key, value and a number only. */
export interface MessageRun {
  /** The values one after the other, where each ends, and their keys. */
  readonly bytes: Uint8Array
  readonly ends: Uint32Array
  readonly keys: readonly (Uint8Array | null)[] | undefined
  /** Goes before each value. */
  readonly valuePrefix: Uint8Array
  /**
   * Encoded headers up to the value of the last one, which is a number that grows by one: `firstNumber` is
   * that of the first value.
   */
  readonly headers: Uint8Array
  readonly firstNumber: number
}

const utf8 = new TextEncoder()
/** Up to here, a copy byte by byte costs less than a view. */
const shortBytes = 96
/** Attributes, timestamp and offset in the batch, four lengths, the length of a number and the number. */
const maxFixedBytes = 1 + 1 + 4 * 5 + 1 + 16

/**
 * The messages of one Kafka record batch (format v2, "Record" in Kafka's protocol), uncompressed, one after
 * the other in one growing buffer: no object a message. All have the timestamp of the batch.
 */
export class BatchEncoder {
  #bytes: Uint8Array<ArrayBuffer>
  #position = 0
  #count = 0

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity)
  }

  get count(): number {
    return this.#count
  }

  /** The size of `bytes`. */
  get size(): number {
    return this.#position
  }

  /** A view, until `restart`. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#position)
  }

  /** Starts over; a buffer that one large message has blown up is given back. */
  restart(capacity: number): void {
    this.#position = 0
    this.#count = 0
    if (this.#bytes.length > capacity * 4) this.#bytes = new Uint8Array(capacity)
  }

  message({ key, value, headers }: BatchMessage): void {
    const valueLength = value === null ? -1 : value.reduce((sum, { length }) => sum + length, 0)
    this.#begin(key?.length ?? -1, valueLength, headers.length)
    if (key !== null) this.#copy(key)
    this.#varint(valueLength)
    for (const piece of value ?? []) this.#copy(piece)
    this.#copy(headers)
  }

  /** One message; as many bytes as `sizeOf` says. */
  parts({ key, keyLength, value, valueLength, headers }: MessageParts): void {
    this.#begin(keyLength, valueLength, headers.length)
    if (keyLength > 0) this.#copyStart(key, keyLength)
    this.#varint(valueLength)
    if (valueLength > 0) this.#copyStart(value, valueLength)
    this.#copyStart(headers, headers.length)
  }

  /** The size that the message would add to `bytes`. */
  sizeOf({ keyLength, valueLength, headers }: MessageParts): number {
    const length = this.#lengthOf(keyLength, valueLength, headers.length)
    return varintBytes(length) + length
  }

  /** The messages of a run from the one with index `from` to before `to`. */
  run(run: MessageRun, from: number, to: number): void {
    const { bytes, ends, keys, valuePrefix, headers, firstNumber } = run
    let start = from === 0 ? 0 : (ends[from - 1] ?? 0)
    for (let index = from; index < to; index++) {
      const end = ends[index] ?? start
      const number = firstNumber + index
      const digits = countDigits(number)
      const valueLength = valuePrefix.length + end - start
      // The length of a number, zigzag, is one byte.
      const key = keys?.[index] ?? null
      this.#begin(key?.length ?? -1, valueLength, headers.length + 1 + digits)
      if (key !== null) this.#copy(key)
      this.#varint(valueLength)
      this.#copy(valuePrefix)
      this.#copy(bytes.subarray(start, end))
      this.#copy(headers)
      this.#bytes[this.#position++] = digits * 2
      this.#digits(number, digits)
      start = end
    }
  }

  /** Everything up to where the key begins. */
  #begin(keyLength: number, valueLength: number, headersLength: number): void {
    const length = this.#lengthOf(keyLength, valueLength, headersLength)
    this.#reserve(length + maxFixedBytes)
    this.#varint(length)
    this.#bytes[this.#position++] = 0 // attributes
    this.#bytes[this.#position++] = 0 // the batch's timestamp
    this.#varint(this.#count)
    this.#varint(keyLength)
    this.#count += 1
  }

  /** The length of the message, without the number itself. */
  #lengthOf(keyLength: number, valueLength: number, headersLength: number): number {
    return (
      2 +
      varintBytes(this.#count) +
      varintBytes(keyLength) +
      Math.max(0, keyLength) +
      varintBytes(valueLength) +
      Math.max(0, valueLength) +
      headersLength
    )
  }

  #copyStart(from: Buffer, length: number): void {
    if (length > shortBytes) {
      // Unlike `set`, it needs no view, which is an object a message.
      from.copy(this.#bytes, this.#position, 0, length)
      this.#position += length
      return
    }
    const bytes = this.#bytes
    let position = this.#position
    for (let index = 0; index < length; index++) bytes[position++] = from[index] ?? 0
    this.#position = position
  }

  #copy(from: Uint8Array): void {
    this.#bytes.set(from, this.#position)
    this.#position += from.length
  }

  #varint(value: number): void {
    let rest = zigzag(value)
    while (rest > 0x7f) {
      this.#bytes[this.#position++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#bytes[this.#position++] = rest
  }

  #digits(number: number, count: number): void {
    let rest = number
    for (let position = this.#position + count - 1; position >= this.#position; position--) {
      const tenth = Math.floor(rest / 10)
      this.#bytes[position] = 0x30 + rest - tenth * 10
      rest = tenth
    }
    this.#position += count
  }

  #reserve(count: number): void {
    if (this.#bytes.length - this.#position >= count) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#position + count))
    grown.set(this.#bytes.subarray(0, this.#position))
    this.#bytes = grown
  }
}

/** The message adds no more than that to `bytes`. */
export function mostBytesOf({ keyLength, valueLength, headers }: MessageParts): number {
  return maxFixedBytes + Math.max(0, keyLength) + Math.max(0, valueLength) + headers.length
}

/** Headers as a message ends with them: their number, then names and values, each with its length. */
export function encodeHeaders(headers: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(headers)
  const texts = entries.flat().map((text) => utf8.encode(text))
  return Buffer.concat([
    Uint8Array.from(varint(entries.length)),
    ...texts.flatMap((bytes) => [Uint8Array.from(varint(bytes.length)), bytes]),
  ])
}

/** Headers up to the value of the last one, which has this name (`MessageRun.headers`). */
export function encodeHeadersBefore(
  headers: Readonly<Record<string, string>>,
  last: string,
): Uint8Array {
  const whole = encodeHeaders({ ...headers, [last]: '' })
  return whole.subarray(0, whole.length - 1)
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = zigzag(value)
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return [...bytes, rest]
}

/** 32 bits, small numbers of either sign first. */
function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0
}

function varintBytes(value: number): number {
  const bits = 32 - Math.clz32(zigzag(value))
  return bits < 8 ? 1 : Math.ceil(bits / 7)
}

function countDigits(number: number): number {
  let digits = 1
  for (let bound = 10; bound <= number; bound *= 10) digits += 1
  return digits
}
