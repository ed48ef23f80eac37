import { z } from 'zod'
import {
  defaultSsl,
  hostRule,
  isHost,
  type PostgresAddress,
  sslModes,
} from '../../postgres/address.ts'
import type { JsonObject } from '../../protocol/index.ts'
import { jsonObjectSchema } from '../../protocol/json-object.ts'
import { parsePostgresUrl } from '../../postgres/url.ts'
import type { AddProblem, RunFileForm } from '../run-file-form.ts'
import type { PostgresConfig } from './postgres-place.ts'

const name = z.string().min(1)

/** A number that may also be the text of one: `port: ${PORT}` is text after the expansion. */
const port = z
  .union([z.number(), z.string().regex(/^\d+$/, 'must be a whole number').transform(Number)])
  .pipe(z.int().min(1).max(65_535))

/** `destination.config` of a PostgreSQL database. */
const postgresFields = z.strictObject({
  host: name.refine(isHost, hostRule).optional(),
  port: port.optional(),
  user: name.optional(),
  password: z.string().meta({ airbyte_secret: true }).optional(),
  database: name.optional(),
  schema: name.optional(),
  ssl: z.enum(sslModes).optional(),
})

/** The JSON Schema (draft 7) of these fields, for Airbyte's `spec`. */
export function postgresDestinationSpec(): JsonObject {
  return jsonObjectSchema.parse(z.toJSONSchema(postgresFields, { io: 'input', target: 'draft-7' }))
}

export const postgresForm: RunFileForm<PostgresConfig> = {
  resolve: ({ url, config: document }, { check, add }) => {
    const config = check(postgresFields, document)
    const fromUrl = url === undefined ? {} : parsePostgresUrl(url)
    if ('problem' in fromUrl) {
      add({ field: ['url'], ...fromUrl })
      return undefined
    }
    if (config === undefined) return undefined
    const { schema, ...fields } = config
    for (const field of Object.keys(fields).filter((key) => Object.keys(fromUrl).includes(key))) {
      add({
        field: ['config', field],
        problem: 'is given by `url` already',
        fix: `Remove it, or leave \`${field}\` out of the URL.`,
      })
    }
    const address = addressOf({ ...fromUrl, ...fields }, add)
    return address && { type: 'postgres', address, ...(schema !== undefined && { schema }) }
  },
  // It may hold the password.
  secretOfUrl: (url) => url,
}

function addressOf(
  config: Omit<z.infer<typeof postgresFields>, 'schema'>,
  add: AddProblem,
): PostgresAddress | undefined {
  const { host = 'localhost', port: number = 5432, user, password, database } = config
  for (const [field, value] of Object.entries({ user, database })) {
    if (value !== undefined) continue
    const fix = `Add \`${field}\` to destination.config, or to destination.url.`
    add({ field: ['config', field], problem: 'is missing', fix })
  }
  if (user === undefined || database === undefined) return undefined
  const ssl = config.ssl ?? defaultSsl(host)
  return { host, port: number, user, database, ssl, ...(password !== undefined && { password }) }
}
