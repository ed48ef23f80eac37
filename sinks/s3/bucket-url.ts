import type { FormProblem } from '../run-file-form.ts'
import { s3Form } from './run-file-form.ts'
import type { S3Config } from './s3-place.ts'

const form = 's3://KEY_ID:SECRET@BUCKET/PREFIX?region=REGION'

/**
 * A bucket with its login and the options of its files, as a setting names it. A problem shows no value: the
 * URL has the secret.
 */
export function parseBucketUrl(text: string): S3Config | { readonly problem: string } {
  const url = URL.parse(text)
  if (url?.protocol !== 's3:' || url.hostname === '')
    return { problem: `is not of the form ${form}` }
  const query = Object.fromEntries(url.searchParams)
  const { file_mb: size, path_style: pathStyle, column, by, ...rest } = query
  const login = { access_key_id: url.username, secret_access_key: url.password }
  const partition = column === undefined ? {} : { partition_by: { column, ...(by && { by }) } }
  const config = {
    ...Object.fromEntries(
      Object.entries(login)
        .filter(([, value]) => value !== '')
        .map(([name, value]) => [name, decodeURIComponent(value)]),
    ),
    ...rest,
    ...partition,
    ...(size !== undefined && { file_mb: Number(size) }),
    ...(pathStyle !== undefined && { path_style: pathStyle === 'true' }),
  }
  return resolve(`s3:${url.hostname}${decodeURIComponent(url.pathname)}`, config)
}

function resolve(address: string, config: object): S3Config | { readonly problem: string } {
  const problems: Pick<FormProblem, 'field' | 'problem'>[] = []
  const resolved = s3Form.resolve(
    {
      url: address,
      config,
      logServers: { brokers: [], ssl: false },
      folder: '/',
      environment: {},
    },
    {
      add: (problem) => problems.push(problem),
      check: (schema, document) => {
        const parsed = schema.safeParse(document)
        for (const { path, message } of parsed.error?.issues ?? [])
          problems.push({ field: path.map(String), problem: message })
        return parsed.data
      },
    },
  )
  if (resolved !== undefined && problems.length === 0) return resolved
  const [first] = problems
  return { problem: `has a wrong ${first?.field.at(-1) ?? 'part'}: ${first?.problem ?? form}` }
}
