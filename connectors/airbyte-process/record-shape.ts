import { parseLine } from '../../protocol/json-lines.ts'

const ZERO = 0x30
/** Python's own writer of JSON sets a space behind each colon. */
const dataMark = /"data": ?/
const timeMark = /, ?"emitted_at": ?(?=\d)/g

/**
 * How the lines of a stream's records are written around their data: a connector writes all of them in one
 * way. What stands before and behind the data was read once as a whole message; a line that has the same
 * bytes there differs in its data and its time only.
 */
export class RecordShape {
  readonly stream: string
  readonly namespace: string | undefined
  readonly #before: Uint8Array
  readonly #beforeTime: Uint8Array
  readonly #afterTime: Uint8Array

  private constructor(
    { stream, namespace }: { readonly stream: string; readonly namespace?: string | undefined },
    parts: readonly [before: string, beforeTime: string, afterTime: string],
  ) {
    this.stream = stream
    this.namespace = namespace
    const [before, beforeTime, afterTime] = parts.map((part) => Buffer.from(part))
    this.#before = before ?? new Uint8Array(0)
    this.#beforeTime = beforeTime ?? new Uint8Array(0)
    this.#afterTime = afterTime ?? new Uint8Array(0)
  }

  /**
   * The shape of a line that is a record, without its end; undefined if the time is not behind the data, as
   * digits, or if there is more than the usual fields.
   */
  static of(line: string): RecordShape | undefined {
    const data = dataMark.exec(line)
    const time = [...line.matchAll(timeMark)].at(-1)
    if (data === null || time === undefined || time.index < data.index) return undefined
    const [beforeTime] = time
    const before = line.slice(0, data.index + data[0].length)
    const [, digits = '', afterTime = ''] =
      /^(\d+)(.*)$/s.exec(line.slice(time.index + beforeTime.length)) ?? []
    const parsed = parseLine(`${before}{}${beforeTime}${digits}${afterTime}`)
    if (parsed.kind !== 'message' || parsed.message.type !== 'RECORD') return undefined
    const { data: nothing, meta, file_reference: file } = parsed.message.record
    if (Object.keys(nothing).length > 0 || meta !== undefined || file !== undefined)
      return undefined
    return new RecordShape(parsed.message.record, [before, beforeTime, afterTime])
  }

  /** Where the data begins in a line that begins at `start`; negative if it is written in another way. */
  dataStart(bytes: Uint8Array, start: number): number {
    return isAt(bytes, start, this.#before) ? start + this.#before.length : -1
  }

  /** Where the data ends in a line that ends at `end`; negative if it is written in another way. */
  dataEnd(bytes: Uint8Array, end: number): number {
    const digitsEnd = end - this.#afterTime.length
    if (!isAt(bytes, digitsEnd, this.#afterTime)) return -1
    let digits = digitsEnd
    while ((((bytes[digits - 1] ?? 0) - ZERO) & 0xff) <= 9) digits -= 1
    const dataEnd = digits - this.#beforeTime.length
    return digits < digitsEnd && isAt(bytes, dataEnd, this.#beforeTime) ? dataEnd : -1
  }

  /** The time of a line with this shape, in milliseconds since 1970. */
  emittedAtMs(bytes: Uint8Array, dataEnd: number): number {
    let time = 0
    for (let position = dataEnd + this.#beforeTime.length; ; position += 1) {
      const digit = (bytes[position] ?? 0) - ZERO
      if (digit >>> 0 > 9) return time
      time = time * 10 + digit
    }
  }
}

function isAt(bytes: Uint8Array, start: number, part: Uint8Array): boolean {
  if (start < 0) return false
  for (let index = 0; index < part.length; index += 1)
    if (bytes[start + index] !== part[index]) return false
  return true
}
