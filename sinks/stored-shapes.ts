import { z } from 'zod'
import { storedPostgresType, type Column, type ColumnKind } from '../protocol/index.ts'
import type { TableNote } from './sink.ts'

// How a destination stores columns and notes in its bookkeeping, as JSON.

const kinds = {
  boolean: true,
  integer: true,
  number: true,
  double: true,
  string: true,
  date: true,
  timestamptz: true,
  timestamp: true,
  timetz: true,
  time: true,
  bytes: true,
  json: true,
} as const satisfies Record<ColumnKind, true>

const kind = z.custom<ColumnKind>(
  (value) => typeof value === 'string' && Object.hasOwn(kinds, value),
)

export const columnsSchema: z.ZodType<readonly Column[]> = z.array(
  z.object({ name: z.string(), kind, postgres_type: storedPostgresType }),
)

const noted = z.object({ column: z.string(), type: z.string() })

export const notesSchema: z.ZodType<readonly TableNote[]> = z.array(
  z.discriminatedUnion('kind', [
    noted.extend({
      kind: z.literal('added'),
      again: z.literal(true).exactOptional(),
      replaced: z.literal(true).exactOptional(),
    }),
    noted.extend({ kind: z.literal('widened'), was: z.string() }),
    noted.extend({ kind: z.literal('kept'), source: z.string() }),
    noted.extend({ kind: z.literal('left') }),
  ]),
)
