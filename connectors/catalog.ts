import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { bundledManifest, connectorTypes, isNativeType, manifestType } from './registry.ts'
import { unknownConnector } from './unknown-connector.ts'
import { ConnectError } from '../protocol/index.ts'

/** A connector that a run file and the command line can name. */
export interface CatalogEntry {
  readonly name: string
  /**
   * `native`: written in TypeScript. `bundled`: a manifest that comes with the program. `imported`: one of
   * the user's.
   */
  readonly kind: 'native' | 'bundled' | 'imported'
  /** `connectorOf` finds the connector by this type, on any thread. */
  readonly connectorType: string
  /** The file of a manifest. */
  readonly manifest?: string
}

/**
 * All connectors by name, sorted. An imported manifest takes precedence over a bundled one of its name, and a
 * native one over both.
 * @param folder where imported manifests are: a folder of its name for each; need not exist
 */
export function readCatalog(folder: string): ReadonlyMap<string, CatalogEntry> {
  const names = new Set([...connectorTypes(), ...importedNames(folder)])
  const entries = new Map<string, CatalogEntry>()
  for (const name of [...names].toSorted()) {
    const entry = findEntry(folder, name)
    if (entry !== undefined) entries.set(name, entry)
  }
  return entries
}

/** The entry of a name. Throws `unknown_connector`. */
export function catalogEntry(folder: string, type: string): CatalogEntry {
  const entry = findEntry(folder, type)
  if (entry !== undefined) return entry
  throw unknownConnector(type, [...readCatalog(folder).keys()])
}

/** Looks for this name alone: each call of an action comes here. */
function findEntry(folder: string, name: string): CatalogEntry | undefined {
  if (isNativeType(name)) return { name, kind: 'native', connectorType: name }
  if (isFolderName(name)) {
    const manifest = importedManifest(folder, name)
    if (existsSync(manifest))
      return { name, kind: 'imported', connectorType: manifestType(manifest), manifest }
  }
  const manifest = bundledManifest(name)
  if (manifest === undefined) return undefined
  return { name, kind: 'bundled', connectorType: name, manifest }
}

/**
 * The file of a manifest by its name. Throws `unknown_connector`, and `usage` for a connector that is not a
 * manifest.
 */
export function catalogManifest(folder: string, type: string): string {
  const { manifest } = catalogEntry(folder, type)
  if (manifest !== undefined) return manifest
  const problem = `"${type}" is a built-in connector, not a manifest`
  const fix = `Only manifests are Airbyte sources: \`reactor connect catalog list\` shows them as bundled or imported. Use ${type} in a run file (\`source: { type: ${type} }\`), or in the service: \`reactor connect instances create NAME --type ${type}\`.`
  throw new ConnectError('usage', { details: { problem, fix } })
}

/** Where an imported manifest is stored. */
export function importedManifest(folder: string, name: string): string {
  return join(folder, name, 'manifest.yaml')
}

function importedNames(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder).filter(isFolderName) : []
}

/** No path to elsewhere. An import that is in progress, or was interrupted, starts with a dot. */
function isFolderName(name: string): boolean {
  return name !== '' && !name.startsWith('.') && !/[/\\\0]/.test(name)
}
