import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { ConnectError } from '../../protocol/index.ts'
import type { Settings } from '../platform/config/settings.ts'
import { openFileVault, type RotatedKey } from '../platform/vault/file-vault.ts'
import { keyFileName } from '../platform/vault/key-ring.ts'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { vaultFolderOf } from './open-vault.ts'

/**
 * Encrypts the embedded vault of the settings with a new key. Services that have it open continue; if it is interrupted, every secret stays
 * readable. Throws `vault_rotation_refused` if the key is not in the folder.
 */
export async function rotateVaultKey(
  settings: Settings,
): Promise<RotatedKey & { readonly folder: string }> {
  const folder = vaultFolderOf(settings)
  if (settings.vaultUrl !== undefined) {
    const reason = `the credentials are in the vault at ${new URL(settings.vaultUrl).origin}`
    throw refusedError(reason, 'Rotate the key there: `vault operator rotate`.')
  }
  if (settings.vaultKey !== undefined || settings.vaultPreviousKey !== undefined) {
    const fix =
      'Start the service once with the new key as REACTOR_CONNECT_VAULT_KEY and the old one as REACTOR_CONNECT_VAULT_PREVIOUS_KEY.'
    throw refusedError('the key comes from the settings, not from the folder', fix)
  }
  if (!(await exists(join(folder, keyFileName)))) {
    const fix =
      'Name the data folder that the service uses (`--data-dir`) or its settings (`--config`), on the machine of the service.'
    throw refusedError(`there is no vault in ${folder}`, fix)
  }
  await using vault = await openFileVault({ folder })
  return { folder, ...(await vault.rotateKey()) }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return false
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConnectError('vault_unreachable', { details: { url: path, reason }, cause: error })
  }
}

function refusedError(reason: string, fix: string): ConnectError {
  return new ConnectError('vault_rotation_refused', { details: { reason, fix } })
}
