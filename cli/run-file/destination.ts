import type { z } from 'zod'
import { defaultSsl, type PostgresAddress } from '../../postgres/address.ts'
import { parsePostgresUrl } from '../../postgres/url.ts'
import type { DestinationConfig } from '../../engine/run-types.ts'
import type { FileProblem } from './file-problem.ts'
import { type AddProblem, checkedConfig, type DestinationProblem } from './destination-problem.ts'
import { postgresConfig, type RunFile } from './run-file-schema.ts'
import { resolveTopic } from './resolve-topic.ts'

/**
 * Where the file says that rows go. Adds to `problems` and gives undefined if something is missing or wrong.
 */
export function resolveDestination(
  { destination, log }: Pick<RunFile, 'destination' | 'log'>,
  problems: FileProblem[],
): DestinationConfig | undefined {
  const add = ({ field, problem, fix }: DestinationProblem): void => {
    problems.push({
      code: 'run_file_invalid',
      path: ['destination', ...field],
      at: 'value',
      problem,
      fix,
    })
  }
  if (destination.type === 'topic') return resolveTopic({ destination, log }, problems, add)
  return resolvePostgres(destination, problems, add)
}

function resolvePostgres(
  destination: RunFile['destination'],
  problems: FileProblem[],
  add: AddProblem,
): DestinationConfig | undefined {
  const { url } = destination
  const config = checkedConfig(postgresConfig, destination.config, problems)
  const fromUrl = url === undefined ? {} : parsePostgresUrl(url)
  if ('problem' in fromUrl) {
    add({ field: ['url'], ...fromUrl })
    return undefined
  }
  if (config === undefined) return undefined
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
  config: Omit<z.infer<typeof postgresConfig>, 'schema'>,
  add: AddProblem,
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
