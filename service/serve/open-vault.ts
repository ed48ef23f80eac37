import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Settings } from '../platform/config/settings.ts'
import { openFileVault, type FileVaultOptions } from '../platform/vault/file-vault.ts'
import { openKv2Vault } from '../platform/vault/kv2-vault.ts'
import type { Vault } from '../platform/vault/vault.ts'

/** Files, in one line of the log. */
const mostNamed = 20

/** The vault of the settings, else an encrypted one in the data folder. Throws if it cannot be used. */
export async function openVault(settings: Settings, logger: Logger): Promise<Vault> {
  const { vaultUrl, vaultToken, vaultMount, vaultNamespace } = settings
  if (vaultUrl === undefined || vaultToken === undefined) return openEmbeddedVault(settings, logger)
  const vault = openKv2Vault({
    url: vaultUrl,
    token: vaultToken,
    mount: vaultMount,
    logger,
    ...(vaultNamespace !== undefined && { namespace: vaultNamespace }),
  })
  try {
    await vault.check()
    return vault
  } catch (error) {
    await vault[Symbol.asyncDispose]()
    throw error
  }
}

async function openEmbeddedVault(settings: Settings, logger: Logger): Promise<Vault> {
  const vault = await openFileVault(fileVaultOptions(settings))
  const { damagedFiles } = vault
  if (damagedFiles.length > 0)
    logger.error(
      {
        folder: vaultFolderOf(settings),
        files: damagedFiles.slice(0, mostNamed),
        count: damagedFiles.length,
      },
      'files of the vault are damaged, and what needs them fails: docs/errors/vault_corrupt.md says what to do',
    )
  return vault
}

/** Of the embedded vault. */
export function vaultFolderOf({ dataDir }: Pick<Settings, 'dataDir'>): string {
  return join(dataDir, 'vault')
}

function fileVaultOptions({ dataDir, vaultKey, vaultPreviousKey }: Settings): FileVaultOptions {
  return {
    folder: vaultFolderOf({ dataDir }),
    ...(vaultKey !== undefined && { key: vaultKey }),
    ...(vaultPreviousKey !== undefined && { previousKey: vaultPreviousKey }),
  }
}
