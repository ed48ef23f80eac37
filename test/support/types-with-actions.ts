import { connectorOf, nativeTypes } from '../../connectors/registry.ts'

/** The types of the native connectors that have actions, sorted. */
export async function typesWithActions(): Promise<readonly string[]> {
  const types: string[] = []
  for (const type of nativeTypes())
    if ((await connectorOf(type)).actions !== undefined) types.push(type)
  return types
}
