import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Puts a manifest of test/fakes among those that were imported into the folder. */
export async function importManifest(catalogDir: string, name: 'crm' | 'echo'): Promise<void> {
  await mkdir(join(catalogDir, name), { recursive: true })
  const manifest = new URL(`../fakes/${name}.yaml`, import.meta.url)
  await cp(manifest, join(catalogDir, name, 'manifest.yaml'))
}
