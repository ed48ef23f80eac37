import { z } from 'zod'
import type { DeletePolicy } from '../../sinks/two-way/decision.ts'

const name = z.string().min(1)

/** A number that may also be the text of one: `records: ${LIMIT}` is text after the expansion. */
const number = z.union([
  z.number(),
  z
    .string()
    .regex(/^\d+(\.\d+)?$/, 'must be a number')
    .transform(Number),
])
const wholeFrom = (minimum: number): z.ZodType<number> => number.pipe(z.int().min(minimum))

/** So often a side is asked for its changes in a run without end. */
export const pollSeconds = number.pipe(z.number().min(0.1).max(86_400))

const deletePolicies = [
  'propagate',
  'soft',
  'unlink',
  'ignore',
] as const satisfies readonly DeletePolicy[]
const creates = ['both', 'a', 'b', 'none'] as const

/** The fields of the side itself are those of its kind. */
const side = z.looseObject({ type: name.default('postgres') })

const field = z.strictObject({
  name,
  a: name.optional(),
  b: name.optional(),
  references: name.optional(),
  required: z.boolean().optional(),
})

const stream = z.strictObject({
  name,
  a: z.unknown(),
  b: z.unknown(),
  match: name.optional(),
  fields: z.array(z.union([name, field])).min(1),
  deletes: z.enum(deletePolicies).optional(),
  creates: z.enum(creates).optional(),
})

/** The pair file. docs/two-way.md describes every field. */
export const pairFileSchema = z.strictObject({
  pair: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/,
      'must have only letters, digits, `-` and `_`, at most 63, and begin with a letter or digit',
    ),
  a: side,
  b: side,
  links_on: z.enum(['a', 'b']).optional(),
  rules: z.union([name, z.array(name).min(1)]),
  deletes: z.enum(deletePolicies).default('propagate'),
  creates: z.enum(creates).default('both'),
  create_limit: wholeFrom(0).default(1_000),
  delete_limit: z
    .strictObject({
      records: wholeFrom(0).default(10),
      share: number.pipe(z.number().min(0).max(1)).default(0.1),
    })
    .prefault({}),
  loop_limit: z
    .strictObject({ writes: wholeFrom(1).default(20), minutes: wholeFrom(1).default(60) })
    .prefault({}),
  sweep_minutes: number.pipe(z.number().min(0.01).max(10_080)).default(15),
  skew_tolerance_ms: wholeFrom(0).default(1_000),
  streams: z.array(stream).min(1),
})

export type PairFile = z.infer<typeof pairFileSchema>
export type PairFileStream = PairFile['streams'][number]
