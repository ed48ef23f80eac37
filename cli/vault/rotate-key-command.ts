import { join } from 'node:path'
import type { Environment } from '../../service/platform/config/environment.ts'
import { loadSettings } from '../../service/platform/config/load-settings.ts'
import { rotateVaultKey } from '../../service/serve/rotate-vault-key.ts'
import { exitCodes } from '../exit-codes.ts'
import { docsPath } from '../output/docs-path.ts'
import { showResult, type CommandOutput } from '../output/command-output.ts'
import type { RotateKeyFlags } from './vault-program.ts'

/**
 * Sets a new key for the embedded vault of the settings; `partial` if files are damaged, which it names. Throws `vault_rotation_refused`, and what
 * the vault throws.
 */
export async function rotateKey(
  { config, dataDir }: RotateKeyFlags,
  context: { readonly output: CommandOutput; readonly environment: Environment },
): Promise<number> {
  const settings = loadSettings({
    environment: context.environment,
    flags: { data_dir: dataDir },
    ...(config !== undefined && { file: config }),
  })
  const rotated = await rotateVaultKey(settings)
  await showResult(context.output, rotated, () => {
    const { folder, secrets, key } = rotated
    const what = secrets === 1 ? '1 file is' : `${secrets} files are`
    return `${what} encrypted with a new key (id ${key}) in ${folder}\nback up the folder: older backups open only with their own vault.json\n`
  })
  if (rotated.damaged.length === 0) return exitCodes.complete
  context.output.screen.line(damagedText(rotated, context.output))
  return exitCodes.partial
}

function damagedText(
  { damaged, folder }: { readonly damaged: readonly string[]; readonly folder: string },
  { paint }: Pick<CommandOutput, 'paint'>,
): string {
  const files = damaged.length === 1 ? '1 file is' : `${damaged.length} files are`
  return [
    `${paint('yellow', 'warning:')} ${files} damaged and could not be encrypted with the new key; only what needs such a file fails:`,
    ...damaged.map((name) => `  ${join(folder, name)}`),
    `the log of the service names their instances when it starts; ${docsPath('docs/errors/vault_corrupt.md')} says what to do`,
  ].join('\n')
}
