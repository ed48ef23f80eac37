import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  standardLimits,
  type ProcessDefinition,
} from '../../connectors/airbyte-process/definition.ts'
import { importedProcess } from '../../connectors/catalog.ts'

export const fakeSource = new URL('../fakes/airbyte/fake-source.ts', import.meta.url).pathname

/** How the fake source is started. */
export function fakeDefinition(options: Partial<ProcessDefinition> = {}): ProcessDefinition {
  return {
    name: 'fake',
    title: 'Fake source',
    command: [process.execPath, fakeSource],
    environment: { LANG: 'C.UTF-8', PATH: process.env.PATH ?? '' },
    spec: { type: 'object', properties: { api_key: { type: 'string', airbyte_secret: true } } },
    ...standardLimits,
    ...options,
  }
}

/** Puts it into a catalog, as `catalog import` would. Returns its process.json. */
export function importFake(
  catalogFolder: string,
  options: Partial<ProcessDefinition> = {},
): string {
  const file = importedProcess(catalogFolder, options.name ?? 'fake')
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, JSON.stringify(fakeDefinition(options)))
  return file
}
