import { defaultSsl, type PostgresAddress } from '../../postgres/address.ts'
import { parsePostgresUrl } from '../../postgres/url.ts'
import type { DestinationConfig } from '../../engine/run-types.ts'
import type { FileProblem } from './file-problem.ts'
import type { RunFile } from './run-file-schema.ts'

/** Something wrong with the address: `field` is below `destination`. */
interface AddressProblem {
  readonly field: readonly string[]
  readonly problem: string
  readonly fix: string
}

/** The address of the destination from its fields or its URL. Adds to `problems` and gives undefined if something is missing. */
export function resolveDestination(
  destination: RunFile['destination'],
  problems: FileProblem[],
): DestinationConfig | undefined {
  const { url, config } = destination
  const add = ({ field, problem, fix }: AddressProblem): void => {
    problems.push({
      code: 'run_file_invalid',
      path: ['destination', ...field],
      at: 'value',
      problem,
      fix,
    })
  }
  const fromUrl = url === undefined ? {} : parsePostgresUrl(url)
  if ('problem' in fromUrl) {
    add({ field: ['url'], ...fromUrl })
    return undefined
  }
  const { schema, ...fields } = config
  for (const field of Object.keys(fields).filter((name) => Object.keys(fromUrl).includes(name))) {
    add({
      field: ['config', field],
      problem: 'is given by `url` already',
      fix: `Remove it, or leave \`${field}\` out of the URL.`,
    })
  }
  const address = addressOf({ ...fromUrl, ...fields }, add)
  return address && { type: 'postgres', address, ...(schema !== undefined && { schema }) }
}

function addressOf(
  config: Omit<RunFile['destination']['config'], 'schema'>,
  add: (problem: AddressProblem) => void,
): PostgresAddress | undefined {
  const { host = 'localhost', port = 5432, user, password, database } = config
  for (const [field, value] of Object.entries({ user, database })) {
    if (value !== undefined) continue
    const fix = `Add \`${field}\` to destination.config, or to destination.url.`
    add({ field: ['config', field], problem: 'is missing', fix })
  }
  if (user === undefined || database === undefined) return undefined
  const ssl = config.ssl ?? defaultSsl(host)
  return { host, port, user, database, ssl, ...(password !== undefined && { password }) }
}
