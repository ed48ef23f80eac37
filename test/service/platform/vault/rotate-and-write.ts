import { openFileVault } from '../../../../service/platform/vault/file-vault.ts'

/**
 * A process that rotates the key and counts in the vault, printing each number that is durable, until it is
 * killed.
 */
const [folder = ''] = process.argv.slice(2)
const vault = await openFileVault({ folder })
const start = Number((await vault.get('counter'))?.secrets['/n'] ?? 0)
for (let n = start + 1; ; n += 1) {
  await vault.put('counter', { '/n': n })
  process.stdout.write(`${n}\n`)
  await vault.rotateKey()
}
