import { z } from 'zod'
import { defaultSsl, type PostgresAddress } from '../../postgres/address.ts'
import { parsePostgresUrl } from '../../postgres/url.ts'
import type { JsonObject } from '../../protocol/index.ts'
import { jsonObjectSchema } from '../../protocol/json-object.ts'
import type { RunFileForm } from '../run-file-form.ts'
import { instanceChoices } from './instance-choices.ts'
import type { InstanceConfig } from './instance-place.ts'
import { writeRule } from './mapping/write-rules.ts'

/** `destination.config` of an instance. */
const instanceFields = z.strictObject({
  connector: z.string().min(1),
  name: z.string().min(1).default('instance'),
  config: jsonObjectSchema,
  /** A database of yours, for what was sent: `postgres://…`. */
  store: z.string().min(1),
  writes: z.array(writeRule).default([]),
  write_deletes: z.enum(instanceChoices.writeDeletes).default('keep'),
  write_mode: z.enum(instanceChoices.writeMode).default('fast'),
  allowed_networks: z.array(z.string()).default([]),
})

export const instanceForm: RunFileForm<InstanceConfig> = {
  resolve: ({ url, config: document }, { check, add }) => {
    const config = check(instanceFields, document)
    if (config === undefined) return undefined
    if (url !== undefined) {
      const fix = 'Remove it: `config` describes the instance.'
      add({ field: ['url'], problem: 'is not used by a destination of type `instance`', fix })
      return undefined
    }
    const store = addressOf(config.store)
    if ('problem' in store) {
      add({ field: ['config', 'store'], ...store })
      return undefined
    }
    return {
      type: 'instance',
      instance: config.name,
      connector: config.connector,
      config: config.config,
      secrets: textsOf(config.config),
      allowedNetworks: config.allowed_networks,
      store,
      rules: config.writes,
      options: { deletes: config.write_deletes, mode: config.write_mode },
    }
  },
}

function addressOf(
  url: string,
): PostgresAddress | { readonly problem: string; readonly fix: string } {
  const parsed = parsePostgresUrl(url)
  if ('problem' in parsed) return parsed
  const { host = '127.0.0.1', port = 5432, database = 'postgres', user = 'postgres' } = parsed
  return { ...parsed, host, port, database, user, ssl: parsed.ssl ?? defaultSsl(host) }
}

/** Any text of the configuration may be a secret: which are is not known here. */
function textsOf(config: JsonObject): readonly string[] {
  return Object.values(config).filter(
    (value) => typeof value === 'string' && value.length > 8,
  ) as string[]
}
