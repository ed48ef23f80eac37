import { z } from 'zod'
import { errorBodySchema } from '../../protocol/errors/error-body.ts'

const fields = z.array(z.string())
const text = z.string().nullable()

export const comparisonInput = z
  .strictObject({
    streams: fields.min(1).exactOptional().meta({ description: 'Only these streams.' }),
    examples: z.int().min(0).max(1_000).default(5).meta({
      description:
        'How many keys of each kind of difference are shown, if you may see rows (`connections:sandbox-rows`).',
    }),
    values: z.boolean().default(false).meta({
      description:
        'Also show values of rows that differ, if you may see rows. Never those of masked columns.',
    }),
    second_look: z.boolean().default(true).meta({
      description: 'Report only rows that still differ three seconds later.',
    }),
  })
  .meta({ id: 'ComparisonRequest' })

const example = z.object({
  key: z.array(text),
  columns: z
    .array(
      z.object({
        name: z.string(),
        source: text.exactOptional(),
        destination: text.exactOptional(),
      }),
    )
    .exactOptional(),
})

const stream = z.object({
  name: z.string(),
  namespace: text,
  table: text,
  status: z.enum(['equal', 'different', 'refused', 'failed', 'stopped']).meta({
    description:
      'refused: it cannot be compared, `error` says why. stopped: the time was over before its end.',
  }),
  key: fields.meta({ description: 'Empty: only whole rows are compared.' }),
  rows: z.object({ source: z.number(), destination: z.number() }),
  missing: z.number(),
  extra: z.number(),
  different: z.number(),
  explained: z.number().meta({
    description: 'Rows that differ only in values that the load has changed and noted.',
  }),
  columns: z.array(z.object({ name: z.string(), rows: z.number() })),
  examined: z.number().meta({ description: 'Different rows that were looked at by column.' }),
  not_compared: z.array(z.object({ field: z.string(), reason: z.string() })),
  examples: z.object({
    missing: z.array(example),
    extra: z.array(example),
    different: z.array(example),
  }),
  notes: fields,
  repair: z.object({ reason: z.string(), commands: fields }).nullable(),
  error: errorBodySchema.nullable(),
})

export const comparisonDocument = z
  .object({
    connection: z.string(),
    result: z.enum(['equal', 'different', 'incomplete']).meta({
      description:
        'incomplete: no row is known to differ, and some streams were not compared to their end.',
    }),
    streams: z.array(stream),
  })
  .meta({ id: 'Comparison' })
export type ComparisonDocument = z.output<typeof comparisonDocument>
