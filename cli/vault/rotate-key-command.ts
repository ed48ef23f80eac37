import { join } from 'node:path'
import type { Environment } from '../../plan/environment.ts'
import { loadSettings } from '../../service/platform/config/load-settings.ts'
import { rotateVaultKey } from '../../service/serve/rotate-vault-key.ts'
import { exitCodes } from '../exit-codes.ts'
import type { RotatedKey } from '../../service/platform/vault/file-vault.ts'
import { docsPath } from '../output/docs-path.ts'
import { showResult, type CommandOutput } from '../output/command-output.ts'
import type { RotateKeyFlags } from './vault-program.ts'

/**
 * Sets a new key for the embedded vault of the settings; `partial` if files are damaged or cannot be read,
 * which it names. Throws `vault_rotation_refused`, and what the vault throws.
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
  const { damaged, setAside } = rotated
  if (damaged.length > 0) context.output.screen.line(damagedText(rotated, context.output))
  if (setAside.length > 0) context.output.screen.line(setAsideText(rotated, context.output))
  return damaged.length + setAside.length === 0 ? exitCodes.complete : exitCodes.partial
}

type Rotated = RotatedKey & { readonly folder: string }

function damagedText(
  { damaged, kept, folder }: Rotated,
  { paint }: Pick<CommandOutput, 'paint'>,
): string {
  const [subject, object] =
    damaged.length === 1 ? ['1 file', 'it'] : [`${damaged.length} files`, 'them']
  return [
    `${paint('yellow', 'warning:')} ${subject} could not be encrypted with the new key, and what needs ${object} fails:`,
    ...damaged.map(({ name, reason }) => `  ${join(folder, name)}: ${reason}`),
    ...(kept.length === 0 || damaged.every(({ status }) => status === 'damaged')
      ? []
      : [
          `the older keys (${kept.join(', ')}) stay in vault.json, because a file that cannot be read may need one: let it be read, then run this again`,
        ]),
    `after a use or a start of the service, \`reactor connect instances list\` shows the credentials of their instances as missing; ${docsPath('docs/errors/credentials.md#vault_corrupt')} says what to do`,
  ].join('\n')
}

/** Nothing needs these files, but a person may want to repair one. */
function setAsideText(
  { setAside, kept, folder }: Rotated,
  { paint }: Pick<CommandOutput, 'paint'>,
): string {
  const [files, object] =
    setAside.length === 1
      ? ['1 file that was', 'it']
      : [`${setAside.length} files that were`, 'them']
  return [
    `${paint('yellow', 'warning:')} ${files} replaced earlier could not be encrypted with the new key:`,
    ...setAside.map(({ name, reason }) => `  ${join(folder, name)}: ${reason}`),
    `the older keys (${kept.join(', ')}) stay in vault.json, in case that you mend ${object}: if you do not need ${object}, delete ${object}, then run this again`,
  ].join('\n')
}
