import { ConnectError } from '../../protocol/index.ts'
import { descriptorDocument } from '../../service/catalog/schema.ts'
import type { ApiClient } from '../client/api-client.ts'
import { apiPath } from '../client/api-path.ts'
import { usageError } from '../usage-error.ts'

/**
 * Does the work with an instance. If there is none of this name, but a connector is called so, the error says
 * how to see its actions, or the one that was meant. Throws `usage`.
 */
export async function withInstance<Result>(
  client: ApiClient,
  instance: string,
  work: () => Promise<Result>,
  action?: string,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ConnectError) || error.code !== 'instance_not_found') throw error
    if (!(await isConnector(client, instance))) throw error
    const shown = action === undefined ? instance : `${instance} ${action}`
    const what = action === undefined ? 'its actions' : 'the action'
    throw usageError(
      `There is no instance ${instance}: ${instance} is a connector`,
      `Run \`reactor connect catalog show ${shown}\` to see ${what}, and \`reactor connect instances list --type ${instance}\` for its instances.`,
      error,
    )
  }
}

async function isConnector(client: ApiClient, type: string): Promise<boolean> {
  const request = { method: 'GET', path: apiPath('catalog', type) } as const
  // If there is no response, the first error is the one to show.
  return client.ask(request, descriptorDocument).then(
    () => true,
    () => false,
  )
}
