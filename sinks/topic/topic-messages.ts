import { z } from 'zod'
import type { SyncMode } from '../sink.ts'

/**
 * The contents of the messages other than rows and checkpoints, defined once: the writers' types and
 * docs/asyncapi.json are made from these. docs/topic-destination.md (Promises to readers) says what may
 * change in them.
 */

/** Header values are text. */
const count = z.string().regex(/^\d{1,16}$/)
const whole = z.int().min(0)

/** The headers of rows and tombstones. */
export const rowHeaders = z.object({
  'connect-sync': count.meta({ description: 'Grows with every sync of the stream' }),
  'connect-generation': count.meta({ description: 'Grows with every overwrite of the stream' }),
})

export function rowHeadersOf({
  syncId,
  generationId,
}: {
  readonly syncId: number
  readonly generationId: number
}): z.input<typeof rowHeaders> {
  return { 'connect-sync': String(syncId), 'connect-generation': String(generationId) }
}

/** The key of the messages about a stream: connection, namespace, name. */
export const streamMessageKey = z.tuple([z.string(), z.string().nullable(), z.string()])

const modes = [
  'append',
  'append_dedup',
  'overwrite',
  'overwrite_dedup',
] as const satisfies readonly SyncMode[]

const ofStream = {
  connection: z.string(),
  namespace: z.string().nullable(),
  stream: z.string(),
  topic: z.string().meta({ description: 'That has the rows' }),
}

const ofSync = {
  ...ofStream,
  mode: z.enum(modes),
  sync_id: whole,
  generation_id: whole,
  at: z.iso.datetime(),
}

/** `connect-control`. */
export const controlValues = {
  sync_started: z.object({ type: z.literal('sync_started'), ...ofSync }),
  sync_complete: z.object({
    type: z.literal('sync_complete'),
    ...ofSync,
    loaded: whole,
    rejected: whole,
    deleted: whole.meta({ description: 'Keys of older generations that got a tombstone' }),
  }),
} as const

export type ControlValue = z.input<(typeof controlValues)[keyof typeof controlValues]>

/** `connect-rejected`. */
export const rejectedRowValue = z.object({
  ...ofStream,
  sync_id: whole,
  generation_id: whole,
  slice: z.string(),
  seq: whole.meta({ description: 'Number of the record in its slice and sync, from 0' }),
  reason: z.string(),
  key: z.string().exactOptional().meta({ description: 'The primary key as canonical JSON' }),
  rejected_at: z.iso.datetime(),
})

export type RejectedRowValue = z.input<typeof rejectedRowValue>
