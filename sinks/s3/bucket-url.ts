import { fileFieldsOf, resolvePlace } from '../place-url.ts'
import { s3Form } from './run-file-form.ts'
import type { S3Config } from './s3-place.ts'

export const bucketUrlForm = 's3://KEY_ID:SECRET@BUCKET/PREFIX?region=REGION'

/**
 * A bucket with its login and the options of its files, as a setting names it. A problem shows no value: the
 * URL has the secret.
 */
export function parseBucketUrl(text: string): S3Config | { readonly problem: string } {
  const url = URL.parse(text)
  if (url?.protocol !== 's3:' || url.hostname === '')
    return { problem: `is not of the form ${bucketUrlForm}` }
  const { path_style: pathStyle, ...query } = Object.fromEntries(url.searchParams)
  const login = { access_key_id: url.username, secret_access_key: url.password }
  const config = {
    ...Object.fromEntries(
      Object.entries(login)
        .filter(([, value]) => value !== '')
        .map(([name, value]) => [name, decodeURIComponent(value)]),
    ),
    ...fileFieldsOf(query),
    ...(pathStyle !== undefined && { path_style: pathStyle === 'true' }),
  }
  return resolvePlace(s3Form, {
    url: `s3:${url.hostname}${decodeURIComponent(url.pathname)}`,
    config,
  })
}
