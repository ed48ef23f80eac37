import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { loadManifest, type Manifest } from '../../manifest-interpreter/manifest/load-manifest.ts'
import type { Mistake } from '../../manifest-interpreter/mistakes/find-mistakes.ts'
import { nativeTypes } from '../../connectors/registry.ts'
import { describeManifest } from '../../connectors/manifest/describe-manifest.ts'
import type { ConnectorStreams } from '../../connectors/connector.ts'
import { compareServers } from './compare-manifests.ts'
import { serversOf } from '../../connectors/manifest/servers.ts'
import { manifestOriginSchema, type ManifestFile, type ManifestOrigin } from './manifest-file.ts'
import { manifestName } from './manifest-name.ts'
import { mistakesOf } from '../source/validate-source.ts'
import { componentsOf } from '../../connectors/airbyte-process/python-components.ts'
import { importedManifest, readCatalog } from '../../connectors/catalog.ts'

export interface ImportOptions {
  /** The folder of imported manifests; created if it is missing. */
  readonly catalogFolder: string
  /** Replaces an earlier import of the same name. */
  readonly force: boolean
  /** The name, for a lone manifest. */
  readonly name: string | undefined
}

export type Imported =
  | {
      readonly from: string
      readonly name: string
      readonly description: ConnectorStreams
      /** Errors in its text. It is imported all the same. */
      readonly mistakes: readonly Mistake[]
      /**
       * Servers that the manifest that it replaces did not send requests to, and those that it does not send
       * any to.
       */
      readonly servers: readonly string[]
    }
  | { readonly from: string; readonly refused: string }

/** Copies a valid manifest into the catalog. A crash never leaves half of one. */
export function importManifest(manifestFile: ManifestFile, options: ImportOptions): Imported {
  const { from } = manifestFile
  const name = options.name ?? manifestName(from)
  if (name === undefined)
    return {
      from,
      refused: 'Its name has other characters than a-z, 0-9 and -. Name it with --as.',
    }
  const taken = takenReason(name, options)
  if (taken !== undefined) return { from, refused: taken }
  try {
    const manifest = loadManifest(manifestFile.text)
    const description = describeManifest(manifest)
    const mistakes = mistakesOf(manifest)
    const servers = changedServers(manifest, name, options.catalogFolder)
    copy(manifestFile, options.catalogFolder, name)
    return { from, name, description, mistakes, servers }
  } catch (error) {
    return { from, refused: error instanceof Error ? error.message : String(error) }
  }
}

/** Its instances send their secrets there from now on. */
function changedServers(
  manifest: Manifest,
  name: string,
  catalogFolder: string,
): readonly string[] {
  const replaced = readCatalog(catalogFolder).get(name)?.manifest
  if (replaced === undefined) return []
  try {
    return compareServers(loadManifest(readFileSync(replaced, 'utf8')), manifest)
  } catch {
    return serversOf(manifest).map(
      (server) => `+ server ${server}; the replaced manifest was not valid`,
    )
  }
}

/** Why a name cannot be given to an import; undefined if it can. */
export function takenReason(
  name: string,
  { catalogFolder, force }: Pick<ImportOptions, 'catalogFolder' | 'force'>,
): string | undefined {
  if (nativeTypes().includes(name))
    return `"${name}" is a built-in connector. Import it under another name with --as.`
  if (force) return undefined
  switch (readCatalog(catalogFolder).get(name)?.kind) {
    case 'imported':
      return `"${name}" was imported before. Replace it with --force.`
    case 'bundled':
      return `"${name}" comes with the program. Replace it with --force, or import it under another name with --as.`
    case 'native':
    case undefined:
      return undefined
  }
}

const originFile = 'origin.json'

/** Where an imported manifest came from; undefined if that is not known. */
export function importedOrigin(catalogFolder: string, name: string): ManifestOrigin | undefined {
  const file = join(importedManifest(catalogFolder, name), '..', originFile)
  if (!existsSync(file)) return undefined
  return manifestOriginSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
}

/** Relative paths of a manifest lead to a folder beside it: JSON schemas of its streams. */
function copy(
  { text, folder, origin, components: python }: ManifestFile,
  catalogFolder: string,
  name: string,
): void {
  const unfinished = join(catalogFolder, `.${name}.unfinished`)
  rmSync(unfinished, { recursive: true, force: true })
  // The data folder above it may not exist yet, and must be private.
  mkdirSync(catalogFolder, { recursive: true, mode: 0o700 })
  mkdirSync(unfinished, { recursive: true, mode: 0o700 })
  writeFileSync(join(unfinished, 'manifest.yaml'), text)
  if (origin !== undefined)
    writeFileSync(join(unfinished, originFile), `${JSON.stringify(origin, null, 2)}\n`)
  const schemas = folder === undefined ? undefined : join(folder, 'schemas')
  if (schemas !== undefined && existsSync(schemas))
    cpSync(schemas, join(unfinished, 'schemas'), { recursive: true })
  // Python code of some streams: it runs only if the operator allows it.
  const components = folder === undefined ? undefined : join(folder, 'components.py')
  if (components !== undefined && existsSync(components))
    cpSync(components, componentsOf(join(unfinished, 'manifest.yaml')))
  if (python !== undefined) writeFileSync(componentsOf(join(unfinished, 'manifest.yaml')), python)
  const target = join(importedManifest(catalogFolder, name), '..')
  rmSync(target, { recursive: true, force: true })
  renameSync(unfinished, target)
}
