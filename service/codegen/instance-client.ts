import type { Service } from '../service.ts'
import { generateClient } from './generate-client.ts'
import { readTemplate } from './template-text.ts'

/** The typed client of an instance, from its streams as discover gives them. Throws what discover throws. */
export async function instanceClient(
  { instances, catalog }: Pick<Service, 'instances' | 'catalog'>,
  name: string,
  options: { readonly refresh: boolean },
): Promise<string> {
  const { type } = await instances.get(name)
  const { actions } = await catalog.get(type)
  const discovered = await instances.discover(name, options)
  const input = { instance: name, type, catalog: discovered.catalog, actions }
  return generateClient(input, await readTemplate())
}
