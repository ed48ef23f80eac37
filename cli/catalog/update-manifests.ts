import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { importedManifest, readCatalog } from '../../connectors/catalog.ts'
import { exitCodes } from '../exit-codes.ts'
import { plainText } from '../output/plain-text.ts'
import { usageError } from '../usage-error.ts'
import type { ManifestOrigin } from './manifest-file.ts'
import { airbyteNames, fetchPublished, type RegistryOptions } from './airbyte-registry.ts'
import { compareManifests, isNewServer } from './compare-manifests.ts'
import { importedOrigin, importManifest } from './import-manifests.ts'

export interface UpdateOptions extends RegistryOptions {
  readonly catalogFolder: string
  /** Default: all that were imported by name. */
  readonly name: string | undefined
  /** Replaces the manifests; otherwise the differences are only shown. */
  readonly isApplied: boolean
  /** Replaces those that were edited since their import, and those that name another server, too. */
  readonly force: boolean
  readonly write: (text: string) => Promise<void>
}

/**
 * Shows what newer versions of imported manifests change. Resolves with `changes` if one differs and was not
 * replaced.
 */
export async function updateManifests(options: UpdateOptions): Promise<number> {
  const names = updatable(options)
  let open = 0
  for (const name of names) {
    options.signal.throwIfAborted()
    if (!(await update(name, options))) open += 1
  }
  if (open > 0 && !options.isApplied)
    await options.write('next: reactor connect catalog update --apply\n')
  return open === 0 ? exitCodes.complete : exitCodes.changes
}

function updatable({ catalogFolder, name }: UpdateOptions): readonly string[] {
  const imported = [...readCatalog(catalogFolder).values()]
    .filter(({ kind }) => kind === 'imported')
    .map((entry) => entry.name)
    .filter((entry) => importedOrigin(catalogFolder, entry) !== undefined)
  if (name === undefined) return imported
  if (imported.includes(name)) return [name]
  throw usageError(
    `"${name}" was not imported by its name at Airbyte`,
    'Import it with `reactor connect catalog import airbyte:NAME`.',
  )
}

/** True if nothing is left to be done. */
async function update(name: string, options: UpdateOptions): Promise<boolean> {
  const { catalogFolder, isApplied, force, write } = options
  const origin = importedOrigin(catalogFolder, name)
  const published = publishedName(origin)
  if (origin === undefined || published === undefined) return true
  const before = readFileSync(importedManifest(catalogFolder, name), 'utf8')
  const { text, components, origin: next } = await fetchPublished(published, options)
  if (next.sha256 === origin.sha256) {
    await write(`${name}: ${origin.version} is the latest version\n`)
    return true
  }
  const lines = compareManifests(before, text)
  const shown = lines.length === 0 ? ['only its text differs'] : lines
  await write(
    `${name}: ${origin.version} -> ${next.version}\n${shown.map((line) => `  ${plainText(line)}\n`).join('')}`,
  )
  if (!isApplied) return false
  const isEdited = createHash('sha256').update(before).digest('hex') !== origin.sha256
  const reason = isEdited
    ? 'it was edited since its import'
    : lines.some(isNewServer) && 'its instances would send their secrets to another server'
  if (reason !== false && !force) {
    await write(`  not replaced: ${reason}; --force replaces it\n`)
    return false
  }
  const replaced = importManifest(
    { from: next.from, text, components, origin: next },
    { catalogFolder, name, force: true },
  )
  await write(
    'refused' in replaced ? `  refused: ${plainText(replaced.refused)}\n` : '  replaced\n',
  )
  return !('refused' in replaced)
}

function publishedName(origin: ManifestOrigin | undefined): string | undefined {
  return origin === undefined ? undefined : airbyteNames(origin.from)?.[0]
}
