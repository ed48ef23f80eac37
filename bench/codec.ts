import { BlockEncoder, type EncodedBlock } from '../protocol/avro/block-encoder.ts'
import { CopyTranscoder } from '../sinks/postgres/load/avro-to-copy.ts'
import { LoadLosses } from '../sinks/postgres/load/load-losses.ts'
import { SeenFacts } from '../sinks/postgres/load/seen-facts.ts'
import { columnTypeOf } from '../sinks/postgres/tables/column-types.ts'
import type { CopyFormat } from '../sinks/postgres/load/copy-format.ts'
import { ByteOutput } from '../sinks/wire/byte-output.ts'
import { benchColumns, benchRecord, copyLineOf } from './bench-records.ts'
import { median } from './statistics.ts'

export interface CodecOptions {
  readonly rows: number
  readonly rounds: number
}

export interface CodecFigures {
  readonly rows: number
  /** Bytes of a row as COPY text and on the wire. */
  readonly copyTextBytes: number
  readonly wireBytes: number
  /** Medians of the rounds, on one thread. */
  readonly microsecondsPerRow: {
    /** The read worker's roads: JS objects, and COPY text, to wire blocks. */
    readonly encodeObjects: number
    readonly encodeCopyText: number
    /** The sink worker's: wire blocks to COPY text and to binary COPY. */
    readonly decodeToCopyText: number
    readonly decodeToBinary: number
  }
}

const emittedAtMs = Date.UTC(2026, 0, 1)
const chunkBytes = 128 * 1024

/**
 * The three codecs that every row meets, without any I/O. The two roads to the wire must give the same bytes.
 */
export function benchCodec(options: CodecOptions, print: (line: string) => void): CodecFigures {
  const records = Array.from({ length: options.rows }, (_, index) => benchRecord(index + 1))
  const lines = Buffer.from(records.map(copyLineOf).join(''))
  const roads = {
    encodeObjects: () =>
      encode(records.length, (encoder, from) => encoder.records(records, from, emittedAtMs)),
    encodeCopyText: () =>
      encode(lines.length, (encoder, from) => encoder.copyText(lines, from, emittedAtMs)),
  }
  const blocks = roads.encodeCopyText()
  if (!sameBytes(roads.encodeObjects(), blocks))
    throw new Error('objects and COPY text give different bytes')
  const timed = {
    ...roads,
    decodeToCopyText: () => decode(blocks, 'text'),
    decodeToBinary: () => decode(blocks, 'binary'),
  }
  const names = ['encodeObjects', 'encodeCopyText', 'decodeToCopyText', 'decodeToBinary'] as const
  const times = {
    encodeObjects: [0],
    encodeCopyText: [0],
    decodeToCopyText: [0],
    decodeToBinary: [0],
  }
  // The first round lets the compiler settle and is not counted.
  for (let round = 0; round <= options.rounds; round++) {
    for (const name of names) {
      const started = performance.now()
      timed[name]()
      const microseconds = ((performance.now() - started) * 1_000) / options.rows
      if (round === 0) times[name] = []
      else times[name].push(microseconds)
    }
    print(round === 0 ? 'warm-up' : `round ${String(round)}`)
  }
  const wireBytes = blocks.reduce((sum, { bytes }) => sum + bytes.length, 0)
  return {
    rows: options.rows,
    copyTextBytes: lines.length / options.rows,
    wireBytes: wireBytes / options.rows,
    microsecondsPerRow: {
      encodeObjects: median(times.encodeObjects),
      encodeCopyText: median(times.encodeCopyText),
      decodeToCopyText: median(times.decodeToCopyText),
      decodeToBinary: median(times.decodeToBinary),
    },
  }
}

function encode(
  length: number,
  step: (encoder: BlockEncoder, from: number) => number,
): EncodedBlock[] {
  const encoder = new BlockEncoder({ columns: benchColumns, maxRecordBytes: 8 * 1024 * 1024 })
  const blocks: EncodedBlock[] = []
  for (let from = 0; from < length;) {
    from = step(encoder, from)
    const block = encoder.take()
    if (block !== undefined) blocks.push(block)
    if (encoder.takeRejection() !== undefined) throw new Error('a record was rejected')
  }
  return blocks
}

/** As a lane that appends, with minimal metadata. Returns the bytes of the COPY. */
function decode(blocks: readonly EncodedBlock[], format: CopyFormat): number {
  const output = new ByteOutput(Buffer.allocUnsafeSlow(chunkBytes * 2))
  const transcoder = new CopyTranscoder(
    output,
    benchColumns.map((column) => ({
      ...column,
      target: { name: column.name, held: columnTypeOf(column.kind) },
    })),
    {
      format,
      seen: new SeenFacts(benchColumns.length),
      losses: new LoadLosses(),
      keyFields: [],
      tail: {
        idFacts: ['bench'],
        syncId: 1,
        generationId: 1,
        metadata: 'minimal',
        hasMeta: false,
        isStaged: false,
      },
    },
  )
  let row = 0
  let bytes = 0
  for (const block of blocks) {
    transcoder.open({ slice: '', seq: row, ...block }, row)
    row += block.count
    for (let outcome = ''; outcome !== 'done';) {
      outcome = transcoder.pump(chunkBytes, row)
      if (outcome.startsWith('needs')) throw new Error('a value was changed on its way')
      bytes += output.offset
      output.offset = 0
    }
  }
  return bytes
}

function sameBytes(left: readonly EncodedBlock[], right: readonly EncodedBlock[]): boolean {
  const all = (blocks: readonly EncodedBlock[]): Buffer =>
    Buffer.concat(blocks.map(({ bytes }) => bytes))
  return all(left).equals(all(right))
}

export function codecTable(figures: CodecFigures): string {
  const { encodeObjects, encodeCopyText, decodeToCopyText, decodeToBinary } =
    figures.microsecondsPerRow
  const line = (name: string, microseconds: number): string =>
    `${name.padEnd(28)} ${microseconds.toFixed(2)} us a row  ${Math.round(1e6 / microseconds).toLocaleString('en')} rows/s`
  return [
    `${figures.rows.toLocaleString('en')} rows of ${String(benchColumns.length)} columns: ${figures.copyTextBytes.toFixed(0)} bytes as COPY text, ${figures.wireBytes.toFixed(0)} on the wire; one thread`,
    line('objects to the wire', encodeObjects),
    line('COPY text to the wire', encodeCopyText),
    line('the wire to COPY text', decodeToCopyText),
    line('the wire to binary COPY', decodeToBinary),
    '',
  ].join('\n')
}
