import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { loadManifest, type Manifest } from '../../manifest-interpreter/manifest/load-manifest.ts'
import { ManifestError } from '../../manifest-interpreter/manifest/manifest-error.ts'
import { ConnectError } from '../../protocol/errors/connect-error.ts'

export interface LoadedManifest {
  readonly manifest: Manifest
  /** The folder of its relative paths. */
  readonly directory: string
}

/** The last version of each file: a worker needs the same one for every slice. */
const loaded = new Map<string, { readonly mtimeMs: number; readonly file: LoadedManifest }>()

/** Reads a manifest from a file. Throws `manifest_unreadable` or `manifest_invalid`. */
export function loadManifestFile(path: string): LoadedManifest {
  try {
    const { mtimeMs } = statSync(path)
    const known = loaded.get(path)
    if (known?.mtimeMs === mtimeMs) return known.file
    const file = { manifest: loadManifest(readFileSync(path, 'utf8')), directory: dirname(path) }
    loaded.set(path, { mtimeMs, file })
    return file
  } catch (error) {
    const code = error instanceof ManifestError ? 'manifest_invalid' : 'manifest_unreadable'
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConnectError(code, { details: { file: path, reason }, cause: error })
  }
}
