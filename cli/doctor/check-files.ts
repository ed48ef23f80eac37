import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { loadPolicy } from '../../service/platform/access/load-policy.ts'
import type { Environment } from '../../plan/environment.ts'
import type { Settings } from '../../service/platform/config/settings.ts'
import { unknownVariables } from '../../service/platform/config/unknown-variables.ts'
import { plainText } from '../output/plain-text.ts'
import { finding, type Finding } from './finding.ts'

/** Variables that nobody reads: most likely typing errors. */
export function checkVariables(environment: Environment): readonly Finding[] {
  return unknownVariables(environment).map(({ variable, meant }) => ({
    name: 'environment',
    status: 'warning',
    detail: plainText(`${variable} is not a setting: it has no effect`),
    fix:
      meant === undefined
        ? 'Remove it; docs/configuration.md lists all settings.'
        : `Did you mean \`${meant}\`?`,
  }))
}

/** Files of the settings that a start of the service reads. */
export function checkFiles(settings: Settings): readonly Promise<Finding>[] {
  return [
    ...(settings.policyFile === undefined ? [] : [checkPolicy(settings.policyFile)]),
    // The standard folder is made at the first import.
    ...(settings.catalogDir === join(settings.dataDir, 'catalog')
      ? []
      : [checkCatalogFolder(settings.catalogDir)]),
  ]
}

async function checkPolicy(file: string): Promise<Finding> {
  const name = 'policy'
  return finding(name, async () => {
    const { warnings } = await loadPolicy(file)
    if (warnings.length === 0) return { name, status: 'ok', detail: file }
    const fix = 'Correct these rules in the file, or remove them.'
    return { name, status: 'warning', detail: plainText(`${file}: ${warnings.join('; ')}`), fix }
  })
}

async function checkCatalogFolder(folder: string): Promise<Finding> {
  const name = 'catalog folder'
  return finding(name, async () => {
    const stats = await stat(folder).catch((error: unknown) => {
      if (errorCodeOf(error) === 'ENOENT') return undefined
      throw error
    })
    if (stats?.isDirectory() === true) return { name, status: 'ok', detail: folder }
    const problem = stats === undefined ? 'does not exist' : 'is not a folder'
    const fix =
      'Correct `REACTOR_CONNECT_CATALOG_DIR`, or make the folder: until then, the service has no imported connectors.'
    return { name, status: 'failed', detail: plainText(`${folder} ${problem}`), fix }
  })
}
