import type { ManifestFile } from './manifest-file.ts'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { notUtf8, notUtf8Fix, utf8Text } from '../../lib/text/utf8-text.ts'
import type { ConnectError } from '../../protocol/index.ts'
import { usageError } from '../usage-error.ts'

/** A manifest as it was found: its text, and where it came from. */
/** Folders of a checkout of all of Airbyte's connectors are three deep. */
const maxDepth = 5

/**
 * The manifests of a path: a file, or those of a folder: every `manifest.yaml` below it, and if there is none
 * the YAML files in it. Throws `usage` if there is nothing to read.
 */
export function findManifests(path: string): readonly ManifestFile[] {
  try {
    if (!statSync(path).isDirectory()) return [read(path, join(path, '..'))]
    const named = filesBelow(path, maxDepth).filter((file) => /^manifest\.ya?ml$/.test(file.name))
    const files = named.length > 0 ? named : yamlFiles(path)
    if (files.length > 0)
      return files.map((file) => read(join(file.folder, file.name), file.folder))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw manifestUsageError(`${path} cannot be read: ${reason}`, error)
  }
  throw manifestUsageError(`${path} contains no manifest`)
}

interface File {
  readonly folder: string
  readonly name: string
}

function filesBelow(folder: string, depth: number): readonly File[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isFile()) return [{ folder, name: entry.name }]
    const isSkipped = entry.name.startsWith('.') || entry.name === 'node_modules'
    if (!entry.isDirectory() || isSkipped || depth === 0) return []
    return filesBelow(join(folder, entry.name), depth - 1)
  })
}

function yamlFiles(folder: string): readonly File[] {
  return filesBelow(folder, 0).filter(({ name }) => /\.ya?ml$/.test(name))
}

function read(path: string, folder: string): ManifestFile {
  const text = utf8Text(readFileSync(path))
  if (text === undefined)
    throw usageError(`The manifest ${path} cannot be used: ${notUtf8}`, notUtf8Fix)
  return { from: path, text, folder }
}

function manifestUsageError(problem: string, cause?: unknown): ConnectError {
  const fix = 'Name a manifest (YAML), a folder of manifests, or an https:// address of one.'
  return usageError(problem, fix, cause)
}
