import { existsSync } from 'node:fs'
import { loginTokenFile, type Environment } from './environment.ts'
import type { SettingValues } from './setting-rules.ts'

/**
 * The settings with the token of the Vault where other programs have it. `VAULT_TOKEN` and `~/.vault-token` are for them too, so they only count if
 * the settings name a Vault, and the file only if nothing else gives a token.
 */
export function withVaultToken(values: SettingValues, environment: Environment): SettingValues {
  const isForeign = values.get('vaultToken')?.place === 'VAULT_TOKEN'
  if (isForeign && (!values.has('vaultUrl') || values.has('vaultTokenFile')))
    return new Map([...values].filter(([name]) => name !== 'vaultToken'))
  const isNeeded =
    values.has('vaultUrl') && !values.has('vaultToken') && !values.has('vaultTokenFile')
  const file = loginTokenFile(environment)
  if (!isNeeded || !existsSync(file)) return values
  return new Map([...values, ['vaultTokenFile', { value: file, place: 'default' }]])
}
