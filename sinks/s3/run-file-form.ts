import { z } from 'zod'
import { fileFields, fileOptions } from '../row-files/file-options.ts'
import type { AddProblem, RunFileForm } from '../run-file-form.ts'
import type { S3Config } from './s3-place.ts'

const text = z.string().min(1)

/** `destination.config` of a bucket. */
const s3Fields = z.strictObject({
  bucket: text
    .regex(/^[A-Za-z0-9._-]+$/, 'must be the name of a bucket, without `s3://` and a path')
    .optional(),
  prefix: z.string().optional(),
  region: text
    .regex(/^[A-Za-z0-9-]+$/, 'must be the name of a region, such as eu-central-1')
    .optional(),
  endpoint: z
    .url({ protocol: /^https?$/, error: 'must be the URL of a server: https://…' })
    .optional(),
  path_style: z.boolean().optional(),
  access_key_id: text.optional(),
  secret_access_key: text.optional(),
  session_token: text.optional(),
  ...fileFields,
})
type S3Fields = z.infer<typeof s3Fields>

export const s3Form: RunFileForm<S3Config> = {
  resolve: ({ url, config: document, environment }, { check, add }) => {
    const config = check(s3Fields, document)
    if (config === undefined) return undefined
    const place = placeOf(url, config, add)
    const keys = keysOf(config, environment, add)
    const options = fileOptions(config, { standard: 'gzip', add })
    if (place === undefined || keys === undefined || options === undefined) return undefined
    const { path_style: pathStyle } = config
    const endpoint = config.endpoint ?? textOf(environment.AWS_ENDPOINT_URL_S3)
    return {
      type: 's3',
      ...place,
      region: config.region ?? textOf(environment.AWS_REGION) ?? 'us-east-1',
      ...(endpoint !== undefined && { endpoint }),
      ...(pathStyle !== undefined && { pathStyle }),
      ...keys,
      ...options,
    }
  },
}

function placeOf(
  url: string | undefined,
  config: S3Fields,
  add: AddProblem,
): Pick<S3Config, 'bucket' | 'prefix'> | undefined {
  const fromUrl = /^s3:(?:\/\/)?([A-Za-z0-9._-]+)(?:\/(.*))?$/.exec(url ?? '')
  if (url !== undefined && fromUrl === null) {
    add({
      field: ['url'],
      problem: 'is not the address of a bucket',
      fix: 'Write `s3:BUCKET/PREFIX`.',
    })
    return undefined
  }
  if (fromUrl !== null && isGivenTwice(config, add)) return undefined
  const bucket = fromUrl?.[1] ?? config.bucket
  if (bucket !== undefined) return { bucket, prefix: prefixOf(fromUrl?.[2] ?? config.prefix ?? '') }
  const fix = 'Add `bucket` to destination.config, or `url: s3:BUCKET/PREFIX` to destination.'
  add({ field: ['config', 'bucket'], problem: 'is missing', fix })
  return undefined
}

function isGivenTwice(config: S3Fields, add: AddProblem): boolean {
  const twice = (['bucket', 'prefix'] as const).filter((field) => config[field] !== undefined)
  const fix = 'Remove it, or remove `url`.'
  for (const field of twice)
    add({ field: ['config', field], problem: 'is given by `url` already', fix })
  return twice.length > 0
}

/** `exports/shop` and `/exports/shop/` are the same folder. */
function prefixOf(prefix: string): string {
  const parts = prefix.split('/').filter((part) => part !== '')
  return parts.map((part) => `${part}/`).join('')
}

function keysOf(
  { access_key_id: keyId, secret_access_key: secret, session_token: token }: S3Fields,
  environment: Readonly<Record<string, string | undefined>>,
  add: AddProblem,
): Pick<S3Config, 'accessKeyId' | 'secretAccessKey' | 'sessionToken'> | undefined {
  const isSet = keyId !== undefined || secret !== undefined
  const accessKeyId = isSet ? keyId : textOf(environment.AWS_ACCESS_KEY_ID)
  const secretAccessKey = isSet ? secret : textOf(environment.AWS_SECRET_ACCESS_KEY)
  const sessionToken = isSet ? token : textOf(environment.AWS_SESSION_TOKEN)
  for (const [field, value] of Object.entries({
    access_key_id: accessKeyId,
    secret_access_key: secretAccessKey,
  })) {
    if (value !== undefined) continue
    const fix = `Add \`${field}\` to destination.config, or set \`AWS_${field.toUpperCase()}\`.`
    add({ field: ['config', field], problem: 'is missing', fix })
  }
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
}

function textOf(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
