import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'

/** Recorded by record.ts; its README says what the files are. */
const folder = join(import.meta.dirname, '../fixtures/topics')

const message = z.object({
  partition: z.number(),
  offset: z.number(),
  headers: z.record(z.string(), z.string()),
  key: z.base64().nullable(),
  value: z.base64().nullable(),
})

export interface RecordedMessage {
  readonly partition: number
  readonly offset: number
  readonly headers: Readonly<Record<string, string>>
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/** The topics of streams that were recorded. */
export function recordedTopics(): readonly string[] {
  return globSync('*.table.jsonl.gz', { cwd: folder })
    .map((file) => basename(file, '.table.jsonl.gz'))
    .toSorted()
}

/** Partition by partition, in the order of their offsets. */
export function recordedMessages(topic: string): readonly RecordedMessage[] {
  return linesIn(topic).map((line) => {
    const { key, value, ...rest } = message.parse(JSON.parse(line))
    return { ...rest, key: bytes(key), value: bytes(value) }
  })
}

/** The rows of the table that the destination had at the end, as JSON. */
export function recordedTable(topic: string): readonly string[] {
  return linesIn(`${topic}.table`)
}

function bytes(base64: string | null): Buffer | null {
  return base64 === null ? null : Buffer.from(base64, 'base64')
}

function linesIn(name: string): readonly string[] {
  const text = gunzipSync(readFileSync(join(folder, `${name}.jsonl.gz`))).toString()
  return text.split('\n').filter((line) => line !== '')
}
