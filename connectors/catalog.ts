import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  bundledManifest,
  connectorTypes,
  isNativeType,
  manifestType,
  processType,
  pythonManifestType,
} from './registry.ts'
import { hasPythonComponents } from './airbyte-process/python-components.ts'
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
  /** A program of somebody else: see `allowedEntry`. */
  readonly isProcess?: true
  /** The type of the same manifest, if its components in Python may be run. */
  readonly pythonType?: string
}

/**
 * The entry as it may be used: with components in Python only if the operator allows programs of others.
 * Throws `airbyte_disabled` for an external connector if not.
 */
export function allowedEntry(entry: CatalogEntry, allowsProcesses: boolean): CatalogEntry {
  if (!allowsProcesses) requireNoProcess(entry)
  const { pythonType } = entry
  return !allowsProcesses || pythonType === undefined
    ? entry
    : { ...entry, connectorType: pythonType }
}

/** Throws `airbyte_disabled` for an external connector. */
export function requireNoProcess({
  name,
  isProcess,
}: Pick<CatalogEntry, 'name' | 'isProcess'>): void {
  if (isProcess === true)
    throw new ConnectError('airbyte_disabled', { details: { connector: name } })
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
    if (existsSync(manifest)) {
      const connectorType = manifestType(manifest)
      const python = hasPythonComponents(manifest) && { pythonType: pythonManifestType(manifest) }
      return { name, kind: 'imported', connectorType, manifest, ...python }
    }
    const program = importedProcess(folder, name)
    if (existsSync(program))
      return { name, kind: 'imported', connectorType: processType(program), isProcess: true }
  }
  const manifest = bundledManifest(name)
  if (manifest === undefined) return undefined
  return { name, kind: 'bundled', connectorType: name, manifest }
}

/** Where an imported manifest is stored. */
export function importedManifest(folder: string, name: string): string {
  return join(folder, name, 'manifest.yaml')
}

/** Where the description of an external connector is stored. */
export function importedProcess(folder: string, name: string): string {
  return join(folder, name, 'process.json')
}

function importedNames(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder).filter(isFolderName) : []
}

/** No path to elsewhere. An import that is in progress, or was interrupted, starts with a dot. */
function isFolderName(name: string): boolean {
  return name !== '' && !name.startsWith('.') && !/[/\\\0]/.test(name)
}
