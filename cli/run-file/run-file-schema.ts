import { z } from 'zod'
import { connectionChoices } from '../../service/connections/choices.ts'
import { storageDefaults } from '../../engine/log/stored/storage-config.ts'
import {
  baseUrl,
  bucketName,
  hostAndPort,
  httpUrl,
} from '../../service/platform/config/setting-types.ts'
import { streamRules, tablePattern } from '../../service/connections/stream-rules-schema.ts'
import { transformText } from '../../service/connections/transform-text.ts'
import { hostRule, isHost, sslModes } from '../../postgres/address.ts'

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
const port = wholeNumber.pipe(z.int().min(1).max(65_535))
const ssl = z.enum(sslModes)

const jsonObject = z.record(z.string(), z.unknown())

/** `destination.config` of a PostgreSQL database. */
export const postgresConfig = z.strictObject({
  host: name.refine(isHost, hostRule).optional(),
  port: port.optional(),
  user: name.optional(),
  password: z.string().optional(),
  database: name.optional(),
  schema: name.optional(),
  ssl: ssl.optional(),
})

/** `a:9092,b:9092` or a list. */
const brokers = z
  .union([name, z.array(name).min(1)])
  .transform((value) =>
    typeof value === 'string' ? value.split(',').map((broker) => broker.trim()) : value,
  )
  .refine(
    (list) => list.every((broker) => hostAndPort.safeParse(broker).success),
    'must be HOST:PORT, or a list of them',
  )

const sasl = z.strictObject({
  mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
  username: name,
  password: z.string(),
})

const kafka = z.strictObject({
  brokers: brokers.default(['localhost:9092']),
  framing: z.enum(connectionChoices.framing).default('block'),
  ssl: z.boolean().default(false),
  topics_per_connection: z.boolean().default(false),
  sasl: sasl.optional(),
})

/** `destination.config` of topics. */
export const topicConfig = z.strictObject({
  topic: name.optional(),
  partitions: atLeast(1).optional(),
  format: z.enum(connectionChoices.format).optional(),
  envelope: z.enum(connectionChoices.envelope).optional(),
  brokers: brokers.optional(),
  ssl: z.boolean().optional(),
  sasl: sasl.optional(),
  schema_registry_url: baseUrl.optional(),
  schema_registry_username: name.optional(),
  schema_registry_password: z.string().optional(),
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
    type: z.enum(['postgres', 'topic']),
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
  metadata: z.enum(connectionChoices.metadata).default('full'),
  types: z.enum(connectionChoices.types).optional(),
  deletes: z.enum(connectionChoices.deletes).optional(),
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
