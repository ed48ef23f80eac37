import { writeUuid, type BinaryType } from '../../../protocol/avro/copy-binary-fields.ts'
import type { RecordBlock } from '../../sink.ts'
import type { ByteOutput } from '../../wire/byte-output.ts'
import { WireReader } from '../../wire/wire-reader.ts'
import type { CopyRows } from '../../../protocol/avro/copy-rows.ts'
import type { CopyColumn } from './copy-format.ts'
import { encodingOf } from './binary-columns.ts'
import { BinaryFields } from './binary-fields.ts'
import { BinaryRowTail } from './binary-row-tail.ts'
import { tailColumns, type BlockWriter, type RowFacts } from './copy-format.ts'
import type { KeyRejections } from './key-rejections.ts'
import type { SeenFacts } from './seen-facts.ts'

/** The step for a field: small integers, so that the switch of the inner loop is a jump. */
const steps = { copy: 0, skip: 1, int4: 2, float8: 3, json: 4, uuid: 5, int2: 6, widen: 7 } as const

/** A call of `set` takes as long as a loop over this number of bytes. */
const fewBytes = 128
/** Longest field of a fixed size, with its length: a UUID as text. */
const fixedBytes = 40

/**
 * Makes rows of the source's binary COPY those of the destination's: most types are the same on both sides,
 * and their fields are copied together. The columns of the destination are those that we would have created,
 * or have the types of the source (`takesBinary`).
 *
 * Only for what needs no second look: a row that has something to say of its values, or cannot become one, is
 * left to the records that BlockEncoder makes of it. So there is one place that knows what is lost.
 */
export class RowsTranscoder implements BlockWriter {
  readonly #out: ByteOutput
  readonly #wire = new WireReader()
  readonly #fields: BinaryFields
  readonly #columns: readonly CopyColumn[]
  readonly #seen: SeenFacts
  readonly #rejections: KeyRejections | undefined
  readonly #tail: BinaryRowTail
  readonly #fieldsPerRow: number
  #steps: Uint8Array = new Uint8Array(0)
  #rowsLeft = 0
  #rowNumber = 0
  readonly #row = { seq: 0, extractedAtMs: 0, order: 0, changes: '', missing: [] }

  constructor(
    out: ByteOutput,
    columns: readonly CopyColumn[],
    { tail, seen, rejections }: RowFacts,
  ) {
    this.#out = out
    this.#columns = columns
    this.#seen = seen
    this.#rejections = rejections
    const inTable = columns.filter(({ target }) => target !== undefined)
    this.#fieldsPerRow = inTable.length + tailColumns(tail).length
    this.#fields = new BinaryFields(out, this.#wire, this.#fieldsPerRow)
    this.#tail = new BinaryRowTail(out, tail)
  }

  /** Whether rows of these types can be rows of the table. */
  takes({ types }: CopyRows): boolean {
    return types.every((type, column) => stepOf(type, this.#columns[column]) !== undefined)
  }

  open({ bytes, count, seq, slice, copy }: RecordBlock, firstRow: number): void {
    if (copy === undefined) throw new TypeError('a block of rows')
    this.#wire.open(bytes)
    this.#rowsLeft = count
    this.#rowNumber = firstRow
    this.#row.seq = seq
    this.#row.extractedAtMs = copy.emittedAtMs
    this.#tail.setSlice(slice)
    this.#rejections?.setSlice(slice)
    this.#steps = Uint8Array.from(
      copy.types,
      (type, column) => stepOf(type, this.#columns[column]) ?? steps.skip,
    )
  }

  skip(rows: number): void {
    const { view } = this.#wire
    for (let row = 0; row < rows; row++) {
      let position = this.#wire.offset + 2
      for (let field = this.#steps.length; field > 0; field--)
        position += 4 + Math.max(0, view.getInt32(position))
      this.#wire.offset = position
      this.#endRow()
    }
  }

  pump(fullAt: number, untilRow: number): 'full' | 'done' | 'needs records' {
    const row = this.#row
    while (this.#rowsLeft > 0 && this.#rowNumber < untilRow) {
      const start = this.#out.offset
      if (start >= fullAt) return 'full'
      this.#fieldsOfRow()
      row.order = this.#rowNumber
      this.#tail.write(row)
      this.#endRow()
      const reason = this.#rejections?.takeReason()
      if (reason === undefined && !this.#fields.stripped) continue
      this.#fields.stripped = false
      this.#out.offset = start
      return 'needs records'
    }
    return 'done'
  }

  get lastRow(): number {
    return this.#rowNumber - 1
  }

  get consumed(): number {
    return this.#wire.offset
  }

  #endRow(): void {
    this.#row.seq++
    this.#rowNumber++
    this.#rowsLeft--
  }

  /** 10 to 15 ns a field that is copied (2026-11, one core). */
  #fieldsOfRow(): void {
    const wire = this.#wire
    const { view } = wire
    const { nulls, values } = this.#seen
    const count = this.#steps.length
    if (view.getInt16(wire.offset) !== count) throw new TypeError('a row has other fields')
    this.#out.reserve(2)
    this.#fields.beginRow()
    let position = wire.offset + 2
    let copyFrom = position
    for (let column = 0; column < count; column++) {
      const length = view.getInt32(position)
      const step = this.#steps[column] ?? steps.copy
      const isNull = length < 0
      if (isNull) {
        nulls[column] = 1
        this.#rejections?.noteNull(column)
      } else values[column] = 1
      const next = isNull ? position + 4 : position + 4 + length
      if (step !== steps.copy && (!isNull || step === steps.skip)) {
        this.#copy(copyFrom, position)
        this.#convert(step, position + 4, length)
        copyFrom = next
      }
      position = next
    }
    this.#copy(copyFrom, position)
    wire.offset = position
  }

  #copy(start: number, end: number): void {
    if (start === end) return
    const out = this.#out
    const { input, view } = this.#wire
    out.reserve(end - start)
    const { bytes, view: target } = out
    let to = out.offset
    out.offset = to + end - start
    if (end - start > fewBytes) {
      bytes.set(input.subarray(start, end), to)
      return
    }
    let position = start
    for (; position <= end - 8; position += 8, to += 8) {
      target.setInt32(to, view.getInt32(position))
      target.setInt32(to + 4, view.getInt32(position + 4))
    }
    while (position < end) bytes[to++] = input[position++] ?? 0
  }

  #convert(step: number, position: number, length: number): void {
    this.#out.reserve(fixedBytes)
    const { view } = this.#wire
    switch (step) {
      case steps.int4:
        this.#fields.int8(view.getInt32(position))
        return
      case steps.float8:
        this.#fields.float8(view.getFloat64(position))
        return
      case steps.json:
        this.#wire.offset = position
        this.#fields.document(length)
        return
      case steps.uuid:
        this.#uuid(position)
        return
      case steps.int2:
        this.#fields.int8(view.getInt16(position))
        return
      case steps.widen:
        this.#fields.int4(view.getInt16(position))
        return
    }
  }

  /** As its text. */
  #uuid(position: number): void {
    const out = this.#out
    out.view.setInt32(out.offset, 36)
    out.offset = writeUuid(this.#wire.input, position, { bytes: out.bytes, to: out.offset + 4 })
  }
}

/** Types that are others in a table without types of the source: bigint, numeric, text and jsonb. */
const converted: Readonly<Partial<Record<BinaryType, number>>> = {
  int2: steps.int2,
  int4: steps.int4,
  float8: steps.float8,
  json: steps.json,
  uuid: steps.uuid,
}

/** Undefined if the field cannot become one of the column: the records of its block can. */
function stepOf(type: BinaryType, column: CopyColumn | undefined): number | undefined {
  if (column?.target === undefined) return steps.skip
  const encoding = encodingOf(column)
  if (encoding === 'usual') return converted[type] ?? steps.copy
  if (encoding === type) return steps.copy
  return encoding === 'int4' && type === 'int2' ? steps.widen : undefined
}
