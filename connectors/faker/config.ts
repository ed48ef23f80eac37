import { tmpdir } from 'node:os'
import { isAbsolute, relative } from 'node:path'
import { z } from 'zod'
import { parseConfig, specOf } from '../connector-config.ts'
import type { JsonObject } from '../../protocol/index.ts'

const positive = z.int('must be a whole number').min(1, 'must be at least 1')

const fail = z
  .strictObject({
    at_row: z
      .int('must be a whole number')
      .min(0)
      .meta({ description: 'The first row (from 0) that is not emitted.' }),
    kind: z
      .enum(
        ['error', 'config_error', 'exit', 'out_of_memory', 'hang'],
        'must be one of "error", "config_error", "exit", "out_of_memory", "hang"',
      )
      .meta({
        description:
          'error, config_error: the read fails. exit: the thread ends. out_of_memory: the heap is filled. hang: nothing happens any more, not even a stop.',
      }),
    times: positive.optional().meta({ description: 'How often it happens. Default: always.' }),
    // A user who may configure a source may not write files wherever the process can.
    counter_file: z
      .string()
      .refine(isTemporary, 'must be in the folder for temporary files')
      .optional()
      .meta({
        description:
          'Where the failures are counted, one byte each, so that the count outlives the process: a path in the folder for temporary files.',
      }),
  })
  .refine(({ times, counter_file }) => times === undefined || counter_file !== undefined, {
    message: 'is needed with `times`',
    path: ['counter_file'],
  })

const fakerStream = z.strictObject({
  name: z.string('must be text').min(1),
  namespace: z.string().optional(),
  rows: z.int('must be a whole number').min(0).meta({ description: 'Raise it to add rows.' }),
  columns: z.enum(['typical', 'narrow'], 'must be "typical" or "narrow"').default('typical').meta({
    description: 'typical: 12 columns of all common types. narrow: id, name, updated_at.',
  }),
  row_bytes: positive.optional().meta({
    description:
      'Pads the text of every row so that it is about this many bytes as JSON (typical: at least 365).',
  }),
  slices: positive
    .max(256)
    .default(1)
    .meta({ description: 'Parts that are read at the same time.' }),
  state_every: positive.default(5_000).meta({ description: 'Rows between two states.' }),
  rows_per_second: positive.optional(),
  fail: fail.optional(),
})
export type FakerStream = z.infer<typeof fakerStream>

const fakerConfig = z.strictObject({
  seed: z.int('must be a whole number').default(0),
  streams: z
    .array(fakerStream, 'must be a list of streams')
    .min(1, 'must name at least one stream'),
})
export type FakerConfig = z.infer<typeof fakerConfig>

export const fakerSpec = specOf(fakerConfig)

function isTemporary(path: string): boolean {
  const inside = relative(tmpdir(), path)
  return isAbsolute(path) && inside !== '' && !inside.startsWith('..') && !isAbsolute(inside)
}

export function parseFakerConfig(config: JsonObject): FakerConfig {
  return parseConfig('faker', fakerConfig, config)
}
