import { setting } from './setting.ts'
import { httpUrl, text } from '../../../lib/net/address-fields.ts'
import { folder, headerToken } from '../../../plan/setting-types.ts'

/** Settings of the vault, which has all credentials, and of the keys in it. */
export const vaultSettings = {
  vaultUrl: setting(httpUrl.optional(), {
    path: 'vault_url',
    type: 'URL',
    standard: 'an embedded, encrypted store in `data_dir`',
    description: 'HashiCorp Vault or OpenBao (key-value engine, version 2), for all credentials.',
  }),
  vaultToken: setting(headerToken.optional(), {
    path: 'vault_token',
    type: 'text',
    standard: 'the token in `vault_token_file`',
    secret: true,
    alias: 'VAULT_TOKEN',
    description:
      'The token for the Vault. `VAULT_TOKEN` only counts if `vault_url` is set, and no `vault_token_file`.',
  }),
  vaultTokenFile: setting(folder().optional(), {
    path: 'vault_token_file',
    type: 'file',
    standard:
      '`~/.vault-token`, which `vault login` and `bao login` write; needed with `vault_url` if there is no `vault_token`',
    description:
      'The token for the Vault, in a file that an agent of Vault or OpenBao keeps up to date (a `file` sink). It is read for each request; while it cannot be read, the token of before is used.',
  }),
  vaultMount: setting(text.default('secret'), {
    path: 'vault_mount',
    type: 'text',
    standard: 'secret',
    description: 'Where the key-value engine is mounted in the Vault.',
  }),
  vaultNamespace: setting(text.optional(), {
    path: 'vault_namespace',
    type: 'text',
    standard: 'none',
    description: 'The namespace in the Vault (Vault Enterprise, OpenBao).',
  }),
  vaultKey: setting(text.optional(), {
    path: 'vault_key',
    type: '32 bytes in base64',
    standard: 'a key that is made and kept in the folder of the embedded vault',
    secret: true,
    description:
      'Encrypts the embedded vault. The vault cannot be opened without it: store it safely.',
  }),
  vaultPreviousKey: setting(text.optional(), {
    path: 'vault_previous_key',
    type: '32 bytes in base64',
    standard: 'none',
    secret: true,
    description:
      'The previous `vault_key`, for one start: everything is then encrypted with the new key.',
  }),
  maskKey: setting(text.min(16, 'must have at least 16 characters').optional(), {
    path: 'mask_key',
    type: 'text of at least 16 characters',
    standard: 'a key that is made and kept in the vault',
    secret: true,
    description:
      'The key of masks that are hashes. Give the one of a run file if its hashes are to be the same here.',
  }),
} as const
