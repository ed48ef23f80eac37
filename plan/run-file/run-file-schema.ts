import { z } from 'zod'
import { connectionChoices } from '../streams/connection-choices.ts'
import { storageDefaults } from '../../storage/storage-config.ts'
import { httpUrl } from '../../lib/net/address-fields.ts'
import { bucketName } from '../setting-types.ts'
import { definitionList, streamRules, tablePattern } from '../streams/stream-rules-schema.ts'
import { transformText } from '../streams/transform-text.ts'
import { brokersField, saslField } from '../../kafka/kafka-fields.ts'
import { destinationTypes } from '../../sinks/registry.ts'

const syncMode = z.enum(connectionChoices.syncMode)
const destinationSyncMode = z.enum(connectionChoices.destinationSyncMode)
const name = z.string().min(1)
const columnNames = z
  .union([name, z.array(name).min(1)])
  .transform((value) => (typeof value === 'string' ? [value] : value))

/** A number that may also be the text of one: `port: ${PORT}` is text after the expansion. */
const wholeNumber = z.union([
  z.number(),
  z.string().regex(/^\d+$/, 'must be a whole number').transform(Number),
])
const atLeast = (minimum: number): z.ZodType<number> => wholeNumber.pipe(z.int().min(minimum))

const jsonObject = z.record(z.string(), z.unknown())

const kafka = z.strictObject({
  brokers: brokersField.default(['localhost:9092']),
  framing: z.enum(connectionChoices.framing).default('block'),
  ssl: z.boolean().default(false),
  topics_per_connection: z.boolean().default(false),
  sasl: saslField.optional(),
})

const storage = z.strictObject({
  url: httpUrl,
  api_key: name,
  access_key_id: name.default(storageDefaults.accessKeyId),
  bucket: bucketName.default(storageDefaults.bucket),
  region: name.default(storageDefaults.region),
})

const streamFields = z.strictObject({
  name,
  sync_mode: syncMode.optional(),
  destination_sync_mode: destinationSyncMode.optional(),
  cursor_field: name.optional(),
  primary_key: columnNames.optional(),
  transform: transformText.optional(),
  ...streamRules,
})

/** The run file. docs/run-file.md describes every field. */
export const runFileSchema = z.strictObject({
  connection: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/,
      'must have only letters, digits, `-` and `_`, at most 63, and begin with a letter or digit',
    ),
  source: z
    .strictObject({
      type: name.optional(),
      manifest: name.optional(),
      config: jsonObject.default({}),
    })
    .refine(({ type, manifest }) => (type === undefined) !== (manifest === undefined), {
      error: 'needs either `type`, a connector by its name, or `manifest`, a file',
    }),
  destination: z.strictObject({
    type: z.enum(destinationTypes),
    config: jsonObject.default({}),
    url: name.optional(),
  }),
  functions: z.strictObject({ url: httpUrl, api_key: name.optional() }).optional(),
  log: z.union([z.enum(connectionChoices.log), z.strictObject({ kafka })]).default('embedded'),
  defaults: z
    .strictObject({
      sync_mode: syncMode.optional(),
      destination_sync_mode: destinationSyncMode.optional(),
      cursor_field: name.optional(),
    })
    .default({}),
  storage: storage.optional(),
  streams: z
    .union([z.literal('all'), z.array(z.union([name, streamFields])).min(1)])
    .default('all'),
  continuous: z.boolean().default(false),
  metadata: z.enum(connectionChoices.metadata).default('full'),
  types: z.enum(connectionChoices.types).optional(),
  with: definitionList.optional(),
  deletes: z.enum(connectionChoices.deletes).optional(),
  schema_drift: z.enum(connectionChoices.fileSchemaDrift).optional(),
  table: tablePattern.optional(),
  mask_key: z.string().min(16, 'must have at least 16 characters').optional(),
  limits: z
    .strictObject({
      parallel_lanes: atLeast(1).optional(),
      partitions_per_stream: atLeast(1).optional(),
      commit_bytes: atLeast(64 * 1024).optional(),
      commit_ms: atLeast(1).optional(),
      worker_heap_mb: atLeast(64).optional(),
    })
    .default({}),
})

export type RunFile = z.infer<typeof runFileSchema>
export type KafkaFields = z.infer<typeof kafka>

/** The Kafka settings of `log: kafka` and `--log kafka`: a broker on this machine. */
export const defaultKafka: KafkaFields = kafka.parse({})

/** The names of the fields at a path, for "did you mean"; undefined if any name is allowed. */
export function knownFields(path: readonly PropertyKey[]): readonly string[] | undefined {
  return fieldsAt(runFileSchema, path)
}

/** The same of another schema. */
export function fieldsAt(
  root: z.core.$ZodType,
  path: readonly PropertyKey[],
): readonly string[] | undefined {
  const fieldSchema = path.reduce<z.core.$ZodType | undefined>(
    (schema, part) => schema && child(schema, part),
    root,
  )
  const object = fieldSchema && objectOf(fieldSchema)
  return object && Object.keys(object.def.shape)
}

function child(schema: z.core.$ZodType, part: PropertyKey): z.core.$ZodType | undefined {
  if (typeof part === 'string') return objectOf(schema)?.def.shape[part]
  for (const option of alternatives(schema))
    if (option instanceof z.ZodArray) return option.def.element
  return undefined
}

function objectOf(schema: z.core.$ZodType): z.ZodObject<z.core.$ZodShape> | undefined {
  for (const option of alternatives(schema)) if (option instanceof z.ZodObject) return option
  return undefined
}

/** The schemas under optional, default and union. */
function alternatives(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return alternatives(schema.def.innerType)
  if (schema instanceof z.ZodUnion)
    return schema.def.options.flatMap((option) => alternatives(option))
  return [schema]
}
