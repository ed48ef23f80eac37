import { z } from 'zod'
import type { JsonValue } from '../../protocol/index.ts'
import { syncSettings } from '../continuation.ts'
import type { CommittedCounts } from '../sink.ts'
import { columnsSchema, notesSchema } from '../stored-shapes.ts'

const number = z.number()
const texts = z.array(z.string())

export const storedCounts: z.ZodType<CommittedCounts> = z.object({
  loaded: number,
  rejected: number,
  nulled: number,
  cut: number,
})

export const runRecord = z.object({
  run: number,
  /** False: running, or killed, or stopped; then the next start continues it. */
  ended: z.boolean(),
  /** Null if runs have no keys. */
  key: z.string().nullable(),
  /** Counts the starts: the newest one has the connection. */
  start: number,
  startedAtMs: number,
  startedBy: z.string(),
})
export type RunRecord = z.infer<typeof runRecord>

/** JSON.parse returns nothing else. */
const state = z.custom<JsonValue>((value) => value !== undefined)

const sliceRecord = z.object({
  slice: z.string(),
  partition: number,
  /** The last sync that had the slice in its plan. */
  plannedSync: number,
  state: state.nullable(),
  /** Records of this sync that the state covers: loaded + rejected. */
  seq: number,
  loaded: number,
  rejected: number,
  complete: z.boolean(),
  /** The counts of all syncs in its run that no run has reported. */
  untold: storedCounts,
})
export type SliceRecord = z.infer<typeof sliceRecord>

const commonRecord = z.object({
  connection: z.string(),
  namespace: z.string().nullable(),
  name: z.string(),
  settings: syncSettings,
  /** The columns of the last attempt. */
  columns: columnsSchema,
  /** 0: it was forgotten. */
  run: number,
  /** The start whose attempt has the stream. */
  start: number,
  syncId: number,
  generationId: number,
  /** The fence, with the attempt. */
  epoch: number,
  attempt: z.string(),
  attemptKeys: texts,
  complete: z.boolean(),
  /** The start that began the sync. */
  syncStart: number,
  startedAtMs: number,
  tableNotes: notesSchema,
  /** They speak of a read from the checkpoints: they go when the stream is read from the beginning. */
  readWarnings: texts,
  /** They speak of what was done to the rows, and stay true. */
  beginWarnings: texts,
  /** The counts that syncs before the sync of the slices committed. */
  untoldCounts: storedCounts,
  /** The run that reported the stream's notes, warnings and counts, and ended. */
  toldRun: number.nullable(),
  slices: z.array(sliceRecord),
  positions: z.array(z.object({ partition: number, next: z.string(), columns: columnsSchema })),
})

/** A stream, as its last `begin`, commit or finish left it. `facts`: those of the destination. */
export type StreamRecord<Facts> = z.infer<typeof commonRecord> & { readonly facts: Facts }

export function streamRecord<Facts>(facts: z.ZodType<Facts>): z.ZodType<StreamRecord<Facts>> {
  return commonRecord.and(z.object({ facts }))
}
