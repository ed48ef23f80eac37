import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Settings } from '../platform/config/settings.ts'
import { openFileVault, type FileVaultOptions } from '../platform/vault/file-vault.ts'
import { openKv2Vault } from '../platform/vault/kv2-vault.ts'
import { TokenFile } from '../platform/vault/token-file.ts'
import type { UnusableFile } from '../platform/vault/secrets-file.ts'
import type { Vault } from '../platform/vault/vault.ts'

/** Files, in one line of the log. */
const mostNamed = 20

/** The vault of the settings, else an encrypted one in the data folder. Throws if it cannot be used. */
export async function openVault(settings: Settings, logger: Logger): Promise<Vault> {
  const vault = openExternalVault(settings, logger)
  if (vault === undefined) return openEmbeddedVault(settings, logger)
  try {
    await vault.check()
    return vault
  } catch (error) {
    await vault[Symbol.asyncDispose]()
    throw error
  }
}

/** The Vault that the settings name, unchecked; undefined if they name none. */
export function openExternalVault(settings: Settings, logger: Logger): Vault | undefined {
  const { vaultUrl, vaultToken, vaultTokenFile: file, vaultMount, vaultNamespace } = settings
  const token = vaultToken ?? (file === undefined ? undefined : new TokenFile({ file, logger }))
  if (vaultUrl === undefined || token === undefined) return undefined
  return openKv2Vault({
    url: vaultUrl,
    token,
    mount: vaultMount,
    logger,
    ...(vaultNamespace !== undefined && { namespace: vaultNamespace }),
  })
}

async function openEmbeddedVault(settings: Settings, logger: Logger): Promise<Vault> {
  const vault = await openFileVault(fileVaultOptions(settings))
  const files = vault.unusableAtStart
  const folder = vaultFolderOf(settings)
  if (files.length > 0)
    logger.error(
      { folder, files: files.slice(0, mostNamed), count: files.length },
      'files of the vault cannot be used, and what needs them fails: docs/errors/credentials.md says what to do (vault_corrupt, vault_file_unreadable)',
    )
  const mayNeedAnotherKey = files.some(isUnreadable) || vault.setAsideAtStart.length > 0
  if (settings.vaultPreviousKey !== undefined && mayNeedAnotherKey)
    logger.warn(
      { folder },
      'keep REACTOR_CONNECT_VAULT_PREVIOUS_KEY until all files of the vault can be read, also those that were set aside: some may need it',
    )
  return vault
}

/** A key of the settings is not stored, so a file that cannot be read now would be lost without it. */
function isUnreadable({ status }: UnusableFile): boolean {
  return status === 'unreadable'
}

/** The folder of the embedded vault. */
export function vaultFolderOf({ dataDir }: Pick<Settings, 'dataDir'>): string {
  return join(dataDir, 'vault')
}

export function fileVaultOptions({
  dataDir,
  vaultKey,
  vaultPreviousKey,
}: Settings): FileVaultOptions {
  return {
    folder: vaultFolderOf({ dataDir }),
    ...(vaultKey !== undefined && { key: vaultKey }),
    ...(vaultPreviousKey !== undefined && { previousKey: vaultPreviousKey }),
  }
}
