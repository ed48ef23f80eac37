import { basename, dirname, extname } from 'node:path'

/**
 * The name under which a manifest is imported: that of its file, or of the folder around a `manifest.yaml`.
 * The prefix of Airbyte's folders (`source-`) is dropped. Undefined if that is not a name.
 */
export function manifestName(path: string): string | undefined {
  const file = basename(path, extname(path))
  const plain = file === 'manifest' ? basename(dirname(path)) : file
  return asManifestName(plain.toLowerCase().replace(/^(airbyte[-_])?source[-_]/, ''))
}

/** A name as it may stand in a run file and in a path: undefined if the text is none. */
export function asManifestName(text: string): string | undefined {
  const name = text.replaceAll('_', '-')
  return /^[a-z0-9][a-z0-9-]{0,99}$/.test(name) ? name : undefined
}
