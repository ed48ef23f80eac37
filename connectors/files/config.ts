import { z } from 'zod'
import { parseConfig, specOf } from '../connector-config.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import { csvEncodings } from '../../rows/read-csv.ts'

export const fileFormats = ['jsonl', 'csv', 'parquet', 'avro'] as const
export const compressions = ['none', 'gzip', 'zstd'] as const
/** The types that a column can be declared with. */
export const columnTypes = [
  'boolean',
  'integer',
  'number',
  'double',
  'string',
  'date',
  'timestamp',
  'timestamptz',
  'json',
] as const

const character = z.string('must be one character').length(1, 'must be one character')
const names = z.array(z.string().min(1), 'must be a list of names').min(1, 'must have a name')

const csv = z.strictObject({
  delimiter: character.default(',').meta({ description: 'Default: a comma; a tab for `.tsv`.' }),
  quote: z
    .string('must be one character')
    .max(1, 'must be one character, or empty')
    .default('"')
    .meta({ description: 'Empty: nothing is quoted.' }),
  escape: character.optional().meta({
    description: 'Stands before a quote that is a part of the text. Default: the quote itself.',
  }),
  header: z
    .union([z.boolean(), names], 'must be true, false or a list of names')
    .default(true)
    .meta({
      description:
        'true: the first line has the names. false: columns are column_1, column_2, …. A list: these are the names, and the first line is a row.',
    }),
  encoding: z.enum(csvEncodings, `must be one of ${csvEncodings.join(', ')}`).default('utf-8'),
  null_values: z
    .array(z.string(), 'must be a list of texts')
    .default([''])
    .meta({ description: 'Texts that are null if they are not quoted. Default: the empty text.' }),
  skip_lines: z
    .int('must be a whole number')
    .min(0)
    .default(0)
    .meta({ description: 'Lines before the header that are no part of the table.' }),
  infer_types: z
    .boolean('must be true or false')
    .default(true)
    .meta({ description: 'false: all columns are text.' }),
})
export type CsvConfig = z.infer<typeof csv>

const format = z
  .enum(['auto', ...fileFormats], 'must be auto, jsonl, csv, parquet or avro')
  .meta({ title: 'Format', description: 'auto: by the ending of each name.' })
const compression = z
  .enum(['auto', ...compressions], 'must be auto, none, gzip or zstd')
  .meta({ title: 'Compression', description: 'auto: by the first bytes of each file.' })

const fileStream = z.strictObject({
  name: z.string('must be text').min(1).meta({ order: 0 }),
  globs: z
    .array(z.string().min(1), 'must be a list of patterns')
    .min(1, 'must have a pattern')
    .meta({
      description:
        'Patterns of paths below the prefix or folder: `*` is a part of a name, `**` any folders, `?` one character, `{a,b}` one of several.',
      order: 1,
    }),
  format: format.default('auto'),
  compression: compression.default('auto'),
  csv: csv.optional(),
  primary_key: names.optional().meta({
    description: 'Default: the file and the number of the row in it.',
  }),
  columns: z
    .record(z.string(), z.enum(columnTypes, `must be one of ${columnTypes.join(', ')}`))
    .optional()
    .meta({
      description:
        'Types of columns, by their names: they win over what the first rows look like, and are there even if no sampled file has them.',
    }),
  metadata_prefix: z.string('must be text').min(1).default('_file').meta({
    description:
      'The beginning of the names of the columns that say where a row is from: `_file`, `_file_modified_at`, `_file_row`.',
  }),
})
export type FileStream = z.infer<typeof fileStream>

/** Both places have these. */
const common = {
  streams: z
    .array(fileStream, 'must be a list of streams')
    .min(1, 'must name at least one stream; leave it out for one stream for each folder')
    .optional()
    .meta({
      title: 'Streams',
      description: 'Default: one for each folder below the prefix, and for each file in it.',
      order: 20,
    }),
  csv: csv
    .optional()
    .meta({ title: 'CSV', description: 'For streams without their own.', order: 21 }),
  on_file_error: z.enum(['fail', 'skip'], 'must be "fail" or "skip"').default('fail').meta({
    title: 'When a file cannot be read',
    description:
      'fail: the other files are read, then the stream fails and names the file; the next run tries it again. skip: a warning names it, and it is not read again unless it changes.',
    order: 22,
  }),
  sample_files: z.int('must be a whole number').min(1).max(1000).default(10).meta({
    title: 'Sampled files',
    description: 'The columns of a stream are those of this many files, the oldest and the newest.',
    order: 23,
  }),
  late_minutes: z.number('must be a number').min(0).max(10_080).default(60).meta({
    title: 'How late a file may appear',
    description:
      'A file can appear with a time of modification in the past (an upload in parts has the time at which it began). An incremental read finds it if it is not older than the newest file by more than this.',
    order: 24,
  }),
}

const s3ConfigSchema = z.strictObject({
  bucket: z
    .string('must be the name of a bucket')
    .min(1, 'must be the name of a bucket')
    .regex(/^[A-Za-z0-9._-]+$/, 'must be the name of a bucket, without `s3://` and a path')
    .meta({ title: 'Bucket', order: 0 }),
  prefix: z
    .string('must be text')
    .default('')
    .meta({ title: 'Prefix', description: 'Only keys that begin with it: `exports/`.', order: 1 }),
  region: z
    .string('must be text')
    .regex(/^[A-Za-z0-9-]+$/, 'must be the name of a region, such as eu-central-1')
    .default('us-east-1')
    .meta({ title: 'Region', order: 2 }),
  endpoint: z
    .url({ protocol: /^https?$/, error: 'must be the URL of a server: https://…' })
    .optional()
    .meta({
      title: 'Endpoint',
      description: 'For a service other than Amazon S3, such as `https://minio.example.com`.',
      order: 3,
    }),
  path_style: z.boolean('must be true or false').optional().meta({
    title: 'Bucket in the path',
    description: 'Default: true with an endpoint, false without.',
    order: 4,
  }),
  access_key_id: z.string('must be text').min(1).optional().meta({
    title: 'Access key id',
    description: 'Without keys only a public bucket can be read.',
    order: 5,
  }),
  secret_access_key: z
    .string('must be text')
    .min(1)
    .optional()
    .meta({ title: 'Secret access key', airbyte_secret: true, order: 6 }),
  session_token: z
    .string('must be text')
    .min(1)
    .optional()
    .meta({ title: 'Session token', airbyte_secret: true, order: 7 }),
  ...common,
})
export type S3Config = z.infer<typeof s3ConfigSchema>

const folderConfigSchema = z.strictObject({
  folder: z
    .string('must be the path of a folder')
    .min(1, 'must be the path of a folder')
    .regex(/^\//, 'must be an absolute path')
    .meta({ title: 'Folder', order: 0 }),
  ...common,
})
export type FolderConfig = z.infer<typeof folderConfigSchema>

/** The configuration without its place. */
export type FilesConfig = Pick<S3Config, keyof typeof common>

export const s3Spec = specOf(s3ConfigSchema)
export const folderSpec = specOf(folderConfigSchema)

export function parseS3Config(config: JsonObject): S3Config {
  const parsed = parseConfig('s3', s3ConfigSchema, config)
  const { access_key_id: id, secret_access_key: secret } = parsed
  if ((id === undefined) === (secret === undefined)) return parsed
  const missing = id === undefined ? 'access_key_id' : 'secret_access_key'
  throw new ConnectError('source_config_invalid', {
    details: { connector: 's3', problems: `\`${missing}\` is missing, and the other half is set` },
  })
}

export function parseFolderConfig(config: JsonObject): FolderConfig {
  return parseConfig('file', folderConfigSchema, config)
}

/** The defaults of CSV. */
export const standardCsv = csv.parse({})

/** The defaults of a stream. */
export function standardStream(name: string, globs: readonly string[]): FileStream {
  return fileStream.parse({ name, globs })
}
