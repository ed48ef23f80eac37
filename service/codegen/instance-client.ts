import type { Service } from '../service.ts'
import { generateClient } from './generate-client.ts'
import type { StoredName } from './kept-names.ts'
import { readTemplate } from './template-text.ts'

/** The typed client of an instance, from its streams as discover gives them. Throws what discover throws. */
export async function instanceClient(
  { instances, catalog }: Pick<Service, 'instances' | 'catalog'>,
  name: string,
  options: { readonly refresh: boolean; readonly names?: readonly StoredName[] },
): Promise<string> {
  const { type } = await instances.get(name)
  const { actions } = await catalog.get(type)
  const { refresh, names = [] } = options
  const discovered = await instances.discover(name, { refresh })
  const input = { instance: name, type, catalog: discovered.catalog, actions, names }
  return generateClient(input, await readTemplate())
}
