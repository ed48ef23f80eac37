import { readdir } from 'node:fs/promises'
import { ConnectError } from '../../protocol/index.ts'
import type { Settings } from '../platform/config/settings.ts'
import { openFileVault, type RotatedKey } from '../platform/vault/file-vault.ts'
import { keyFileName } from '../platform/vault/key-ring.ts'
import { isNameOfSecrets } from '../platform/vault/secrets-file.ts'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { vaultFolderOf } from './open-vault.ts'

/**
 * Encrypts the embedded vault of the settings with a new key. Services that have it open continue; if it is
 * interrupted, every secret stays readable. Throws `vault_rotation_refused` if the key is not in the folder.
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
  if (!(await hasVault(folder))) {
    const fix =
      'Name the data folder that the service uses (`--data-dir`) or its settings (`--config`), on the machine of the service.'
    throw refusedError(`there is no vault in ${folder}`, fix)
  }
  await using vault = await openFileVault({ folder })
  return { folder, ...(await vault.rotateKey()) }
}

/** A folder whose key file is lost has a vault all the same: opening it says what to do. */
async function hasVault(folder: string): Promise<boolean> {
  try {
    const names = await readdir(folder)
    return names.includes(keyFileName) || names.some(isNameOfSecrets)
  } catch (error) {
    // If this user may not read it, opening it says who may.
    return errorCodeOf(error) !== 'ENOENT'
  }
}

function refusedError(reason: string, fix: string): ConnectError {
  return new ConnectError('vault_rotation_refused', { details: { reason, fix } })
}
